// <logit-sliders>: move the scores; see probabilities, surprise, and the gradients of two losses.
// Its data: scores [K], and target, the place of the right class.
(() => {
  "use strict";
  const e = explorables;
  const LARGEST = 8;
  const NAMES = ["first", "second", "third", "fourth", "fifth"];

  // Of the squared error behind a softmax, mean over the classes: dL/dz.
  function squaredGradient(p, y) {
    const d = p.map((value, k) => 2 * (value - y[k]) / p.length);
    const mean = d.reduce((sum, value, k) => sum + value * p[k], 0);
    return p.map((value, k) => value * (d[k] - mean));
  }

  e.squaredGradient = squaredGradient;

  e.define("logit-sliders", "Move the scores", (element, { scores, target }) => {
    const names = scores.map((_, k) => NAMES[k]);
    const status = e.status();
    const sliders = names.map((name) => e.slider(`${name[0].toUpperCase()}${name.slice(1)}`,
      { min: -LARGEST, max: LARGEST, step: "any", value: 0 }, (z) => e.fixed(z), update));
    const right = e.choice("The right class is the", names, update);
    const values = () => sliders.map(({ input }) => +input.value);
    const setAll = (z) => { sliders.forEach((slider, k) => slider.set(z[k])); update(); };

    const slope = { format: (v) => e.fixed(v, 3), range: [-1, 1] };
    const bars = e.barTable("Probabilities, and the slope of each loss along each score", "class", [
      { title: "probability p", format: (v) => e.fixed(v, 3), range: [0, 1] },
      { title: "cross-entropy: p − y", ...slope },
      { title: "squared error", ...slope },
    ], names);

    function update() {
      const [z, c] = [values(), +right.select.value];
      const p = e.softmax(z);
      const y = p.map((_, k) => (k === c ? 1 : 0));
      const squared = squaredGradient(p, y);
      bars.set(p.map((value, k) => [value, value - y[k], squared[k]]), [c]);
      const surprise = Math.log(z.reduce((sum, v) => sum + Math.exp(v - z[c]), 0));
      const error = p.reduce((sum, value, k) => sum + (value - y[k]) ** 2, 0) / p.length;
      status.say(`The right class has p = ${e.fixed(p[c], 3)}: surprise ${e.fixed(surprise)} nats, squared error ${e.fixed(error, 3)}. `
        + `Along its score the cross-entropy has the slope ${e.fixed(p[c] - 1, 3)}, the squared error ${e.fixed(squared[c], 3)}.`);
    }

    const wrong = () => {
      const c = +right.select.value;
      setAll(scores.map((_, k) => (k === c ? -6 : k === (c + 1) % scores.length ? 6 : 0)));
    };
    const back = () => { right.select.value = target; setAll(scores); };
    back();
    return [
      e.make("p", {}, "Move the sliders, with the mouse or the arrow keys, or press a button. A bar to the left is a negative slope: training will push that score up."),
      e.make("div", { class: "controls" }, right.box, ...sliders.map(({ box }) => box)),
      e.make("div", { class: "buttons" }, e.button("Make it confidently wrong", wrong),
        e.button("Add 1 to every score", () => setAll(values().map((v) => v + 1))), e.button("Back to the example", back)),
      bars.table,
      status,
    ];
  });
})();
