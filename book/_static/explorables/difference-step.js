// <difference-step>: the step of a difference quotient, from 1 down to 10⁻¹⁶, and what it costs.
// Its data: x, the point at which the slope of x³ is measured; smallest, the power of ten of the last step.
(() => {
  "use strict";
  const e = explorables;
  const FORMATS = [["float64", (v) => v, 12], ["float32", Math.fround, 7]];  // rounding, digits to show
  const KINDS = ["central", "one-sided"];
  const [LOWEST, HIGHEST] = [1e-12, 3];

  // x³ as a computer has it: rounded after each step
  const cube = (v, round) => round(round(v * v) * v);

  function quotients(x, step, round) {
    const h = round(step);
    const [plus, here, minus] = [round(x + h), x, round(x - h)].map((v) => cube(v, round));
    return {
      slopes: [round(round(plus - minus) / round(2 * h)), round(round(plus - here) / h)],
      truncation: [step ** 2, 3 * x * step + step ** 2],  // of x³, exactly
      lost: plus === minus,
    };
  }

  function scientific(value) {
    const [digits, power] = value.toExponential(0).split("e");
    return `${digits} · ${e.powerOfTen(+power)}`;
  }

  e.define("difference-step", "Turn the step", (element, { x, smallest }) => {
    const slope = 3 * x ** 2;
    const steps = Array.from({ length: 1 - smallest }, (_, k) => Number(`1e-${k}`));
    const tables = FORMATS.map(([, round]) => steps.map((step) => quotients(x, step, round)));
    const wrong = (value) => Math.abs(value - slope) / slope;

    const status = e.status();
    const format = e.choice("Numbers", FORMATS.map(([name]) => name), show);
    const slider = e.slider("Step h", { min: 0, max: steps.length - 1, value: 0, step: 1 }, (k) => e.powerOfTen(-k), show);
    const caption = e.make("caption");
    const body = e.make("tbody");
    const box = e.make("div", { class: "columns" });
    const errors = e.chart("The relative error of both differences for each step, in both number formats; the table holds those of the chosen step",
      "relative error; dashed: one-sided", "step h",
      { scale: Math.log10, from: 2 * steps[0], to: steps.at(-1) / 3, ticks: steps.filter((_, k) => k % 4 === 0), say: (h) => e.powerOfTen(Math.round(Math.log10(h))) },
      { scale: Math.log10, from: LOWEST, to: HIGHEST, ticks: [1e-12, 1e-8, 1e-4, 1], say: (v) => e.powerOfTen(Math.round(Math.log10(v))) }, 260);
    const place = (step, value) => [errors.across(step), errors.up(Math.max(LOWEST / 10, value))];
    const draw = (points) => `M${points.map(([left, top]) => `${left.toFixed(2)} ${top.toFixed(2)}`).join("L")}`;
    const kinds = (kind, q) => kind + (q ? " dashed" : "");

    // What a microscope sees around x: however small the step, it is as wide as before.
    function microscope(k, [, round]) {
      const h = round(steps[k]);
      const height = (t) => (cube(round(x + t * h), round) - cube(x, round)) / h;
      const lens = e.chart("The curve x³ around the point, enlarged so that the step is always as wide, with both chords; the table holds their slopes",
        "rise of x³, in steps h", "",
        { scale: (t) => t, from: -1.5, to: 1.5, ticks: [-1, 0, 1], say: (t) => ["x − h", "x", "x + h"][t + 1] },
        { scale: (v) => v, from: -2 * slope, to: 2 * slope, ticks: [-slope, 0, slope], say: (v) => e.fixed(v, 0) }, 260);
      const at = (t, v = height(t)) => [lens.across(t), lens.up(Math.max(-9 * slope, Math.min(9 * slope, v)))];
      const dense = Array.from({ length: 301 }, (_, n) => at(1.5 * (n - 150) / 150));
      lens.lines.append(e.make("svg:path", { class: "average", d: draw([-1.5, 1.5].map((t) => at(t, t * slope))) }),
        e.make("svg:path", { class: "curve", d: draw(dense) }),
        e.make("svg:path", { class: "chosen", d: draw([at(-1), at(1)]) }),
        e.make("svg:path", { class: "chosen dashed", d: draw([at(0), at(1)]) }),
        ...[-1, 0, 1].map((t) => at(t)).map(([cx, cy]) => e.make("svg:circle", { class: "chosen", cx, cy, r: 5 })));
      return lens.svg;
    }

    function show() {
      const [k, f] = [+slider.input.value, +format.select.value];
      const now = tables[f][k];
      const [name, , digits] = FORMATS[f];
      const h = e.powerOfTen(-k);
      const order = [...tables.keys()].filter((g) => g !== f).concat(f);
      errors.lines.replaceChildren(
        ...order.flatMap((g) => [1, 0].map((q) => e.make("svg:path", { class: kinds(g === f ? "chosen" : "other", q),
          d: draw(tables[g].map(({ slopes }, n) => place(steps[n], wrong(slopes[q])))) }))),
        ...[1, 0].map((q) => place(steps[k], wrong(now.slopes[q])))
          .map(([cx, cy]) => e.make("svg:circle", { class: "chosen", cx, cy, r: 6 })));
      box.replaceChildren(microscope(k, FORMATS[f]), errors.svg);
      caption.textContent = `The slope of x³ at ${x} is ${slope}; measured with h = ${h}`;
      body.replaceChildren(...FORMATS.flatMap(([title, , shown], g) => KINDS.map((kind, q) => {
        const found = tables[g][k].slopes[q];
        return e.make("tr", { class: g === f && "now" }, e.make("th", { scope: "row" }, `${kind}, ${title}`),
          e.make("td", {}, `${+found.toPrecision(shown)}`), e.make("td", {}, scientific(wrong(found))));
      })));
      const tell = (kind, q) => {
        const rounding = Math.abs(now.slopes[q] - slope - now.truncation[q]);
        const best = tables[f].every(({ slopes }) => wrong(slopes[q]) >= wrong(now.slopes[q]));
        return `${kind} ${+now.slopes[q].toPrecision(digits)}, relative error ${scientific(wrong(now.slopes[q]))}, `
          + `mostly ${rounding > now.truncation[q] ? "rounding" : "truncation"}${best ? ", the least of all steps" : ""}`;
      };
      status.say(now.lost
        ? `h = ${h} in ${name}: ${x} + h and ${x} − h are both rounded to ${x}, and nothing is left to divide.`
        : `h = ${h} in ${name}: ${KINDS.map(tell).join("; ")}.`);
    }

    show();
    return [
      e.make("p", {}, "Move the slider, with the mouse or the arrow keys, to smaller steps. A microscope enlarges the curve so that h always looks as wide; the thin dashes have the true slope. The other picture shows the error of each step."),
      e.make("div", { class: "controls" }, format.box, slider.box),
      status,
      box,
      e.make("table", { class: "values" }, caption, e.make("thead", {}, e.make("tr", {},
        ...["difference", "slope", "relative error"].map((title) => e.make("th", { scope: "col" }, title)))), body),
    ];
  });
})();
