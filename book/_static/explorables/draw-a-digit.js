// <draw-a-digit>: draw, or choose a digit and move it; two networks answer live.
(() => {
  "use strict";
  const e = explorables;
  const SURE = 0.7;  // below it the answer is "not sure"

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

  e.define("draw-a-digit", "Draw a digit", (element, { two, one, images, labels }) => {
    const seen = e.picture("What the networks get: the drawing in 28 by 28 pixels");
    let digit = -1;

    function clear() {
      sheet.wipe();
      digit = -1;
      digits.select.value = 0;
      for (const [slider, start] of [[across, 0], [down, 0], [turn, 0], [thick, 0]]) slider.set(start);
    }

    const names = e.examples(labels);
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

    // The chosen digit, its strokes as thick as the slider says
    function picture() {
      if (digit < 0) return null;
      let values = Array.from(images.subarray(784 * digit, 784 * digit + 784), (byte) => byte / 255);
      for (let k = 0; k < Math.abs(thick.input.value); k++) values = thicken(values, 0.5 * Math.sign(thick.input.value));
      return values;
    }

    const sheet = e.sheet(element, {
      picture,
      changed: () => update(),
      begin: () => { if (digit >= 0) clear(); },
      place: () => ({ across: +across.input.value, down: +down.input.value, turn: +turn.input.value, thick: +thick.input.value }),
    });

    // ---- answers

    const chance = (p) => (p < 0 ? "–" : e.percent(p));
    const answers = e.barTable("What they answer", "digit", [
      { title: "two layers", format: chance, range: [0, 1] },
      { title: "one layer", format: chance, range: [0, 1] },
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
      sheet.draw();
      const found = sheet.read(ready.checked);
      const [blank, x] = [!found, found ?? Array(784).fill(0)];
      e.paint(seen, x, e.ink);
      const [z1, scores] = e.forward(x, two);
      const activations = e.relu(z1);
      const [p, q] = [e.softmax(scores), e.softmax(e.forward(x, one)[0])];
      const [best, other] = [e.argmax(p), e.argmax(q)];
      answers.set(p.map((value, k) => (blank ? [-1, -1] : [value, q[k]])), blank ? [] : [best, other]);
      const largest = Math.max(...activations, 4);
      units.forEach(({ value, fill, item }, u) => {
        fill.style.width = `${100 * activations[u] / largest}%`;
        value.textContent = activations[u] ? e.fixed(activations[u], 1) : "off";
        item.classList.toggle("on", activations[u] > 0);
      });
      sheet.describe(names[digit]);
      status.say(blank
        ? `${sheet.nothing}: nothing to read. Draw a digit, or choose one.`
        : p[best] < SURE
        ? `Not sure: no digit has ${100 * SURE} %. Two layers lean to ${best} (${e.percent(p[best])}), one layer to ${other} (${e.percent(q[other])}).`
        : `Two layers say ${best} (${e.percent(p[best])}), one layer says ${other} (${e.percent(q[other])}). `
          + `${activations.filter((a) => a > 0).length} of ${count} hidden units are on.`);
    }

    digits.select.value = digit + 1;
    update();
    return [
      e.make("p", {}, "Draw on the white sheet with mouse, pen or finger. Or choose a digit and push it about with the sliders."),
      e.make("div", { class: "columns" },
        e.make("div", { class: "drawing" }, sheet.pad,
          e.make("div", { class: "controls" },
            e.make("div", { class: "buttons" }, e.button("Clear", () => { clear(); update(); }), digits.box),
            across.box, down.box, turn.box, thick.box)),
        e.make("div", { class: "answers" },
          e.make("div", { class: "seen" }, seen, e.make("div", {},
            e.make("p", {}, "What the networks get: 28 × 28 pixels."),
            e.make("label", { class: "switch" }, ready, " made to look like MNIST: its pen as wide as MNIST’s, scaled to fill a box, its centre of mass in the middle"))),
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
