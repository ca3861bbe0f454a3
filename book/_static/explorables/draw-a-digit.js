// <draw-a-digit>: draw, or choose a digit and move it; two networks answer live.
(() => {
  "use strict";
  const e = explorables;
  const SIDE = 280;
  const PEN = 26;  // in the small picture 2.6 pixels, like MNIST's own strokes

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

  // As MNIST was made: the ink fills a box of 20 x 20, its centre of mass lies on pixel (14, 14).
  // That is at 14.5 when you measure from the picture's edge, as here.
  function prepare(ink, side) {
    let [top, bottom, left, right, mass, sumX, sumY] = [side, -1, side, -1, 0, 0, 0];
    ink.forEach((value, i) => {
      if (!value) return;
      const [x, y] = [i % side, Math.floor(i / side)];
      mass += value;
      sumX += value * (x + 0.5);
      sumY += value * (y + 0.5);
      if (value > 0.1) {
        [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
        [left, right] = [Math.min(left, x), Math.max(right, x)];
      }
    });
    if (bottom < 0) return Array(784).fill(0);
    const scale = 20 / (Math.max(bottom - top, right - left) + 1);
    return areaAverage(ink, side, scale, 14.5 - scale * sumX / mass, 14.5 - scale * sumY / mass);
  }

  const shrink = (ink, side) => areaAverage(ink, side, 28 / side, 0, 0);

  // Every pixel a little more like its darkest neighbour (amount > 0) or its lightest (< 0).
  function thicken(pixels, amount) {
    const [part, extreme] = [Math.abs(amount), amount > 0 ? Math.max : Math.min];
    return pixels.map((value, i) => {
      const [x, y] = [i % 28, Math.floor(i / 28)];
      const near = [[x - 1, y], [x + 1, y], [x, y - 1], [x, y + 1]].map(
        ([c, r]) => (c < 0 || r < 0 || c > 27 || r > 27 ? 0 : pixels[28 * r + c]));
      return (1 - part) * value + part * extreme(value, ...near);
    });
  }

  e.prepare = prepare;
  e.shrink = shrink;

  // ---- the element -----------------------------------------------------------------------------

  e.define("draw-a-digit", "Draw a digit", (element, { two, one, images, labels }) => {
    const pad = e.make("canvas", { width: SIDE, height: SIDE, class: "pad", role: "img" });
    const context = pad.getContext("2d", { willReadFrequently: true });
    const small = e.picture("");
    const seen = e.picture("What the networks get: the drawing in 28 by 28 pixels");
    let [strokes, digit, drawing, waiting] = [[], 6, false, null];

    function clear() {
      [strokes, digit] = [[], -1];
      digits.select.value = 0;
      for (const [slider, start] of [[across, 0], [down, 0], [turn, 0], [thick, 0]]) slider.set(start);
    }

    const names = Array.from(labels, (label, k) => `a ${label}, ${k % 2 ? "second" : "first"} example`);
    const digits = e.choice("Digit", ["my drawing", ...names], (index) => {
      clear();
      digit = index - 1;
      digits.select.value = index;
      update();
    });
    const pixels = (n) => `${Math.abs(n)} pixel${Math.abs(n) === 1 ? "" : "s"}`;
    const move = (max, less, more) => ({ min: -max, max, value: 0, step: 1,
      say: (n) => (n ? `${pixels(n)} ${n < 0 ? less : more}` : "as it is") });
    const make = (label, { say, ...range }) => e.slider(label, range, say, update);
    const across = make("Left, right", move(10, "left", "right"));
    const down = make("Up, down", move(10, "up", "down"));
    const turn = make("Turn", { min: -45, max: 45, value: 0, step: 5,
      say: (n) => (n ? `${Math.abs(n)}° ${n < 0 ? "left" : "right"}` : "as it is") });
    const thick = make("Stroke", { min: -3, max: 3, value: 0, step: 1,
      say: (n) => (n ? `${["a little ", "", "much "][Math.abs(n) - 1]}${n < 0 ? "thinner" : "thicker"}` : "as it is") });
    const ready = e.make("input", { type: "checkbox", checked: true, onchange: () => update() });

    // ---- drawing

    function transform() {
      context.setTransform(1, 0, 0, 1, SIDE / 2 + 10 * across.input.value, SIDE / 2 + 10 * down.input.value);
      context.rotate(turn.input.value * Math.PI / 180);
      context.translate(-SIDE / 2, -SIDE / 2);
    }

    function draw() {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.fillStyle = "white";
      context.fillRect(0, 0, SIDE, SIDE);
      transform();
      if (digit >= 0) {
        let values = Array.from(images.subarray(784 * digit, 784 * digit + 784), (byte) => byte / 255);
        for (let k = 0; k < Math.abs(thick.input.value); k++) values = thicken(values, 0.5 * Math.sign(thick.input.value));
        e.paint(small, values, e.ink);
        context.imageSmoothingEnabled = false;
        context.drawImage(small, 0, 0, SIDE, SIDE);
      }
      Object.assign(context, { lineWidth: PEN + 6 * thick.input.value, lineCap: "round", lineJoin: "round" });
      for (const [[x, y], ...rest] of strokes) {
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(x, y + 0.01);  // a line without length would leave no dot
        for (const point of rest) context.lineTo(...point);
        context.stroke();
      }
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
      if (event.button) return;
      if (digit >= 0) clear();
      drawing = true;
      pad.setPointerCapture(event.pointerId);
      strokes.push([point(event)]);
      update();
    });
    pad.addEventListener("pointermove", (event) => {
      if (!drawing) return;
      for (const step of event.getCoalescedEvents?.() ?? [event]) strokes.at(-1).push(point(step));
      waiting ??= requestAnimationFrame(() => { waiting = null; update(); });  // once a frame
    });
    for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => { drawing = false; });

    // ---- answers

    const answers = e.barTable("What they answer", "digit", [
      { title: "two layers", format: e.percent, range: [0, 1] },
      { title: "one layer", format: e.percent, range: [0, 1] },
    ], Array.from({ length: 10 }, (_, k) => `${k}`));

    const count = e.flat(two[0].bias).length;
    const limit = Math.max(...Array.from(two[0].weights, Math.abs)) * 0.6;
    const units = Array.from({ length: count }, (_, u) => {
      const weights = e.picture(`Weights of hidden unit ${u}`);
      e.paint(weights, e.column(two[0].weights, u, count), e.signed(limit));
      const value = e.make("span", { class: "value" });
      const fill = e.make("span", { class: "fill" });
      return { value, fill, item: e.make("li", {}, weights, e.make("span", { class: "bar", "aria-hidden": "true" }, fill), value) };
    });
    const status = e.status();

    function update() {
      draw();
      const data = context.getImageData(0, 0, SIDE, SIDE).data;
      const ink = new Float64Array(SIDE * SIDE).map((_, i) => 1 - data[4 * i] / 255);
      const x = (ready.checked ? prepare : shrink)(ink, SIDE);
      e.paint(seen, x, e.ink);
      const [z1, scores] = e.forward(x, two);
      const activations = e.relu(z1);
      const [p, q] = [e.softmax(scores), e.softmax(e.forward(x, one)[0])];
      const [best, other] = [e.argmax(p), e.argmax(q)];
      const blank = Math.max(...x) < 0.1;
      answers.set(p.map((value, k) => [value, q[k]]), blank ? [] : [best, other]);
      const largest = Math.max(...activations, 4);
      units.forEach(({ value, fill, item }, u) => {
        fill.style.width = `${100 * activations[u] / largest}%`;
        value.textContent = activations[u] ? e.fixed(activations[u], 1) : "off";
        item.classList.toggle("on", activations[u] > 0);
      });
      pad.setAttribute("aria-label", digit >= 0 ? `The drawing: ${names[digit]}` : blank
        ? "An empty sheet to draw on" : "Your drawing");
      status.say(blank
        ? "An empty sheet. Draw a digit on it, or choose one."
        : `Two layers say ${best} (${e.percent(p[best])}), one layer says ${other} (${e.percent(q[other])}). `
          + `${activations.filter((a) => a > 0).length} of ${count} hidden units are on.`);
    }

    digits.select.value = digit + 1;
    update();
    return [
      e.make("p", {}, "Draw on the white sheet with mouse, pen or finger. Or choose a digit and push it about with the sliders."),
      e.make("div", { class: "columns" },
        e.make("div", { class: "drawing" }, pad,
          e.make("div", { class: "controls" },
            e.make("div", { class: "buttons" }, e.button("Clear", () => { clear(); update(); }), digits.box),
            across.box, down.box, turn.box, thick.box)),
        e.make("div", { class: "answers" },
          e.make("div", { class: "seen" }, seen, e.make("div", {},
            e.make("p", {}, "What the networks get: 28 × 28 pixels."),
            e.make("label", { class: "switch" }, ready, " made to look like MNIST: scaled to a box of 20 × 20, its centre of mass in the middle"))),
          answers.table)),
      status,
      e.make("details", { open: true },
        e.make("summary", {}, `The ${count} hidden units: the weights of each, and how strongly it is on`),
        e.make("ol", { class: "units", start: 0 }, ...units.map(({ item }) => item))),
      e.make("p", { class: "note" }, "The networks have only seen MNIST’s own digits, written by other hands with another pen. "
        + "No accuracy is claimed for your drawings: the book measures none."),
    ];
  });
})();
