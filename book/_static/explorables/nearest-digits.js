// <nearest-digits>: draw, or choose a digit; its distance to ten averages and to known pictures.
// Its data: averages [10, 784]; known, {images, labels}, and unseen, the same: digits to choose.
(() => {
  "use strict";
  const e = explorables;
  const [NEAREST, FARTHEST] = [5, 120];  // how many are shown; where the bars end

  // The sum of the squared differences of two pictures
  const distance = (x, other) => x.reduce((sum, value, j) => sum + (value - other[j]) ** 2, 0);

  const least = (values) => values.indexOf(Math.min(...values));
  const rows = (values, change) => Array.from({ length: values.length / 784 },
    (_, k) => Array.from(values.subarray(784 * k, 784 * k + 784), change));
  const ofBytes = (images) => rows(images, (byte) => byte / 255);

  e.define("nearest-digits", "Which is nearest to yours?", (element, { averages, known, unseen }) => {
    const [centres, pictures, samples] = [rows(averages, (value) => value), ofBytes(known.images), ofBytes(unseen.images)];
    const labels = Array.from(known.labels);
    let digit = -1;

    const names = e.examples(unseen.labels);
    const digits = e.choice("Digit", ["my drawing", ...names], (index) => {
      sheet.wipe();
      digit = index - 1;
      update();
    });

    function clear() {
      sheet.wipe();
      digits.select.value = 0;
      digit = -1;
    }

    const sheet = e.sheet(element, {
      picture: () => samples[digit] ?? null,
      changed: () => update(),
      begin: () => { if (digit >= 0) clear(); },
    });
    const seen = e.picture("What is compared: the digit in 28 by 28 pixels");

    const say = (d) => (d < 0 ? "–" : e.fixed(d, 1));
    const range = [0, FARTHEST];
    const bars = e.barTable("How far it is from each digit", "digit", [
      { title: "from its average", format: say, range },
      { title: "from its nearest picture", format: say, range },
    ], centres.map((_, k) => `${k}`));
    bars.heads.forEach((head, k) => {
      const canvas = e.make("canvas", { width: 28, height: 28, class: "pixels", role: "img", "aria-label": `the average ${k}` });
      e.paint(canvas, centres[k], e.ink);
      head.prepend(canvas);
    });

    const nearest = Array.from({ length: NEAREST }, () => {
      const [canvas, text] = [e.picture(""), e.make("span", { class: "value" })];
      return { canvas, text, item: e.make("li", {}, canvas, text) };
    });
    const status = e.status();

    function update() {
      sheet.draw();
      const x = samples[digit] ?? sheet.read(true);
      e.paint(seen, x ?? Array(784).fill(0), e.ink);
      sheet.describe(names[digit]);
      const far = x ? pictures.map((other) => distance(x, other)) : [];
      const order = [...far.keys()].sort((a, b) => far[a] - far[b]).slice(0, NEAREST);
      nearest.forEach(({ canvas, text }, n) => {
        const k = order[n];
        e.paint(canvas, pictures[k] ?? Array(784).fill(0), e.ink);
        text.textContent = x ? `a ${labels[k]}: ${say(far[k])}` : "–";
        canvas.setAttribute("aria-label", x ? `number ${n + 1}` : "nothing to compare");
      });
      if (!x) {
        bars.set(centres.map(() => [-1, -1]));
        status.say(`${sheet.nothing}: nothing to compare. Draw a digit, or choose one.`);
        return;
      }
      const toAverage = centres.map((centre) => distance(x, centre));
      const toPicture = centres.map((_, k) => Math.min(...far.filter((_, n) => labels[n] === k)));
      const [average, picture] = [least(toAverage), labels[order[0]]];
      bars.set(toAverage.map((d, k) => [d, toPicture[k]]), [average, picture]);
      const [one, other] = [say(toAverage[average]), say(far[order[0]])];
      status.say((average === picture
        ? `Both rules say ${average}: the average ${average} is the nearest (${one}), and the nearest picture is a ${picture} (${other}).`
        : `The rules disagree: the average ${average} is the nearest (${one}), but the nearest picture is a ${picture} (${other}).`)
        + ` The five nearest: ${order.map((k) => labels[k]).join(", ")}.`);
    }

    update();
    return [
      e.make("p", {}, "Draw on the white sheet with mouse, pen or finger, or choose a digit that neither rule has met. A short bar is near."),
      e.make("div", { class: "columns" },
        e.make("div", { class: "drawing" }, sheet.pad,
          e.make("div", { class: "buttons" }, e.button("Clear", () => { clear(); update(); }), digits.box),
          e.make("div", { class: "seen" }, seen, e.make("p", {},
            "What is compared: 28 × 28 pixels. A drawing is first made to look like MNIST: its pen as wide, its size the same, its centre of mass in the middle."))),
        e.make("div", { class: "answers" }, bars.table)),
      status,
      e.make("p", {}, `The five nearest of ${labels.length} pictures, and how far they are:`),
      e.make("ol", { class: "nearest" }, ...nearest.map(({ item }) => item)),
    ];
  });
})();
