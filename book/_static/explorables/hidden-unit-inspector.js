// <hidden-unit-inspector>: for one image, where each hidden unit looks, and what it adds to each class.
// Its data: two (the layers of a two-layer network), images, labels.
(() => {
  "use strict";
  const e = explorables;

  e.define("hidden-unit-inspector", "Look into the hidden units", (element, { two, images, labels }) => {
    const [first, second] = two;
    const count = e.flat(first.bias).length;
    const classes = e.flat(second.bias).length;
    const [W2, b1] = [e.flat(second.weights), e.flat(first.bias)];
    const columns = Array.from({ length: count }, (_, u) => e.column(first.weights, u, count));
    const colour = e.signed(Math.max(...Array.from(first.weights, Math.abs)) * 0.6);
    const adds = (activation, u) => Array.from({ length: classes }, (_, k) => activation * W2[u * classes + k]);

    const status = e.status();
    const digits = e.choice("Image", Array.from(labels, (label, k) => `a ${label}, ${k % 2 ? "second" : "first"} example`), show);
    const pictures = ["the image", "weights of the unit", "pixel times weight"].map((label) => {
      const canvas = e.picture(label);
      const caption = e.make("figcaption", {}, label);
      return { canvas, caption, figure: e.make("figure", {}, canvas, caption) };
    });
    const sum = e.make("p", {});
    const format = (v) => (v > 0 ? "+" : "") + e.fixed(v, 1);
    const bars = e.barTable("", "digit", [
      { title: "added by this unit", format, range: [-8, 8] },
      { title: "score, all together", format, range: [-20, 20] },
    ], Array.from({ length: classes }, (_, k) => `${k}`));
    const caption = bars.table.querySelector("caption");

    const units = columns.map((_, u) => {
      const input = e.make("input", { type: "radio", name: "hidden-unit", value: u, onchange: show });
      const canvas = e.make("canvas", { width: 28, height: 28, class: "pixels", "aria-hidden": "true" });
      const value = e.make("span", { class: "value" });
      const label = e.make("label", {}, input, canvas, e.make("span", { class: "name" }, `unit ${u}: `), value);
      return { input, canvas, value, item: e.make("li", {}, label) };
    });

    function show() {
      const place = +digits.select.value;
      const x = Array.from(images.subarray(784 * place, 784 * place + 784), (byte) => byte / 255);
      const [sums, scores] = e.forward(x, two);
      const activations = e.relu(sums);
      const answer = e.argmax(Array.from(scores));
      let chosen = units.findIndex(({ input }) => input.checked);
      if (chosen < 0) {
        chosen = e.argmax(Array.from(activations, (a, u) => adds(a, u)[answer]));
        units[chosen].input.checked = true;
      }
      const products = columns.map((weights) => weights.map((w, j) => w * x[j]));
      units.forEach(({ canvas, value, item }, u) => {
        e.paint(canvas, products[u], colour);
        value.textContent = activations[u] ? e.fixed(activations[u], 1) : "off";
        item.classList.toggle("on", activations[u] > 0);
      });
      e.paint(pictures[0].canvas, x, e.ink);
      e.paint(pictures[1].canvas, columns[chosen], colour);
      e.paint(pictures[2].canvas, products[chosen], colour);
      pictures[1].caption.textContent = `weights of unit ${chosen}`;
      const [z, a] = [sums[chosen], activations[chosen]];
      const product = `${e.fixed(z - b1[chosen])}`;
      sum.textContent = `Pixels times weights add up to ${product}; with the bias ${e.fixed(b1[chosen])} that is ${e.fixed(z)}. `
        + (a ? "It is positive, and the ReLU lets it through." : "It is not positive, and the ReLU makes it 0.");
      const added = adds(a, chosen);
      caption.textContent = `What unit ${chosen} adds to the score of each digit`;
      bars.set(added.map((value, k) => [value, scores[k]]), [null, answer]);
      const [up, down] = [e.argmax(added), e.argmax(added.map((v) => -v))];
      status.say(a
        ? `Unit ${chosen} is on (${e.fixed(a)}): it speaks most for ${up} (${format(added[up])}) and most against ${down} (${format(added[down])}). The network says ${answer}.`
        : `Unit ${chosen} is off for this image and adds nothing. The network says ${answer}.`);
    }

    digits.select.value = 6;
    show();
    return [
      e.make("p", {}, "Choose an image and, with the mouse or the arrow keys, one of the thirty units. Blue pixels speak for the unit, red ones against it."),
      digits.box,
      e.make("div", { class: "pictures" }, ...pictures.map(({ figure }) => figure)),
      sum,
      status,
      bars.table,
      e.make("fieldset", {}, e.make("legend", {}, "Where every unit looks on this image, and how strongly it is on"),
        e.make("ol", { class: "units", start: 0 }, ...units.map(({ item }) => item))),
    ];
  });
})();
