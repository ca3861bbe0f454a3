// <number-line>: where a regression puts the pictures of a digit, and what rounding makes of that.
// Its data: answers [N] and labels [N]; images [P, 784], and places [P], their rows in the answers;
// mean, the mean of the labels that it learnt from.
(() => {
  "use strict";
  const e = explorables;
  const [FROM, TO, IN_ONE] = [-3, 12, 4];  // four bars to a unit
  const DIGITS = [...Array(10).keys()];

  const within = (value, low, high) => Math.max(low, Math.min(high, value));
  const named = (answer) => within(Math.round(answer), 0, 9);
  const average = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
  // A third digit where two would hide on which side of a cut an answer lies.
  const say = (answer) => e.fixed(answer, /[.]50$/.test(answer.toFixed(2)) ? 3 : 2);
  const share = (part, whole) => `${part} of ${whole}`;

  e.define("number-line", "Put the pictures on the number line", (element, data) => {
    const answers = Array.from(e.flat(data.answers));
    const labels = Array.from(e.flat(data.labels));
    const images = e.flat(data.images);
    const kinds = [...DIGITS.map((digit) => `pictures of a ${digit}`), "all pictures"];
    let [shown, rows, line] = [[]];
    const status = e.status();
    const digits = e.choice("Show", kinds, choose);
    const slider = e.slider("Picture", { min: 0, max: 1, value: 0, step: 1 },
      (k) => (shown.length ? say(answers[data.places[shown[k]]]) : ""), show);
    const canvas = e.make("canvas", { width: 28, height: 28 });
    const image = e.make("svg:image", { width: 36, height: 36, class: "digit" });
    const post = e.make("svg:path", { class: "post" });
    const box = e.make("div", {});
    const bars = e.barTable("", "named", [{ title: "share of them", format: e.percent, range: [0, 1] }], DIGITS.map(String));
    const caption = bars.table.querySelector("caption");

    // bars from the line upwards: those that are named right, and on top of them the others
    function pile(up) {
      const count = Array.from({ length: (TO - FROM) * IN_ONE }, () => [0, 0]);
      for (const r of rows) {
        const bin = within(Math.floor((answers[r] - FROM) * IN_ONE), 0, count.length - 1);
        count[bin][named(answers[r]) === labels[r] ? 0 : 1] += 1;
      }
      return { count, most: Math.max(...count.map(([right, wrong]) => right + wrong)) };
    }

    function choose() {
      const digit = +digits.select.value;
      rows = [...answers.keys()].filter((r) => digit > 9 || labels[r] === digit);
      shown = data.places.map((_, p) => p).filter((p) => rows.includes(data.places[p]))
        .sort((p, q) => answers[data.places[p]] - answers[data.places[q]]);
      slider.input.max = shown.length - 1;
      slider.set(Math.floor(shown.length / 2));

      const { count, most } = pile();
      const nice = [1, 2, 5, 10, 20, 50, 100, 200, 500].findLast((n) => n <= most) ?? 0;
      line = e.chart(`How many pictures the answers put where on the number line: ${kinds[digit]}; the table counts them by name`,
        "pictures; filled: named right", "answer of the regression",
        { scale: (v) => v, from: FROM, to: TO, ticks: DIGITS, say: String },
        { scale: (v) => v, from: 0, to: 1.5 * most, ticks: [0, nice], say: String }, 260);
      const rect = (kind, from, to, bottom, top) => e.make("svg:rect", { class: kind, x: line.across(from), y: line.up(top),
        width: line.across(to) - line.across(from), height: line.up(bottom) - line.up(top) });
      const upright = (kind, at, top) => e.make("svg:path", { class: kind, d: `M${line.across(at)} ${line.up(0)}V${line.up(top)}` });
      const [low, high] = [digit ? digit - 0.5 : FROM, digit < 9 ? digit + 0.5 : TO];
      line.lines.append(
        ...(digit > 9 ? [] : [rect("home", low, high, 0, 1.5 * most)]),
        ...DIGITS.slice(1).map((d) => upright("cut", d - 0.5, 1.05 * most)),
        ...count.flatMap(([right, wrong], b) => [["right", 0, right], ["wrong", right, right + wrong]]
          .filter(([, bottom, top]) => top > bottom)
          .map(([kind, bottom, top]) => rect(kind, FROM + b / IN_ONE, FROM + (b + 1) / IN_ONE, bottom, top))),
        upright("average", data.mean, 1.05 * most),
        e.make("svg:circle", { class: "chosen", cx: line.across(average(rows.map((r) => answers[r]))), cy: line.up(0), r: 5 }), post, image);
      box.replaceChildren(line.svg);

      const names = rows.map((r) => named(answers[r]));
      caption.textContent = `What the ${rows.length} ${kinds[digit].replace("all ", "")} are named`;
      bars.set(DIGITS.map((d) => [names.filter((name) => name === d).length / rows.length]), [digit > 9 ? null : digit]);
      show();
    }

    function show() {
      const p = shown[+slider.input.value];
      const [answer, label] = [answers[data.places[p]], labels[data.places[p]]];
      e.paint(canvas, Array.from(images.slice(784 * p, 784 * p + 784), (byte) => byte / 255), e.ink);
      image.setAttribute("href", canvas.toDataURL());
      const at = line.across(within(answer, FROM, TO));
      image.setAttribute("x", at - 18);
      image.setAttribute("y", 24);
      post.setAttribute("d", `M${at} 60V${line.up(0)}`);

      const digit = +digits.select.value;
      const right = rows.filter((r) => named(answers[r]) === labels[r]).length;
      const mean = average(rows.map((r) => answers[r]));
      const middle = (values) => values.filter((d) => d > 2 && d < 7).length;
      const off = Math.abs(mean - digit);
      const story = digit > 9
        ? `${share(middle(rows.map((r) => named(answers[r]))), rows.length)} are named 3, 4, 5 or 6, and only ${middle(rows.map((r) => labels[r]))} are that.`
        : `Their mean answer is ${e.fixed(mean)}: ${e.fixed(off)} too ${mean > digit ? "large" : "small"}.`;
      status.say(`${share(right, rows.length)} ${kinds[digit].replace("all ", "")} are named right. ${story} `
        + `The one shown${digit > 9 ? `, a ${label},` : ""} gets ${say(answer)}: named ${named(answer)}, ${named(answer) === label ? "right" : "wrong"}.`);
    }

    digits.select.value = 9;
    choose();
    return [
      e.make("p", {}, "Choose a digit, and move the slider, with the mouse or the arrow keys, from the smallest answer to the largest. Its own stretch of the line is shaded, the dot is the mean answer, and the dashed line the mean of all labels."),
      e.make("div", { class: "controls" }, digits.box, slider.box),
      status,
      e.make("div", { class: "columns" }, box, bars.table),
    ];
  });
})();
