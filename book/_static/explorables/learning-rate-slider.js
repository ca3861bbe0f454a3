// <learning-rate-slider>: choose a learning rate and see how training went, divergence included.
// Its data: runs, each {name, loss_name, rates [R], loss [E + 1, R], accuracy [E + 1, R]}; a number
// that is not finite is null.
(() => {
  "use strict";
  const e = explorables;

  function say(value) {
    if (value === null) return "not a number";
    if (value < 10000) return value.toFixed(value < 10 ? 3 : value < 100 ? 2 : 0);
    const power = Math.floor(Math.log10(value));
    return `${(value / 10 ** power).toFixed(1)} · ${e.powerOfTen(power)}`;
  }

  const powers = (from, to) => {
    const first = Math.ceil(Math.log10(from) - 1e-9);
    return Array.from({ length: Math.max(0, Math.floor(Math.log10(to) + 1e-9) - first + 1) }, (_, k) => 10 ** (first + k));
  };

  const plain = (v) => v;

  e.define("learning-rate-slider", "Turn the learning rate", (element, { runs }) => {
    const status = e.status();
    const box = e.make("div", { class: "columns" });
    const body = e.make("tbody");
    const caption = e.make("caption");
    const lossHead = e.make("th", { scope: "col" });
    const which = e.choice("Model", runs.map(({ name }) => name), choose);
    const rate = e.slider("Rate", { min: 0, max: 1, value: 0, step: 1 },
      (k) => `${runs[+which.select.value].rates[k] ?? ""}`, show);
    let [run, losses, ends] = [runs[0]];

    // one column of a log: the values of the k-th learning rate, epoch by epoch
    const along = (log, k) => log.map((row) => row[k]);

    function choose() {
      run = runs[+which.select.value];
      const { rates, loss, accuracy } = run;
      rate.input.max = rates.length - 1;
      const best = e.argmax(accuracy.at(-1).map((v) => v ?? -1));
      rate.set(best);
      const start = loss[0][0];
      const low = Math.min(...loss.flat().filter((v) => v !== null));
      const epochs = loss.map((_, epoch) => epoch);
      const [from, to] = [low / 1.2, start * 8];
      const decades = powers(from, to);
      losses = e.chart("The loss after each epoch, one line for each learning rate; the table holds the numbers of the chosen one",
        run.loss_name, "epochs",
        { scale: plain, from: 0, to: epochs.at(-1), ticks: epochs.filter((n) => n % Math.ceil(epochs.length / 6) === 0), say: plain },
        { scale: Math.log10, from, to, ticks: decades.length > 1 ? decades : [low, start].map((v) => +v.toPrecision(1)), say: plain });
      ends = e.chart("The held-out accuracy after the last epoch, one dot for each learning rate",
        `held-out accuracy after ${epochs.at(-1)} epochs`, "learning rate",
        { scale: Math.log10, from: rates[0] / 1.3, to: rates.at(-1) * 1.3, ticks: powers(rates[0], rates.at(-1)), say: plain },
        { scale: plain, from: 0, to: 1, ticks: [0, 0.25, 0.5, 0.75, 1], say: (v) => `${100 * v} %` });
      box.replaceChildren(losses.svg, ends.svg);
      lossHead.textContent = run.loss_name;
      show();
    }

    function show() {
      const k = +rate.input.value;
      const { rates, loss, accuracy, name } = run;
      // A loss that is no longer a number leaves the chart at the top.
      const path = (values) => {
        const lost = values.indexOf(null);
        return values.slice(0, lost < 0 ? undefined : lost + 1).map((v, n) =>
          `${n ? "L" : "M"}${losses.across(n).toFixed(1)} ${v === null ? -1000 : Math.max(-1000, losses.up(v)).toFixed(1)}`).join("");
      };
      const order = [...rates.keys()].filter((r) => r !== k).concat(k);
      losses.lines.replaceChildren(...order.map((r) =>
        e.make("svg:path", { class: r === k ? "chosen" : "other", d: path(along(loss, r)) })));
      ends.lines.replaceChildren(...order.map((r) => e.make("svg:circle", { class: r === k ? "chosen" : "other",
        cx: ends.across(rates[r]), cy: ends.up(accuracy.at(-1)[r] ?? 0), r: r === k ? 6 : 4 })));
      caption.textContent = `${name}, learning rate ${rates[k]}`;
      body.replaceChildren(...loss.map((row, epoch) => e.make("tr", {}, e.make("th", { scope: "row" }, epoch),
        e.make("td", {}, say(row[k])), e.make("td", {}, accuracy[epoch][k] === null ? "not a number" : e.percent(accuracy[epoch][k])))));
      const [start, end] = [loss[0][k], loss.at(-1)[k]];
      const lost = loss.findIndex((row) => row[k] === null);
      const story = lost >= 0 ? `The loss explodes: from epoch ${lost} on it is no longer a number, and the model is lost.`
        : end > start ? `The loss has grown from ${say(start)} to ${say(end)}.`
          : `The loss has come down from ${say(start)} to ${say(end)}.`;
      status.say(`Learning rate ${rates[k]}: ${story} Held-out accuracy at the end: ${e.percent(accuracy.at(-1)[k] ?? 0)}.`);
    }

    choose();
    return [
      e.make("p", {}, "Move the slider, with the mouse or the arrow keys, from the smallest learning rate to the largest. Every run was trained while this page was built."),
      e.make("div", { class: "controls" }, ...(runs.length > 1 ? [which.box] : []), rate.box),
      status,
      box,
      e.make("table", { class: "values" }, caption,
        e.make("thead", {}, e.make("tr", {}, e.make("th", { scope: "col" }, "epochs"), lossHead, e.make("th", { scope: "col" }, "held-out accuracy"))), body),
    ];
  });
})();
