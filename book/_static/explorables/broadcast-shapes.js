// <broadcast-shapes>: two shapes lined up at the right; what is repeated, what they give, and from where.
// Its data: pairs, [[shape, shape], ...] to choose; the first is shown at the start.
(() => {
  "use strict";
  const e = explorables;
  const LARGEST = [3, 5, 5];  // on the axes −3, −2, −1
  const NAMES = ["a", "b"];

  // How long the axis k of the result is in a shape; a missing axis counts as 1.
  const along = (shape, k, axes) => shape[shape.length - axes + k] ?? 1;

  // The shape of the sum; clash: the axis, counted from 0, on which the two do not fit, or -1.
  function broadcast(a, b) {
    const axes = Math.max(a.length, b.length);
    let clash = -1;
    const shape = Array.from({ length: axes }, (_, k) => {
      const [m, n] = [along(a, k, axes), along(b, k, axes)];
      if (m !== n && m !== 1 && n !== 1) clash = k;  // PyTorch names the last
      return m === 1 ? n : m;
    });
    return { shape, clash };
  }

  // The place in a shape that an entry of the result is made from
  const source = (shape, index) => index.slice(index.length - shape.length).map((i, k) => (shape[k] === 1 ? 0 : i));

  const count = (shape) => shape.reduce((product, n) => product * n, 1);
  const place = (shape, index) => index.reduce((sum, i, k) => sum * shape[k] + i, 0);
  const indices = (shape) => Array.from({ length: count(shape) }, (_, n) =>
    shape.reduceRight(([rest, index], size) => [Math.floor(rest / size), [rest % size, ...index]], [n, []])[1]);

  const text = (shape) => `[${shape.join(", ")}]`;
  const entry = (name, index) => (index.length ? name + text(index) : name.trim());
  const times = (n) => (n === 2 ? "twice" : `${n} times`);
  const axis = (k, axes) => `−${axes - k}`;

  e.broadcast = broadcast;
  e.source = source;

  e.define("broadcast-shapes", "Which axis is stretched?", (element, { pairs }) => {
    const status = e.status();
    let [shapes, chosen] = [pairs[0], [1, 1, 1]];

    const titles = pairs.map(([a, b]) => `${text(a)} + ${text(b)}`);
    const examples = e.choice("Example", [...titles, "shapes of my own"], (k) => { if (pairs[k]) show(pairs[k]); });

    // ---- the two shapes, lined up at the right, and what becomes of each axis

    const sizes = NAMES.map((name, which) => LARGEST.map((largest, k) => {
      const select = e.make("select", { onchange: () => resize(which) },
        e.make("option", { value: 0 }, "none"),
        ...Array.from({ length: largest }, (_, n) => e.make("option", { value: n + 1 }, n + 1)));
      return { select, box: e.make("label", {}, e.make("span", { class: "unseen" }, `${name}, axis ${axis(k, 3)}`), select) };
    }));

    // Axes are missing at the left only: what was changed last is kept.
    function resize(which) {
      const values = sizes[which].map(({ select }) => +select.value);
      const before = [0, 0, 0].map((_, k) => shapes[which][shapes[which].length - 3 + k] ?? 0);
      const k = values.findIndex((value, n) => value !== before[n]);
      const shape = values[k] ? values.slice(values.findIndex((value) => value)).map((value) => value || 1) : values.slice(k + 1);
      examples.select.value = pairs.length;
      show(which ? [shapes[0], shape] : [shape, shapes[1]]);
    }

    const [repeated, sum] = [0, 1].map(() => LARGEST.map(() => e.make("td")));
    const head = (words) => e.make("th", { scope: "row" }, words);
    const table = e.make("table", { class: "sizes" }, e.make("caption", {}, "The shapes, lined up at their right ends"),
      e.make("thead", {}, e.make("tr", {}, e.make("th", { scope: "col" }, "axis"),
        ...LARGEST.map((_, k) => e.make("th", { scope: "col" }, axis(k, 3))))),
      e.make("tbody", {},
        ...NAMES.map((name, which) => e.make("tr", {}, head(name), ...sizes[which].map(({ box }) => e.make("td", {}, box)))),
        e.make("tr", {}, head("repeated"), ...repeated), e.make("tr", {}, head("a + b"), ...sum)));

    // ---- the numbers, in slices of rows and columns

    const drawing = e.make("div", { class: "matrices" });
    let [lit, cells] = [[], []];  // the entries of the result; the cells of each operand, as long

    function slices(label, shape, items) {
      const columns = shape.at(-1) ?? 1;
      const lines = Array.from({ length: items.length / columns }, (_, r) => items.slice(r * columns, (r + 1) * columns));
      const size = shape.at(-2) ?? 1;
      return e.make("div", { class: "slices" }, ...Array.from({ length: lines.length / size }, (_, s) =>
        e.make("div", { class: "brackets" }, e.make("table", { "aria-label": shape.length > 2 ? `${label}, ${s} on axis −3` : label },
          e.make("tbody", {}, ...lines.slice(s * size, (s + 1) * size).map((line) => e.make("tr", {}, ...line)))))));
    }

    const matrix = (name, title, content) => e.make("div", { class: "matrix", "data-name": name }, e.make("p", {}, title), content);
    const term = (sign, ...parts) => e.make("div", { class: "term" }, e.make("span", { class: "sign", "aria-hidden": "true" }, sign), ...parts);

    function operand(which, shape) {  // as it is repeated to the shape
      const [name, own] = [NAMES[which], shapes[which]];
      cells[which] = indices(shape).map((index) => {
        const at = source(own, index);
        const copy = at.some((i, k) => i !== index[index.length - own.length + k]) || index.slice(0, index.length - own.length).some(Boolean);
        const value = 10 ** which * (place(own, at) + 1);
        return e.make("td", { class: copy ? "copy" : "" }, ...(copy ? [e.make("span", { class: "unseen" }, "copy of ")] : []), `${value}`);
      });
      const stretched = text(own) === text(shape) ? "" : ` → ${text(shape)}`;
      return matrix(name, `${name} ${text(own)}${stretched}`, slices(`${name} ${text(own)}${stretched}`, shape, cells[which]));
    }

    function result(shape) {
      lit = indices(shape).map((index) => {
        const value = value_of(index).at(-1);
        const input = e.make("input", { type: "radio", name: "entry-of-the-sum", "aria-label": `${entry("entry ", index)}: ${value}`,
          onchange: () => { chosen = index; light(); } });
        const cell = e.make("td", {}, e.make("label", {}, input, e.make("span", {}, `${value}`)));
        return { index, input, cell };
      });
      const content = slices(`a + b ${text(shape)}`, shape, lit.map(({ cell }) => cell));
      content.setAttribute("role", "radiogroup");
      content.setAttribute("aria-label", "entries of the sum");
      const box = matrix("sum", `a + b ${text(shape)}`, content);
      box.classList.add("result");
      return box;
    }

    const value_of = (index) => {
      const [m, n] = shapes.map((own, which) => 10 ** which * (place(own, source(own, index)) + 1));
      return [m, n, m + n];
    };

    // ---- what is shown, and said

    function show(next) {
      shapes = next;
      const [a, b] = shapes;
      const { shape, clash } = broadcast(a, b);
      const axes = shape.length;
      shapes.forEach((own, which) => sizes[which].forEach(({ select }, k) => { select.value = own[own.length - 3 + k] ?? 0; }));
      LARGEST.forEach((_, column) => {
        const k = column - 3 + axes;
        const [m, n] = shapes.map((own) => along(own, k, axes));
        const fits = m === n || m === 1 || n === 1;
        repeated[column].textContent = k < 0 || m === n ? "" : fits ? `${m === 1 ? "a" : "b"}, ${times(Math.max(m, n))}` : "clash";
        sum[column].textContent = k < 0 ? "" : fits ? `${Math.max(m, n)}` : `${m} ≠ ${n}`;
        for (const cell of [repeated[column], sum[column]]) cell.classList.toggle("clash", !fits);
      });
      if (clash >= 0) {
        lit = [];
        drawing.replaceChildren(operand(0, a), term("+", operand(1, b)), term("does not fit"));
      } else {
        chosen = shape.map((size, k) => Math.min(size - 1, chosen[chosen.length - axes + k] ?? 0));
        drawing.replaceChildren(operand(0, shape), term("+", operand(1, shape)), term("=", result(shape)));
      }
      light();
    }

    function light() {
      const [a, b] = shapes;
      const { shape, clash } = broadcast(a, b);
      const axes = shape.length;
      const title = `${text(a)} + ${text(b)}`;
      if (clash >= 0) {
        const [m, n] = shapes.map((own) => along(own, clash, axes));
        status.say(`${title} is an error: on axis ${axis(clash, axes)}, ${m} meets ${n}, and neither is 1. `
          + `PyTorch says: “The size of tensor a (${m}) must match the size of tensor b (${n}) at non-singleton dimension ${clash}”.`);
        return;
      }
      const k = place(shape, chosen);
      lit.forEach(({ input, cell }, n) => { input.checked = n === k; cell.classList.toggle("new", n === k); });
      shapes.forEach((own, which) => {
        const first = place(shape, Array(axes - own.length).fill(0).concat(source(own, chosen)));  // the cell that is repeated
        cells[which].forEach((cell, n) => cell.classList.toggle("used", n === k || n === first));
      });
      const repeats = NAMES.flatMap((name, which) => {
        const ways = shape.flatMap((size, k) =>
          along(shapes[which], k, axes) === size ? [] : [`${times(size)} along axis ${axis(k, axes)}`]);
        return ways.length ? [`${name} is repeated ${ways.join(" and ")}`] : [];
      });
      const [m, n, total] = value_of(chosen);
      const [from, to] = [shapes.map(count), count(shape)];
      status.say(`${title} gives ${text(shape)}: ${repeats.join(", ") || "nothing is repeated"}. `
        + (to > Math.max(...from) ? `From ${from[0]} and ${from[1]} entries come ${to}. ` : "")
        + `${entry("Entry ", chosen)} is ${shapes.map((own, which) => entry(NAMES[which], source(own, chosen))).join(" + ")} = ${m} + ${n} = ${total}.`);
    }

    show(shapes);
    return [
      e.make("p", {}, "Choose two shapes, and press an entry of the sum to see where it comes from. Pale, dotted cells are copies."),
      examples.box,
      table,
      status,
      drawing,
    ];
  });
})();
