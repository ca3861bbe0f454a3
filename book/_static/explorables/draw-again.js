// <draw-again>: draw some of the recorded runs again and again; how often does the interval hold the truth?
// Its data: worse and better, the accuracies in per cent of the runs of two models [N], paired by their seeds;
// sizes, of a draw [S]; factors, of the interval for each size [S]; names, of the models [2].
(() => {
  "use strict";
  const e = explorables;
  const KEPT = 40;
  const LARGE_SAMPLE = 1.96;

  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const average = (values) => sum(values) / values.length;
  function variance(values) {
    const mean = average(values);
    return sum(values.map((v) => (v - mean) ** 2)) / (values.length - 1);
  }

  // Chance that can be played again: mulberry32, numbers in [0, 1)
  function chance(seed) {
    return () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  e.define("draw-again", "Draw the runs again", (element, { worse, better, sizes, factors, names }) => {
    const pairs = better.map((value, r) => value - worse[r]);
    const points = (v) => `${e.fixed(v)} points`;
    const questions = [
      { name: `accuracy, ${names[1]}`, say: (v) => `${e.fixed(v)} %`, truth: average(better), scatter: variance(better),
        take: (some) => [some(better)] },
      { name: "difference, in pairs", say: points, truth: average(pairs), scatter: variance(worse) + variance(better),
        take: (some) => [some(pairs)] },
      { name: "difference, not in pairs", say: points, truth: average(pairs), scatter: variance(worse) + variance(better),
        take: (some) => [some(better), some(worse)] },
    ];
    // One group of runs, or two that have nothing to do with each other: their variances add up.
    const judged = ([first, second]) => ({
      mean: average(first) - (second ? average(second) : 0),
      noise: Math.sqrt((variance(first) + (second ? variance(second) : 0)) / first.length),
      runs: [first, second ?? []],
    });

    const status = e.status();
    const question = e.choice("Picture", questions.map(({ name }) => name), show);
    const factor = e.choice("Factor", ["from the number of runs", `always ${LARGE_SAMPLE}`], again);
    const size = e.slider("Runs", { min: 0, max: sizes.length - 1, value: sizes.indexOf(10), step: 1 }, (k) => `${sizes[k]} in a draw`, again);
    const box = e.make("div", {});
    const body = e.make("tbody");
    const last = e.make("p", { class: "note" });
    const bars = e.barTable("", "question", [{ title: "hold the mean", format: e.percent, range: [0, 1] },
      { title: "reach, to either side", format: (v) => e.fixed(v), range: [0, 3 * Math.sqrt(questions[1].scatter)] }], questions.map(({ name }) => name));
    const caption = bars.table.querySelector("caption");
    let all = [];

    function draw(times) {
      const count = sizes[+size.input.value];
      const q = +factor.select.value ? LARGE_SAMPLE : factors[+size.input.value];
      questions.forEach(({ truth, take }, k) => {
        const so = all[k];
        const some = (runs) => Array.from({ length: count }, () => runs[Math.floor(so.random() * runs.length)]);
        for (let n = 0; n < times; n++) {
          const { mean, noise, runs } = judged(take(some));
          const [low, high] = [mean - q * noise, mean + q * noise];
          const holds = low <= truth && truth <= high;
          so.number += 1;
          so.held += holds;
          so.reach += q * noise;
          so.draws.push({ number: so.number, mean, low, high, runs, holds });
        }
        so.draws = so.draws.slice(-KEPT);
      });
      show();
    }

    function start(times) {
      all = questions.map((_, k) => ({ random: chance(k + 1), draws: [], number: 0, held: 0, reach: 0 }));
      draw(times);
    }

    // draws of another kind, as many as before
    function again() { start(all[0].number); }

    function show() {
      const { name, truth, scatter, say } = questions[+question.select.value];
      const { draws, number, held, reach } = all[+question.select.value];
      const [from, to] = [truth - 3.5 * Math.sqrt(scatter), truth + 3.5 * Math.sqrt(scatter)];
      const wide = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5].find((step) => (to - from) / step <= 6);
      const ticks = Array.from({ length: Math.floor(to / wide) - Math.ceil(from / wide) + 1 }, (_, k) => wide * (k + Math.ceil(from / wide)));
      const chart = e.chart("The last intervals, the newest at the top, and the mean of all recorded runs; the table holds their ends",
        "open, thick: misses the mean of all runs", name,
        { scale: (v) => v, from, to, ticks, say: (v) => e.fixed(v, wide < 0.1 ? 2 : 1) },
        { scale: (v) => v, from: 0.4, to: KEPT + 0.6, ticks: [], say: String }, 300);
      const edge = (v) => chart.across(Math.max(from - wide, Math.min(to + wide, v))).toFixed(2);
      chart.lines.append(e.make("svg:path", { class: "average", d: `M${chart.across(truth)} ${chart.up(0.4)}V${chart.up(KEPT + 0.6)}` }),
        ...draws.flatMap(({ mean, low, high, holds }, n) => {
          const [kind, cy] = [holds ? "holds" : "misses", chart.up(KEPT - draws.length + 1 + n)];
          return [e.make("svg:path", { class: kind, d: `M${edge(low)} ${cy}H${edge(high)}` }),
            e.make("svg:circle", { class: kind, cx: chart.across(mean), cy, r: 2.2 })];
        }));
      box.replaceChildren(chart.svg);
      body.replaceChildren(...draws.toReversed().map(({ number, mean, low, high, holds }) => e.make("tr", {},
        e.make("th", { scope: "row" }, number), ...[mean, low, high].map((v) => e.make("td", {}, e.fixed(v))), e.make("td", {}, holds ? "yes" : "no"))));
      caption.textContent = `Of ${number} intervals for each question`;
      bars.set(all.map((so) => [so.held / number, so.reach / number]));
      const { low, high, holds, runs } = draws.at(-1);
      const list = (values) => values.map((v) => e.fixed(v)).join(", ");
      last.textContent = `The runs of the last draw: ${list(runs[0])}${runs[1].length ? `; and, of the other model, ${list(runs[1])}` : ""}.`;
      status.say(`${number} ${number > 1 ? "draws" : "draw"} of ${sizes[+size.input.value]} runs: ${held} of the intervals hold the mean of all runs, ${say(truth)}. `
        + `That is ${e.percent(held / number)}. On average they reach ${e.fixed(reach / number)} to either side. The last, from ${e.fixed(low)} to ${e.fixed(high)}, ${holds ? "holds" : "misses"} it.`);
    }

    start(100);
    return [
      e.make("p", {}, `A draw takes its runs from ${better.length} that were recorded, each from all of them. Press a button, or move the slider, with the mouse or the arrow keys.`),
      e.make("div", { class: "controls" }, question.box, factor.box, size.box),
      e.make("div", { class: "buttons" }, e.button("Draw once", () => draw(1)), e.button("Draw 100 times", () => draw(100)),
        e.button("Start anew", () => start(1))),
      status,
      e.make("div", { class: "columns" }, box, e.make("div", {}, bars.table, e.make("details", {}, e.make("summary", {}, "The numbers of the picture"), last,
        e.make("table", { class: "values" }, e.make("caption", {}, "The last draws, the newest first"), e.make("thead", {}, e.make("tr", {},
          ...["draw", "mean", "from", "to", "holds it"].map((title) => e.make("th", { scope: "col" }, title)))), body)))),
    ];
  });
})();
