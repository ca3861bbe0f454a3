// A box that scrolls must be reachable by keyboard. The theme sees to code and tables; this sees to
// equations, and to output, whenever the width changes.
(function () {
  "use strict";

  function update() {
    for (const box of document.querySelectorAll(".katex-display, .cell_output pre")) {
      if (box.scrollWidth > box.clientWidth + 1) {
        box.tabIndex = 0;
      } else {
        box.removeAttribute("tabindex");
      }
    }
  }

  document.addEventListener("DOMContentLoaded", update);
  window.addEventListener("resize", update);
})();
