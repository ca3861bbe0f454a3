// A sheet to draw on, and how a drawing becomes 28 x 28 pixels: for the explorables that read drawings.
(() => {
  "use strict";
  const e = explorables;
  const SIDE = 280;
  const PEN = 26;
  const [BOX, STROKE] = [19, 2.6];  // of the small picture, as in scratchmnist.files.pictures
  const SAMPLE = [[[98, 84], [120, 62], [158, 62], [178, 86], [168, 122], [132, 136]],
    [[132, 136], [172, 146], [184, 182], [160, 214], [120, 218], [94, 198]]];  // a pale 3

  // ---- from the drawing to 28 x 28 pixels ------------------------------------------------------

  // How much of each of the 28 target pixels lies on each source pixel, when a source pixel is
  // `scale` target pixels wide and the first one begins at `start`: [28, side]
  function overlaps(side, scale, start) {
    return Array.from({ length: 28 }, (_, k) => {
      const from = (k - start) / scale;
      const to = from + 1 / scale;
      return Array.from({ length: side }, (_, i) =>
        scale * Math.max(0, Math.min(to, i + 1) - Math.max(from, i)));
    });
  }

  // The mean ink in each target pixel ("area averaging"): Y @ ink @ X^T
  function areaAverage(ink, side, scale, left, top) {
    const [X, Y] = [overlaps(side, scale, left), overlaps(side, scale, top)];
    const rows = Y.map((weights) => {
      const row = new Float64Array(side);
      weights.forEach((w, y) => {
        if (w) for (let x = 0; x < side; x++) row[x] += w * ink[y * side + x];
      });
      return row;
    });
    return rows.flatMap((row) => X.map((weights) => weights.reduce((sum, w, x) => sum + w * row[x], 0)));
  }

  // Squared distances along one line: the envelope of parabolas (Felzenszwalb and Huttenlocher)
  function nearest(line) {
    const [tops, bounds, n] = [[0], [-Infinity], line.length];
    const meet = (p, q) => (line[q] + q * q - line[p] - p * p) / (2 * (q - p));
    for (let q = 1; q < n; q++) {
      if (line[q] === Infinity) continue;
      if (line[tops[0]] === Infinity) { tops[0] = q; continue; }
      while (meet(tops.at(-1), q) <= bounds.at(-1)) { tops.pop(); bounds.pop(); }
      bounds.push(meet(tops.at(-1), q));
      tops.push(q);
    }
    const from = line.slice();
    for (let x = 0, k = 0; x < n; x++) {
      while (bounds[k + 1] < x) k++;
      line[x] = from[tops[k]] + (x - tops[k]) ** 2;
    }
    return line;
  }

  // The distance of each pixel to the nearest one where `marked` is true
  function distances(marked, side) {
    const squares = Float64Array.from(marked, (mark) => (mark ? 0 : Infinity));
    const column = new Float64Array(side);
    for (let x = 0; x < side; x++) {
      for (let y = 0; y < side; y++) column[y] = squares[y * side + x];
      nearest(column);
      for (let y = 0; y < side; y++) squares[y * side + x] = column[y];
    }
    for (let y = 0; y < side; y++) nearest(squares.subarray(y * side, (y + 1) * side));
    return squares.map(Math.sqrt);
  }

  // As `as_mnist` of scratchmnist.files.pictures: strokes as wide as MNIST's, the ink fills its box,
  // its centre of mass lies at 14.5 from the picture's edge. null: no ink, or only a dot.
  function prepare(sheet, sheetSide) {
    let [top, bottom, left, right, area] = [sheetSide, -1, sheetSide, -1, 0];
    sheet.forEach((value, i) => {
      if (value <= 0.5) return;
      const [x, y] = [i % sheetSide, Math.floor(i / sheetSide)];
      area += 1;
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
      [left, right] = [Math.min(left, x), Math.max(right, x)];
    });
    if (!area) return null;
    const box = Math.max(bottom - top, right - left) + 1;
    const framed = (margin, side) => Uint8Array.from({ length: side * side }, (_, i) => {
      const [x, y] = [left - margin + i % side, top - margin + Math.floor(i / side)];
      return x >= left && x <= right && y >= top && y <= bottom && sheet[y * sheetSide + x] > 0.5;
    });
    const within = (mask, side) => distances(mask.map((ink) => 1 - ink), side);
    const width = Math.max(1, 4 * within(framed(1, box + 2), box + 2).reduce((sum, d) => sum + d, 0) / area - 2);
    if (box < 2 * width) return null;
    const scale = (BOX - STROKE) / (box - width);
    const grow = (STROKE / scale - width) / 2;
    const margin = 1 + Math.max(0, Math.ceil(grow));
    const side = box + 2 * margin;
    const mask = framed(margin, side);
    const [inside, outside] = [within(mask, side), distances(mask, side)];
    let [mass, sumX, sumY] = [0, 0, 0];
    const ink = Float64Array.from(mask, (isInk, i) => {
      const value = Math.max(0, Math.min(1, 0.5 + grow - (isInk ? 0.5 - inside[i] : outside[i] - 0.5)));
      mass += value;
      sumX += value * (i % side + 0.5);
      sumY += value * (Math.floor(i / side) + 0.5);
      return value;
    });
    return areaAverage(ink, side, scale, 14.5 - scale * sumX / mass, 14.5 - scale * sumY / mass);
  }

  const shrink = (ink, side) => areaAverage(ink, side, 28 / side, 0, 0);

  // ---- the sheet -------------------------------------------------------------------------------

  function blank(on) {
    on.setTransform(1, 0, 0, 1, 0, 0);
    on.fillStyle = "white";
    on.fillRect(0, 0, SIDE, SIDE);
  }

  function trace(on, lines, pen, colour) {
    Object.assign(on, { lineWidth: pen, lineCap: "round", lineJoin: "round", strokeStyle: colour });
    for (const [[x, y], ...rest] of lines) {
      on.beginPath();
      on.moveTo(x, y);
      on.lineTo(x, y + 0.01);  // a line without length would leave no dot
      for (const point of rest) on.lineTo(...point);
      on.stroke();
    }
  }

  const AS_IT_IS = { across: 0, down: 0, turn: 0, thick: 0 };

  // A sheet for one pointer; it opens with a pale sample. picture() -> the pixels [784] that lie on
  // it, or null; changed(): after every change; begin(): before a stroke; place() -> by how much all
  // is moved (pixels), turned (degrees) and thickened (steps).
  function sheet(element, { picture, changed, begin, place = () => AS_IT_IS }) {
    const pad = e.make("canvas", { width: SIDE, height: SIDE, class: "pad", role: "img" });
    const context = pad.getContext("2d", { willReadFrequently: true });
    const large = e.make("canvas", { width: SIDE, height: SIDE })
      .getContext("2d", { willReadFrequently: true });
    const small = e.picture("");
    let [strokes, pointer, waiting, begun] = [[], null, null, null];

    function transform() {
      const { across, down, turn } = place();
      context.setTransform(1, 0, 0, 1, SIDE / 2 + 10 * across, SIDE / 2 + 10 * down);
      context.rotate(turn * Math.PI / 180);
      context.translate(-SIDE / 2, -SIDE / 2);
    }

    function draw() {
      const pixels = picture();
      blank(context);
      transform();
      if (pixels) {
        e.paint(small, pixels, e.ink);
        context.imageSmoothingEnabled = false;
        context.drawImage(small, 0, 0, SIDE, SIDE);
      }
      trace(context, strokes, PEN + 6 * place().thick, "black");
    }

    // The ink, 280 x 280. Strokes are drawn anew, large, the pen in proportion; null for a dot
    function ink(ready) {
      let source = context;
      if (ready && strokes.length) {
        const angle = place().turn * Math.PI / 180;
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        const lines = strokes.map((line) => line.map(([x, y]) => [c * x - s * y, s * x + c * y]));
        const [xs, ys] = [0, 1].map((axis) => lines.flatMap((line) => line.map((point) => point[axis])));
        const [left, top] = [xs, ys].map((values) => values.reduce((a, b) => Math.min(a, b)));
        const [right, bottom] = [xs, ys].map((values) => values.reduce((a, b) => Math.max(a, b)));
        const long = Math.max(right - left, bottom - top);
        if (long < 8) return null;
        const scale = 220 * (1 - STROKE / BOX) / long;
        const [x0, y0] = [(left + right) / 2, (top + bottom) / 2];
        blank(large);
        trace(large, lines.map((line) => line.map(
          ([x, y]) => [SIDE / 2 + scale * (x - x0), SIDE / 2 + scale * (y - y0)])), 220 * STROKE / BOX, "black");
        source = large;
      }
      const data = source.getImageData(0, 0, SIDE, SIDE).data;
      return new Float64Array(SIDE * SIDE).map((_, i) => 1 - data[4 * i] / 255);
    }

    // What is drawn in 28 x 28 pixels [784]; null: nothing, or only a dot
    function read(ready) {
      const drawn = ink(ready);
      const found = drawn && (ready ? prepare : shrink)(drawn, SIDE);
      return found && Math.max(...found) >= 0.1 ? found : null;
    }

    // A pale 3, written once; at once for those who want no motion
    function sample(now) {
      if (picture() || strokes.length || !element.isConnected) return;
      begun ??= now;
      const shown = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1 : Math.min(1, (now - begun) / 1500);
      draw();
      let left = Math.ceil(shown * SAMPLE.flat().length);
      trace(context, SAMPLE.map((line) => { const part = line.slice(0, Math.max(0, left)); left -= line.length; return part; })
          .filter((line) => line.length), PEN / 2, "#ddd");
      if (shown < 1) requestAnimationFrame(sample);
    }

    function point(event) {
      const box = pad.getBoundingClientRect();
      transform();
      const { x, y } = context.getTransform().invertSelf().transformPoint({
        x: (event.clientX - box.left) * SIDE / box.width,
        y: (event.clientY - box.top) * SIDE / box.height,
      });
      return [x, y];
    }

    pad.addEventListener("pointerdown", (event) => {
      if (event.button || pointer !== null) return;  // a second finger
      begin();
      pointer = event.pointerId;
      pad.setPointerCapture(event.pointerId);
      pad.classList.add("begun");
      strokes.push([point(event)]);
      changed();
    });
    pad.addEventListener("pointermove", (event) => {
      if (event.pointerId !== pointer) return;
      const steps = event.getCoalescedEvents?.() ?? [];
      for (const step of steps.length ? steps : [event]) strokes.at(-1).push(point(step));
      waiting ??= requestAnimationFrame(() => { waiting = null; changed(); });  // once a frame
    });
    for (const end of ["pointerup", "pointercancel"]) {
      pad.addEventListener(end, (event) => { if (event.pointerId === pointer) pointer = null; });
    }
    // For those who do not see it; example: the name of the picture that lies on the sheet, if one does
    function describe(example) {
      pad.setAttribute("aria-label", example ? `The drawing: ${example}`
        : strokes.length ? "Your drawing" : "An empty sheet to draw on");
    }

    requestAnimationFrame(sample);
    return {
      pad, draw, read, describe,
      wipe() { [strokes, pointer] = [[], null]; },
      get nothing() { return strokes.length ? "Only a dot" : "An empty sheet"; },  // why there is nothing to read
    };
  }

  // The names of pictures to choose, two of each digit
  const examples = (labels) => Array.from(labels, (label, k) => `a ${label}, ${k % 2 ? "second" : "first"} example`);

  e.prepare = prepare;
  e.shrink = shrink;
  e.sheet = sheet;
  e.examples = examples;
})();
