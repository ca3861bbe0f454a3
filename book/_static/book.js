(function () {
  "use strict";

  // A box that scrolls sideways is reached by keyboard, and says what it is: for as long as it
  // scrolls, which depends on the width of the window.
  const BOXES = {
    Code: ".highlight pre",
    Output: ".cell_output pre, .cell_output .text_html",
    Equation: ".katex-display, .bd-article span.math",
    Table: ".pst-scrollable-table-container",
  };

  function update() {
    for (const [kind, selector] of Object.entries(BOXES)) {
      [...document.querySelectorAll(selector)].forEach((box, index) => {
        const style = getComputedStyle(box);
        const scrolls =
          style.overflowX !== "visible" && box.scrollWidth > box.clientWidth && box.clientWidth > 0;
        if (scrolls) {
          box.tabIndex = 0;
          box.setAttribute("role", "region");
          box.setAttribute("aria-label", `${kind} ${index + 1}, scrolls sideways`);
        } else if (box.getAttribute("role") === "region") {
          ["tabindex", "role", "aria-label"].forEach((name) => box.removeAttribute(name));
        }
      });
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    update();
    new ResizeObserver(update).observe(document.querySelector("main") || document.body);
  });
  window.addEventListener("load", update);
  document.addEventListener("toggle", update, true); // a <details> opened: its code may be wide
  document.addEventListener("click", () => setTimeout(update));

  // The files under the arrow at the top are for keeping, not for looking at.
  document.addEventListener("DOMContentLoaded", () => {
    for (const link of document.querySelectorAll(".dropdown-download-buttons a")) {
      link.setAttribute("download", "");
      link.removeAttribute("target");
    }
  });

  // Results of a search without their context where pages are files: a script may not read those.
  if (location.protocol === "file:") {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }

  // On paper nothing can be unfolded: what is folded is opened, and folded again afterwards. The
  // page is printed light.
  let restore = [];

  window.addEventListener("beforeprint", () => {
    const page = document.documentElement;
    const theme = page.dataset.theme;
    page.dataset.theme = "light";
    restore.push(() => (page.dataset.theme = theme));
    for (const folded of document.querySelectorAll("article details:not([open])")) {
      folded.open = true;
      restore.push(() => (folded.open = false));
    }
  });

  window.addEventListener("afterprint", () => {
    restore.forEach((undo) => undo());
    restore = [];
  });
})();
