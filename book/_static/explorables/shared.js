// What the explorables share: the network's arithmetic, pictures, tables with bars, and announcements.
// Each explorable is an element of its own (<draw-a-digit>, ...) that builds itself from the numbers
// which the chapter's cell gave as JSON. A built page has them in a file, named by data-src; it is loaded
// when the element is less than a screen away (_ext/scratchmnist_book/explorables.py).
const explorables = (() => {
  "use strict";

  // ---- numbers ---------------------------------------------------------------------------------

  const sourceOf = (element) => document.getElementById(element.getAttribute("source"));

  // The element's data; tensors in base64 become typed arrays, row after row.
  function read(element) {
    const script = sourceOf(element);
    return JSON.parse(script.textContent, (_, value) => {
      if (!value || typeof value !== "object" || !value.shape) return value;
      const bytes = Uint8Array.from(atob(value.float32 ?? value.uint8), (c) => c.charCodeAt(0));
      return value.float32 ? new Float32Array(bytes.buffer) : bytes;
    });
  }

  const flat = (values) => values.flat?.() ?? values;

  // x @ weights + bias for one picture: x [D], weights [D, H], bias [1, H] -> [H]
  function linear(x, { weights, bias }) {
    const out = Float64Array.from(flat(bias));
    const w = flat(weights);
    x.forEach((value, j) => {
      if (value) for (let u = 0; u < out.length; u++) out[u] += value * w[j * out.length + u];
    });
    return out;
  }

  const relu = (z) => z.map((value) => Math.max(0, value));

  // The sums of each layer, before its ReLU; the last are the scores.
  function forward(x, layers) {
    const sums = [];
    for (const layer of layers) sums.push(linear(sums.length ? relu(sums.at(-1)) : x, layer));
    return sums;
  }

  function softmax(scores) {
    const largest = Math.max(...scores);
    const exps = Array.from(scores, (score) => Math.exp(score - largest));
    const sum = exps.reduce((a, b) => a + b);
    return exps.map((e) => e / sum);
  }

  const argmax = (values) => values.indexOf(Math.max(...values));

  // ---- text ------------------------------------------------------------------------------------

  const minus = (text) => (/[1-9]/.test(text) ? text.replace("-", "−") : text.replace("-", ""));
  const fixed = (value, digits = 2) => minus(value.toFixed(digits));
  const percent = (value) => `${(100 * value).toFixed(1)} %`;

  const powerOfTen = (k) => `10${[...`${k}`].map((d) => (d === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[d])).join("")}`;

  // ---- elements --------------------------------------------------------------------------------

  // make("button", {type: "button", onclick: ...}, "text", child, ...); "svg:path" for SVG
  function make(tag, attributes = {}, ...children) {
    const element = tag.startsWith("svg:")
      ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
      : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  // A native slider with its label and its value in words. say(value) -> text
  function slider(label, attributes, say, oninput) {
    const value = make("span", { class: "now", "aria-hidden": "true" });  // the slider says it itself
    const input = make("input", { type: "range", ...attributes });
    const update = () => {
      value.textContent = say(+input.value);
      input.setAttribute("aria-valuetext", value.textContent);
    };
    input.addEventListener("input", () => { update(); oninput(+input.value); });
    update();
    const box = make("label", { class: "slider" }, make("span", {}, label), input, value);
    return { box, input, set(to) { input.value = to; update(); } };
  }

  function choice(label, options, onchange) {
    const select = make("select", { onchange: () => onchange(+select.value) },
      ...options.map((text, index) => make("option", { value: index }, text)));
    return { box: make("label", { class: "choice" }, make("span", {}, label), select), select };
  }

  const button = (text, onclick) => make("button", { type: "button", onclick }, text);

  // Announces a result to screen readers, at most when the reader pauses.
  function status() {
    const box = make("p", { role: "status", "aria-live": "polite" });
    let timer;
    box.say = (text) => {
      clearTimeout(timer);
      if (!box.textContent) box.textContent = text;
      else timer = setTimeout(() => { if (box.textContent !== text) box.textContent = text; }, 150);
    };
    return box;
  }

  // ---- tables with bars ------------------------------------------------------------------------

  // columns: [{title, format, range: [from, to]}]; rows: titles. set(values[row][column])
  function barTable(caption, corner, columns, rows) {
    const cells = rows.map(() => columns.map(() => {
      const fill = make("span", { class: "fill" });
      const text = make("span", { class: "value" });
      return { fill, text, td: make("td", {}, make("span", { class: "bar" }, fill), text) };
    }));
    const heads = rows.map((row) => make("th", { scope: "row" }, row));
    const table = make("table", { class: columns.length > 2 ? "bars stacked" : "bars" }, make("caption", {}, caption),
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, corner),
        ...columns.map(({ title }) => make("th", { scope: "col" }, title)))),
      make("tbody", {}, ...cells.map((row, r) => make("tr", {}, heads[r], ...row.map(({ td }) => td)))));
    function set(values, marked = []) {
      values.forEach((row, r) => row.forEach((value, c) => {
        const { format, range: [from, to] } = columns[c];
        const { fill, text, td } = cells[r][c];
        const place = (v) => Math.min(1, Math.max(0, (v - from) / (to - from)));
        const [zero, end] = [place(0), place(value)];
        fill.style.left = `${100 * Math.min(zero, end)}%`;
        fill.style.width = `${100 * Math.abs(end - zero)}%`;
        fill.parentNode.style.setProperty("--zero", `${100 * zero}%`);
        text.textContent = format(value);
        td.classList.toggle("negative", value < 0);
        td.classList.toggle("marked", marked[c] === r);
      }));
    }
    return { table, heads, set };
  }

  // ---- charts ----------------------------------------------------------------------------------

  const [WIDTH, LEFT, BOTTOM, TOP] = [320, 44, 36, 12];

  // An empty chart: axes with ticks [place, text], and x and y from values to places.
  function chart(label, title, xTitle, x, y, height = 210) {
    const across = (v) => LEFT + (WIDTH - LEFT - 12) * (x.scale(v) - x.scale(x.from)) / (x.scale(x.to) - x.scale(x.from));
    const up = (v) => height - BOTTOM - (height - BOTTOM - TOP - 18) * (y.scale(v) - y.scale(y.from)) / (y.scale(y.to) - y.scale(y.from));
    const text = (left, top, anchor, words) => make("svg:text", { x: left, y: top, "text-anchor": anchor }, words);
    const lines = make("svg:g", {});
    const svg = make("svg:svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label, class: "chart" },
      ...y.ticks.map((v) => make("svg:path", { class: "grid", d: `M${LEFT} ${up(v)}H${WIDTH - 12}` })),
      ...y.ticks.map((v) => text(LEFT - 6, up(v) + 4, "end", y.say(v))),
      ...x.ticks.map((v) => text(across(v), height - BOTTOM + 16, "middle", x.say(v))),
      text(LEFT, TOP + 2, "start", title), text((LEFT + WIDTH - 12) / 2, height - 4, "middle", xTitle),
      make("svg:svg", { x: LEFT - 6, y: TOP + 10, width: WIDTH - LEFT, height: height - BOTTOM - TOP - 4,
        viewBox: `${LEFT - 6} ${TOP + 10} ${WIDTH - LEFT} ${height - BOTTOM - TOP - 4}` }, lines));
    return { svg, lines, across, up };
  }

  // ---- pictures --------------------------------------------------------------------------------

  const STOPS = [[103, 0, 31], [214, 96, 77], [247, 247, 247], [67, 147, 195], [5, 48, 97]];
  const ink = (value) => Array(3).fill(255 * (1 - value));
  const signed = (limit) => (value) => {  // red for negative, blue for positive
    const place = 2 * (1 + Math.max(-1, Math.min(1, value / limit)));
    const k = Math.min(3, Math.floor(place));
    return STOPS[k].map((from, i) => from + (place - k) * (STOPS[k + 1][i] - from));
  };

  function picture(label) {
    return make("canvas", { width: 28, height: 28, role: "img", "aria-label": label, class: "pixels" });
  }

  function paint(canvas, values, colour) {
    const context = canvas.getContext("2d");
    const image = context.createImageData(28, 28);
    values.forEach((value, i) => image.data.set([...colour(value), 255], 4 * i));
    context.putImageData(image, 0, 0);
  }

  const column = (weights, u, width) => Array.from({ length: 784 }, (_, j) => weights[j * width + u]);

  // ---- elements of our own ---------------------------------------------------------------------

  const waiting = new Set();
  const near = new IntersectionObserver((entries) => entries.forEach(({ isIntersecting, target }) => {
    if (isIntersecting) load(sourceOf(target));
  }), { rootMargin: "100% 0px" });

  function load(source) {
    if (!source.dataset.src) return;
    document.head.append(make("script", { src: source.dataset.src }));
    delete source.dataset.src;
  }

  // What a file of data calls: the JSON goes where the cell would have put it.
  function take(id, json) {
    document.getElementById(id).textContent = json;
    waiting.forEach((element) => element.begin());
  }

  // setup(element, data) -> what to put in
  function define(name, title, setup) {
    customElements.define(name, class extends HTMLElement {
      connectedCallback() {
        if (this.querySelector(".explorable")) return;
        waiting.add(this);
        if (sourceOf(this).textContent) this.begin();
        else near.observe(this);
      }

      begin() {
        if (!sourceOf(this).textContent) return;
        waiting.delete(this);
        near.unobserve(this);
        const parts = setup(this, read(this));
        this.prepend(make("div", { class: "explorable", role: "group", "aria-label": title },
          make("p", { class: "title" }, title), ...parts));
      }
    });
  }

  return { read, take, flat, linear, relu, forward, softmax, argmax, fixed, percent, powerOfTen, make, slider, choice, button,
    status, barTable, chart, ink, signed, picture, paint, column, define };
})();
