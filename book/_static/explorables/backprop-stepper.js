// <backprop-stepper>: one training step of a small network, an entry at a time; forward, then back.
// Its data: arrays, by the names of the code (X, W_1, ..., d_b_1), each a list of rows, or a number.
// The numbered list just before its cell has a line for each step: formula, code, shapes, equation.
(() => {
  "use strict";
  const e = explorables;

  // The name in mathematics, as text and as set: d_W_1 -> ∂L/∂W₁
  const math = (name) => name.replace(/^d_/, "∂L/∂").replace("_1", "₁").replace("_2", "₂");
  const typeset = (name) => {
    const [letter, index] = name.replace(/^d_/, "").split("_");
    return e.make("span", { class: "name" }, ...(name.startsWith("d_") ? ["∂", e.make("i", {}, "L"), "/∂"] : []),
      e.make("i", {}, letter), ...(index ? [e.make("sub", {}, index)] : []));
  };

  // What the rows and the columns of each array stand for.
  const AXES = {
    X: ["image", "pixel"], W_1: ["pixel", "unit"], b_1: ["", "unit"], Z_1: ["image", "unit"],
    A: ["image", "unit"], W_2: ["unit", "class"], b_2: ["", "class"], Z: ["image", "class"],
    P: ["image", "class"], Y: ["image", "class"], L: ["", ""],
  };
  const where = (name, i, j) => AXES[name.replace(/^d_/, "")]
    .map((axis, k) => axis && `${axis} ${[i, j][k]}`).filter(Boolean).join(", ");

  // Which entries [r, c] of an array go into the entry [i, j] of the result.
  const ROW_I = (i, j, r) => r === i;
  const ROW_J = (i, j, r) => r === j;
  const COLUMN_I = (i, j, r, c) => c === i;
  const COLUMN_J = (i, j, r, c) => c === j;
  const SAME = (i, j, r, c) => r === i && c === j;
  const ALL = () => true;

  // Simple fractions as fractions, the rest with two decimals.
  function say(value) {
    for (const bottom of [1, 2, 4, 8, 16]) {
      const top = value * bottom;
      if (Math.abs(top - Math.round(top)) < 1e-9) {
        const text = `${Math.abs(Math.round(top))}${bottom > 1 ? `/${bottom}` : ""}`;
        return top <= -0.5 ? `−${text}` : text;
      }
    }
    return e.fixed(value);
  }
  const factor = (value) => (value < 0 ? `(${say(value)})` : say(value));
  const sum = (values) => values.map(factor).join(" + ");
  const products = (a, b, bias) => [...a.map((value, k) => `${factor(value)} · ${factor(b[k])}`),
    ...(bias ?? []).map(factor)].join(" + ");

  // What each step finds, from which entries of what; the sum to do, from those entries in their
  // order; a sentence; and the entry that is asked for first.
  const STEPS = [
    ["Z_1", { X: ROW_I, W_1: COLUMN_J, b_1: COLUMN_J }, products,
      "Each hidden unit weighs the pixels and adds its bias.", [0, 0]],
    ["A", { Z_1: SAME }, ([z]) => `max(0, ${say(z)})`, "What is negative is cut off.", [1, 2]],
    ["Z", { A: ROW_I, W_2: COLUMN_J, b_2: COLUMN_J }, products,
      "Each class weighs the hidden units and adds its bias.", [0, 0]],
    ["P", { Z: ROW_I }, (z, i, j) => `exp(${say(z[j])}) / (${z.map((value) => `exp(${say(value)})`).join(" + ")})`,
      "Scores become probabilities, in each row by itself.", [0, 0]],
    ["L", { P: ALL, Y: ALL }, (p, y, batch) =>
      `−(${p.filter((_, k) => y[k]).map((value) => `log ${say(value)}`).join(" + ")}) / ${batch}`,
      "The average surprise at the right classes: the end of the way forward.", [0, 0]],
    ["d_Z", { P: SAME, Y: SAME }, ([p], [y], batch) => `(${say(p)} − ${say(y)}) / ${batch}`,
      "What the model said minus what was so, shared among the images.", [0, 1]],
    ["d_W_2", { A: COLUMN_I, d_Z: COLUMN_J }, products,
      "Each weight adds up over the images: how strongly its unit was on, times the slope of its class.", [1, 0]],
    ["d_b_2", { d_Z: COLUMN_J }, sum, "A bias reaches every image, and collects from every one.", [0, 1]],
    ["d_A", { d_Z: ROW_I, W_2: ROW_J }, products,
      "Each unit collects from the classes it feeds, by the weights in between.", [1, 2]],
    ["d_Z_1", { d_A: SAME, Z_1: SAME }, ([d], [z]) => `${factor(d)} · ${z > 0 ? 1 : 0}`,
      "The mask: 1 where the unit was on, 0 where it was off.", [1, 2]],
    ["d_W_1", { X: COLUMN_I, d_Z_1: COLUMN_J }, products,
      "As in the second layer, with pixels for activations.", [0, 0]],
    ["d_b_1", { d_Z_1: COLUMN_J }, sum, "And that is the whole of backpropagation.", [0, 2]],
  ];
  const LOSS = 5;  // the last step forward

  const rowsOf = (value) => (Array.isArray(value) ? value : [[value]]);
  const shapeOf = (value) => (Array.isArray(value) ? `[${value.length}, ${value[0].length}]` : "[ ]");

  // ---- the diagram: a circle for each number of an image, a line for each weight --------------

  const PLACES = { X: 22, Z_1: 106, A: 162, Z: 246, P: 292, Y: 310, L: 346 };
  const LABELS = {
    ...PLACES, W_1: 52, b_1: 78, W_2: 192, b_2: 218,
    d_Z_1: 106, d_A: 162, d_Z: 246, d_W_1: 48, d_b_1: 106, d_W_2: 186, d_b_2: 246,
  };

  function network(arrays) {
    const parts = {};  // by name and index: "X 0", "W_1 0 2"
    const width = Object.fromEntries(Object.keys(arrays).map((name) => [name, rowsOf(arrays[name])[0].length]));
    const y = (name, k) => 90 + (k - (width[name] - 1) / 2) * Math.min(32, 120 / width[name]);
    const all = (name) => Array.from({ length: width[name] }, (_, k) => k);
    const line = (key, [a, j], [b, k]) => {
      parts[key] = e.make("svg:path", { d: `M${PLACES[a]} ${y(a, j)}L${PLACES[b]} ${y(b, k)}` });
      return parts[key];
    };
    const full = (key, a, b) => all(a).flatMap((j) => all(b).map((k) => line(`${key} ${j} ${k}`, [a, j], [b, k])));
    const lines = [...full("W_1", "X", "Z_1"), ...all("A").map((k) => line(`relu ${k}`, ["Z_1", k], ["A", k])),
      ...full("W_2", "A", "Z"), ...full("softmax", "Z", "P"), ...full("loss", "P", "L")];
    const square = (name, k, x, top, size) =>
      (parts[`${name} ${k}`] = e.make("svg:rect", { x: x - size / 2, y: top - size / 2, width: size, height: size }));
    const nodes = ["X", "Z_1", "A", "Z", "P", "L"].flatMap((name) => all(name).map((k) =>
      (parts[`${name} ${k}`] = e.make("svg:circle", { cx: PLACES[name], cy: y(name, k), r: 7 }))));
    const squares = [...all("Y").map((k) => square("Y", k, PLACES.Y, y("Y", k), 11)),
      ...["Z_1", "Z"].flatMap((name) => all(name).map((k) =>
        square(name === "Z" ? "b_2" : "b_1", k, PLACES[name], y(name, k) + 11, 6)))];
    const labels = Object.fromEntries(Object.entries(LABELS).map(([name, x]) => {
      const [letter, index] = name.replace(/^d_/, "").split("_");
      const top = !name.startsWith("d_") ? 14 : /[Wb]/.test(name) ? 194 : 176;
      return [name, e.make("svg:text", { x, y: top, "text-anchor": "middle" },
        ...(name.startsWith("d_") ? ["∂", e.make("svg:tspan", { class: "letter" }, "L"), "/∂"] : []),
        e.make("svg:tspan", { class: "letter" }, letter),
        ...(index ? [e.make("svg:tspan", { dy: 3, class: "index" }, index)] : []))];
    }));
    const arrow = e.make("svg:path", { class: "arrow" });
    const svg = e.make("svg:svg", { viewBox: "0 0 366 200", role: "img", class: "network" },
      e.make("svg:g", {}, ...lines), ...nodes, ...squares, arrow, ...Object.values(labels));

    // used and now: [[name, r, c], ...]; known: the names of the arrays found so far
    function light(used, now, known, forward, label) {
      svg.setAttribute("aria-label", label);
      arrow.setAttribute("d", forward ? "M22 158H346m-8 -4l8 4l-8 4" : "M346 158H22m8 -4l-8 4l8 4");
      arrow.classList.toggle("back", !forward);
      const state = {};
      const key = ([name, r, c]) => {
        const plain = name.replace(/^d_/, "");
        return plain.startsWith("W") ? `${plain} ${r} ${c}` : `${plain} ${c}`;
      };
      for (const [kind, entries] of [["used", used], ["new", now]]) {
        for (const entry of entries) state[key(entry)] = state[entry[0]] = kind;
      }
      for (const [name, part] of Object.entries(parts)) {
        part.dataset.part = name;
        part.setAttribute("class", state[name] ?? "");
      }
      for (const [name, part] of Object.entries(labels)) {
        part.setAttribute("class", state[name] ?? (known.includes(name) ? "" : "unknown"));
      }
    }
    return { svg, light };
  }

  // ---- the element -----------------------------------------------------------------------------

  e.define("backprop-stepper", "Forward and backward, one entry at a time", (element, arrays) => {
    const lines = [...element.closest(".cell").previousElementSibling.children];
    const given = Object.keys(arrays).filter((name) => STEPS.every(([found]) => found !== name));
    const diagram = network(arrays);
    const status = e.status();
    const line = e.make("div", { class: "line" });
    const matrices = e.make("div", { class: "matrices" });
    const place = e.slider("Step", { min: 1, max: STEPS.length, value: 1, step: 1 },
      (n) => `${n} of ${STEPS.length}`, begin);
    const back = e.button("Back", () => go(-1));
    const onward = e.button("Show", () => {
      if (known.has(`${chosen}`)) go(1);
      else known.add(`${chosen}`);
      show();
    });
    let step, chosen, known;  // the entry asked for, and those shown

    function begin() {
      step = STEPS[+place.input.value - 1];
      const rows = rowsOf(arrays[step[0]]);
      chosen = [Math.min(step[4][0], rows.length - 1), Math.min(step[4][1], rows[0].length - 1)];
      known = new Set();
      const text = lines.find((item) => item.querySelector("code").textContent.startsWith(`${step[0]} = `));
      line.replaceChildren(...text.cloneNode(true).childNodes);
      show();
    }

    function go(by) {
      const n = +place.input.value + by;
      if (n < 1 || n > STEPS.length) return;
      place.set(n);
      begin();
    }

    // An array between brackets. cell(value, r, c) -> what stands in a cell, and its class
    function matrix(name, cell) {
      const value = arrays[name];
      const table = e.make("table", { "aria-label": `${math(name)} ${shapeOf(value)}` }, e.make("tbody", {},
        ...rowsOf(value).map((row, r) => e.make("tr", {}, ...row.map((entry, c) => {
          const [content, kind] = cell(entry, r, c);
          return e.make("td", { class: kind || null }, content);
        })))));
      return e.make("div", { class: "matrix", "data-name": name },
        e.make("p", { "aria-hidden": "true" }, typeset(name), ` ${shapeOf(value)}`),
        e.make("div", { class: "brackets" }, table));
    }

    function answer(name, lit) {
      const [i, j] = chosen;
      const value = say(rowsOf(arrays[name])[i][j]);
      const working = step[2](...Object.values(lit), ...(name === "P" ? [i, j] : /^(L|d_Z)$/.test(name) ? [arrays.X.length] : []));
      return `${working} ${/\.|exp|log/.test(working + value) ? "≈" : "="} ${value}`;
    }

    function show() {
      const [name, from, , sentence] = step;
      const n = +place.input.value;
      const [i, j] = chosen;
      const [lit, used] = [{}, []];
      const operands = Object.entries(from).map(([operand, goesIn]) => {
        lit[operand] = [];
        return matrix(operand, (value, r, c) => {
          if (!goesIn(i, j, r, c)) return [say(value)];
          lit[operand].push(value);
          used.push([operand, r, c]);
          return [say(value), "used"];
        });
      });
      const focused = matrices.contains(document.activeElement);
      const result = matrix(name, (value, r, c) => {
        const [now, shown] = [r === i && c === j, known.has(`${[r, c]}`)];
        const button = e.make("button", { type: "button", "aria-pressed": `${now}`,
          "aria-label": `${where(name, r, c) || math(name)}: ${shown ? say(value) : "not shown yet"}`,
          onclick: () => { chosen = [r, c]; show(); } }, shown ? say(value) : "?");
        return [button, now ? "new" : ""];
      });
      result.classList.add("result");
      matrices.replaceChildren(...operands, result);
      if (focused) matrices.querySelector('[aria-pressed="true"]').focus();

      const [there, shown] = [where(name, i, j), known.has(`${chosen}`)];
      const entry = `${math(name)}${there && ` for ${there}`}`;
      const way = n <= LOSS ? "Forward" : "Backward";
      diagram.light(used, [[name, i, j]], [...given, ...STEPS.slice(0, n - 1).map(([found]) => found)], n <= LOSS,
        `The network from the pixels to the loss. ${way}: lit are ${entry} and what it is made of, from ${
          Object.keys(from).map(math).join(", ")}.`);
      onward.textContent = shown ? "Next" : "Show";
      onward.setAttribute("aria-disabled", shown && n === STEPS.length);
      back.setAttribute("aria-disabled", n === 1);
      status.say(shown ? `${entry}: ${answer(name, lit)}.` : `${way}. ${sentence} What is ${entry}?`);
    }

    begin();
    return [
      e.make("p", {}, "Work out the lit entry, then press “Show”. You can ask for another entry of the same array, or go on."),
      diagram.svg, line, status,
      e.make("div", { class: "buttons" }, back, onward, place.box),
      matrices,
    ];
  });
})();
