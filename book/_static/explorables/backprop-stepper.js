// <backprop-stepper>: one training step of a small network, an array at a time.
// Its data: arrays, by the names of the code (X, W_1, ..., d_b_1), each a list of rows, or a number.
(() => {
  "use strict";
  const e = explorables;

  // The name in mathematics: d_W_1 -> ∂L/∂W₁
  const math = (name) => name.replace(/^d_/, "∂L/∂").replace("_1", "₁").replace("_2", "₂");

  // What each step finds, from what, and how; the shapes in letters.
  const STEPS = [
    ["Z_1", "X W_1 b_1", "X W₁ + b₁", "Z_1 = X @ W_1 + b_1", "[B, D][D, H] = [B, H]",
      "Each hidden unit weighs the pixels and adds its bias."],
    ["A", "Z_1", "relu(Z₁)", "A = Z_1.clamp(min=0)", "[B, H]",
      "What is negative is cut off: unit 2 is off for image 1."],
    ["Z", "A W_2 b_2", "A W₂ + b₂", "Z = A @ W_2 + b_2", "[B, H][H, K] = [B, K]",
      "Each class weighs the hidden units and adds its bias."],
    ["P", "Z", "softmax(Z)", "P = softmax(Z)", "[B, K]",
      "Scores become probabilities, in each row by itself. A lead of ln 2 is a factor of two."],
    ["L", "P Y", "−Σ Y log P / B", "L = -(Y * P.log()).sum(-1).mean()", "[ ]",
      "The average surprise at the right classes: the end of the way forward."],
    ["d_Z", "P Y", "(P − Y) / B", "d_Z = (P - Y) / len(X)", "[B, K]",
      "Back: what the model said minus what was so, shared among the images."],
    ["d_W_2", "A d_Z", "Aᵀ ∂L/∂Z", "d_W_2 = A.mT @ d_Z", "[H, B][B, K] = [H, K]",
      "Each weight adds up its part over the images: how strongly its unit was on, times the blame of its class."],
    ["d_b_2", "d_Z", "1ᵀ ∂L/∂Z", "d_b_2 = d_Z.sum(0, keepdim=True)", "[1, K]",
      "A bias reaches every image, and collects from every one."],
    ["d_A", "d_Z W_2", "∂L/∂Z W₂ᵀ", "d_A = d_Z @ W_2.mT", "[B, K][K, H] = [B, H]",
      "Each unit collects the blame of the classes it feeds, by the weights in between."],
    ["d_Z_1", "d_A Z_1", "∂L/∂A ⊙ (Z₁ > 0)", "d_Z_1 = d_A * (Z_1 > 0)", "[B, H]",
      "Where a unit was off, the blame stops: the mask puts a zero for unit 2 and image 1."],
    ["d_W_1", "X d_Z_1", "Xᵀ ∂L/∂Z₁", "d_W_1 = X.mT @ d_Z_1", "[D, B][B, H] = [D, H]",
      "As in the second layer, with pixels for activations. A pixel that was paper in both images gets zeros."],
    ["d_b_1", "d_Z_1", "1ᵀ ∂L/∂Z₁", "d_b_1 = d_Z_1.sum(0, keepdim=True)", "[1, H]",
      "And that is the whole of backpropagation."],
  ];
  const GIVEN = ["X", "Y", "W_1", "b_1", "W_2", "b_2"];

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

  function matrix(name, value) {
    const rows = Array.isArray(value) ? value : [[value]];
    const shape = Array.isArray(value) ? `[${rows.length}, ${rows[0].length}]` : "[ ]";
    const cells = rows.map((row) => row.map((entry) => ({ entry, td: e.make("td") })));
    const title = e.make("caption", {}, e.make("b", {}, math(name)), ` ${shape}`);
    const box = e.make("table", { class: "matrix" }, title,
      e.make("tbody", {}, ...cells.map((row) => e.make("tr", {}, ...row.map(({ td }) => td)))));
    const set = (state) => {  // "", "new", "used", "hidden"
      box.className = `matrix ${state}`;
      for (const { entry, td } of cells.flat()) td.textContent = state === "hidden" ? "·" : say(entry);
    };
    return { box, set, text: rows.map((row) => row.map(say).join(", ")).join("; ") };
  }

  e.define("backprop-stepper", "Forward and backward, one array at a time", (element, arrays) => {
    const boxes = Object.fromEntries(Object.entries(arrays).map(([name, value]) => [name, matrix(name, value)]));
    const status = e.status();
    const lines = STEPS.map(([name, , right, code, shape]) => e.make("li", {},
      e.make("span", {}, `${math(name)} = ${right}`), e.make("code", {}, code), e.make("span", {}, shape)));
    const place = e.slider("Step", { min: 0, max: STEPS.length, value: 0, step: 1 },
      (n) => `${n} of ${STEPS.length}`, show);
    const back = e.button("Back", () => go(-1));
    const next = e.button("Next", () => go(1));

    function go(by) {
      place.set(+place.input.value + by);
      show();
    }

    function show() {
      const n = +place.input.value;
      const [now, from] = n ? [STEPS[n - 1][0], STEPS[n - 1][1].split(" ")] : ["", []];
      const known = [...GIVEN, ...STEPS.slice(0, n).map(([name]) => name)];
      for (const [name, box] of Object.entries(boxes)) {
        box.set(name === now ? "new" : from.includes(name) ? "used" : known.includes(name) ? "" : "hidden");
      }
      lines.forEach((line, k) => {
        line.classList.toggle("now", k === n - 1);
        if (k === n - 1) line.setAttribute("aria-current", "step");
        else line.removeAttribute("aria-current");
      });
      back.setAttribute("aria-disabled", n === 0);
      next.setAttribute("aria-disabled", n === STEPS.length);
      status.say(n
        ? `${math(now)} = ${STEPS[n - 1][2]}. ${STEPS[n - 1][5]} The result: ${boxes[now].text}.`
        : "Given: two images, their classes, and the weights. Everything else is still to be found.");
    }

    show();
    const station = (title, ...names) => e.make("div", {}, e.make("p", {}, title),
      ...names.map((name) => boxes[name].box));
    return [
      e.make("p", {}, "Press “Next”, or move along with the arrow keys on the slider. What a step finds is framed, and what it uses is shaded. Before each step: can you say what will come?"),
      e.make("div", { class: "buttons" }, back, next, place.box),
      status,
      e.make("div", { class: "stations" },
        station("images", "X"),
        station("weights", "W_1", "d_W_1"),
        station("bias", "b_1", "d_b_1"),
        station("before the ReLU", "Z_1", "d_Z_1"),
        station("after the ReLU", "A", "d_A"),
        station("weights", "W_2", "d_W_2"),
        station("bias", "b_2", "d_b_2"),
        station("scores", "Z", "d_Z"),
        station("probabilities", "P"),
        station("truth and loss", "Y", "L")),
      e.make("p", {}, "Each step as an equation, as a line of code, and with its shapes:"),
      e.make("ol", { class: "lines" }, ...lines),
    ];
  });
})();
