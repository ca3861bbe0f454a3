/* Search in the sections of the book, in the reader's own browser.

   `find(query)` gives sections, best first. Words are compared without their endings and hyphens
   ("over-fitting" is found as overfit), common words are dropped, and a word stands for its synonyms
   too, at less weight. Sections that have all the words come before those that have some. */
(function () {
  "use strict";
  const COMMON = new Set(("a about an and are as at be because but by can could did do does for from get had has have " +
    "how i if in is it its me mine my no not of on or our should so some than that the their them then there " +
    "they this to too use used was we were what when where which who why will with would you your").split(" "));

  const tidy = (text) => text.toLowerCase().replace(/[’‘]/g, "'").replace(/[−–—]/g, "-")
    .replace(/\b([a-z])\s*(?:-|minus)\s*([a-z])\b/g, "$1minus$2").replace(/(\d)\s*%/g, "$1percent");

  const stem = (word) => word.length < 4 ? word : word
    .replace(/ies$/, "y").replace(/([^s])s$/, "$1").replace(/(..)(?:ing|ed)$/, "$1")
    .replace(/([bdfgmnprt])\1$/, "$1").replace(/(...)e$/, "$1");

  function words(text) {
    const found = [];
    for (const [word] of tidy(text).matchAll(/[\p{L}\p{N}]+(?:[-_.'][\p{L}\p{N}]+)*/gu)) {
      found.push(word.replace(/[-_']/g, ""));
      if (/[-_]/.test(word)) found.push(...word.split(/[-_]/));
    }
    return found;
  }

  const term = (word) => (COMMON.has(word) ? null : stem(word));
  const terms = (text) => words(text).map(term).filter(Boolean);

  const index = new MiniSearch({
    fields: ["title", "page", "terms", "text", "formulas", "code"],
    tokenize: words, processTerm: term,
  });
  const { sections, synonyms } = window.bookSearchData;
  index.addAll(sections.map((section, id) => ({ id, ...section })));

  // {"learn rate": [["lr"], ["step", "siz"], ...]}: the other terms of the same thing
  const others = new Map();
  for (const group of synonyms) {
    const phrases = group.map(terms);
    for (const phrase of phrases) {
      const key = phrase.join(" ");
      others.set(key, [...(others.get(key) ?? []), ...phrases.filter((other) => other !== phrase)]);
    }
  }

  const OPTIONS = { prefix: (word) => word.length > 3, fuzzy: (word) => (word.length > 5 ? 0.15 : false), maxFuzzy: 1 };
  const BOOST = { title: 4, page: 1.5, terms: 2, text: 1, formulas: 1, code: 0.4 };
  const LESS = Object.fromEntries(Object.entries(BOOST).map(([field, boost]) => [field, boost * 0.6]));

  function wanted(query) {
    const left = terms(query), found = [];
    while (left.length) {
      let length = Math.min(3, left.length);
      while (length > 1 && !others.has(left.slice(0, length).join(" "))) length--;
      const phrase = left.splice(0, length);
      const own = { queries: phrase, combineWith: "AND" };
      const same = (others.get(phrase.join(" ")) ?? []).filter((other) => other.length)
        .map((other) => ({ queries: other, combineWith: "AND", boost: LESS, fuzzy: false, prefix: false }));
      found.push({ queries: [own, ...same], combineWith: "OR" });
    }
    return found;
  }

  function find(query) {
    const queries = wanted(query);
    if (!queries.length) return [];
    const options = { ...OPTIONS, boost: BOOST, boostDocument: (id) => sections[id].weight };
    const all = index.search({ queries, combineWith: "AND" }, options);
    const seen = new Set(all.map((hit) => hit.id));
    const some = queries.length > 1 ? index.search({ queries, combineWith: "OR" }, options) : [];
    return [...all, ...some.filter((hit) => !seen.has(hit.id))].slice(0, 30)
      .map((hit) => ({ ...sections[hit.id], terms: Object.keys(hit.match) }));
  }

  // The piece of a text where most of the terms stand close together, cut at words: [[text, is it one?], ...]
  function snippet(text, searched, length = 180) {
    const marks = [...text.matchAll(/[\p{L}\p{N}]+(?:[-_.'][\p{L}\p{N}]+)*/gu)]
      .filter(([word]) => words(word).some((part) => searched.has(term(part))));
    let [best, most] = [0, -1];
    marks.forEach((mark, n) => {
      const inside = new Set(marks.slice(n).filter((other) => other.index < mark.index + length).map(([word]) => stem(tidy(word))));
      if (inside.size > most) [best, most] = [mark.index, inside.size];
    });
    const start = best < 60 ? 0 : text.indexOf(" ", best - 50) + 1;
    const stop = start + length >= text.length ? text.length : text.lastIndexOf(" ", start + length);
    const pieces = [];
    let at = start;
    for (const mark of marks.filter((one) => one.index >= start && one.index + one[0].length <= stop)) {
      pieces.push([text.slice(at, mark.index), false], [mark[0], true]);
      at = mark.index + mark[0].length;
    }
    pieces.push([text.slice(at, stop) + (stop < text.length ? " …" : ""), false]);
    return start ? [["… ", false], ...pieces] : pieces;
  }

  function element(name, text, attributes = {}) {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function show(query) {
    const hits = find(query);
    const list = element("ol", "", { class: "book-search" });
    for (const hit of hits) {
      const item = element("li", "");
      item.append(element("a", hit.title, { href: hit.url }));
      if (hit.page) item.append(element("span", ` in ${hit.page}`, { class: "where" }));
      const line = element("p", "");
      for (const [text, marked] of snippet(hit.text, new Set(hit.terms))) line.append(marked ? element("mark", text) : text);
      item.append(line);
      list.append(item);
    }
    document.getElementById("search-results").replaceChildren(list);
    document.getElementById("search-status").textContent = !query.trim() ? "" :
      hits.length ? `${hits.length === 30 ? "The best 30" : hits.length} section${hits.length === 1 ? "" : "s"}` :
      `Nothing is found for “${query}”. Try one word of it, or look at the notation and the list of chapters.`;
  }

  window.bookSearch = { find, snippet };
  document.addEventListener("DOMContentLoaded", () => {
    const field = document.querySelector("#book-search-field");
    if (!field) return;
    field.value = new URLSearchParams(location.search).get("q") ?? "";
    let waiting = 0;
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        history.replaceState(null, "", `?q=${encodeURIComponent(field.value)}`);
        show(field.value);
      }, 120);
    });
    field.focus();
    show(field.value);
  });
})();
