// For light_pages.py: {css, words} in; out comes the style sheet without rules that none of the words can meet.
"use strict";
const { PurgeCSS } = require("purgecss");
const { css, words } = JSON.parse(require("fs").readFileSync(0, "utf8"));

new PurgeCSS()
  .purge({
    content: [{ raw: words.join(" "), extension: "html" }],
    // it takes a state of nothing in particular (`:focus-visible {`) for unused
    css: [{ raw: css.replace(/([},{(]\s*):(?=hover|focus)/g, "$1*:") }],
    defaultExtractor: (text) => text.split(" "),
  })
  .then(([{ css }]) => process.stdout.write(css));
