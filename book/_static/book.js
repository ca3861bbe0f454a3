(function () {
  "use strict";

  // A box that scrolls sideways is reached by keyboard, and says what it is: for as long as it
  // scrolls, which depends on the width of the window. To measure a box the browser has to lay it
  // out, so that is put off until the box is less than a screen away.
  const BOXES = {
    Code: ".highlight pre",
    Output: ".cell_output pre, .cell_output .text_html",
    Equation: ".katex-display, .bd-article span.math",
    Table: ".pst-scrollable-table-container",
  };
  const names = new Map(); // of all boxes
  const near = new Set(); // those less than a screen away

  // On a narrow screen an equation that is still too wide is set smaller, down to 14 px.
  const SMALLEST = 14;
  const narrow = matchMedia("(max-width: 600px)");
  const fitted = new WeakMap(); // at which width of the window

  function fit(display) {
    if (!display.matches(".bd-article div.math .katex-display") || fitted.get(display) === innerWidth) return;
    fitted.set(display, innerWidth);
    const formula = display.querySelector(".katex");
    formula.style.fontSize = "";
    if (!narrow.matches || display.clientWidth === 0) return;
    let size = parseFloat(getComputedStyle(formula).fontSize);
    for (let tries = 0; tries < 3 && size > SMALLEST && display.scrollWidth > display.clientWidth; tries++) {
      size = Math.max(SMALLEST, Math.floor((10 * size * display.clientWidth) / display.scrollWidth - 1) / 10);
      formula.style.fontSize = `${size}px`;
    }
  }

  function sayWhereItEnds(box) {
    box.classList.toggle("at-end", box.scrollLeft + box.clientWidth >= box.scrollWidth - 2);
  }

  // First all is measured, then all is changed: to take turns would lay out the page each time.
  function update(boxes = near) {
    boxes.forEach(fit);
    const scrolling = [...boxes].map((box) => [
      box,
      box.scrollWidth > box.clientWidth && box.clientWidth > 0 && getComputedStyle(box).overflowX !== "visible",
    ]);
    for (const [box, scrolls] of scrolling) {
      if (scrolls) {
        if (!box.classList.contains("scrolls")) {
          box.addEventListener("scroll", () => sayWhereItEnds(box), { passive: true });
        }
        box.classList.add("scrolls"); // its edge fades
        box.tabIndex = 0;
        box.setAttribute("role", "region");
        box.setAttribute("aria-label", `${names.get(box)}, scrolls sideways`);
      } else if (box.getAttribute("role") === "region") {
        box.classList.remove("scrolls");
        ["tabindex", "role", "aria-label"].forEach((name) => box.removeAttribute(name));
      }
    }
    for (const [box, scrolls] of scrolling) if (scrolls) sayWhereItEnds(box);
  }

  document.addEventListener("DOMContentLoaded", () => {
    const watch = new IntersectionObserver(
      (entries) => {
        const come = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
        entries.forEach((entry) => near.delete(entry.target));
        come.forEach((box) => near.add(box));
        update(come);
      },
      { rootMargin: "100% 0px" },
    );
    for (const [kind, selector] of Object.entries(BOXES)) {
      document.querySelectorAll(selector).forEach((box, index) => {
        names.set(box, `${kind} ${index + 1}`);
        watch.observe(box);
      });
    }
    let width;
    new ResizeObserver(([main]) => {
      if (main.contentRect.width !== width) update();
      width = main.contentRect.width;
    }).observe(document.querySelector("main") || document.body);
  });
  document.addEventListener("click", () => setTimeout(update));

  // What the mark of an equation says is closed by Escape, until one comes back to the mark.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const mark of document.querySelectorAll(".equation-check")) {
      if (!mark.matches(":hover, :focus-within")) continue;
      if (mark.contains(document.activeElement)) mark.querySelector("button").focus();
      mark.classList.add("closed");
      const reopen = (event) => {
        if (event.type === "focusout" && mark.contains(event.relatedTarget)) return;
        mark.classList.remove("closed");
        ["click", "focusout", "mouseleave"].forEach((name) =>
          mark.removeEventListener(name, reopen),
        );
      };
      ["click", "focusout", "mouseleave"].forEach((name) => mark.addEventListener(name, reopen));
    }
  });

  // The menus: the list of chapters, and on a narrow screen the page's own contents. The theme moves
  // them into a dialog and forgets which button has opened it; a button says whether its menu is open.
  const MENUS = ["primary", "secondary"];

  document.addEventListener("DOMContentLoaded", () => {
    const here = document.querySelector("#pst-primary-sidebar a.current");
    if (here) here.ariaCurrent = "page";
    for (const menu of MENUS) {
      const button = document.querySelector(`.${menu}-toggle`);
      const dialog = document.getElementById(`pst-${menu}-sidebar-modal`);
      const sidebar = document.getElementById(`pst-${menu}-sidebar`);
      if (!button || !dialog || !sidebar) continue;
      const close = document.createElement("button");
      close.className = "menu-close btn btn-sm";
      close.type = "button";
      close.ariaLabel = "Close";
      close.innerHTML = '<span class="fa-solid fa-xmark" aria-hidden="true"></span>';
      close.addEventListener("click", () => dialog.close());
      let followed = false;
      const say = () => {
        const beside = menu === "primary" && matchMedia("(min-width: 992px)").matches;
        const shown = beside && !sidebar.classList.contains("pst-sidebar-hidden");
        button.ariaExpanded = String(dialog.open || shown);
      };
      document.addEventListener(
        "click",
        (event) => {
          if (!button.contains(event.target)) return;
          setTimeout(() => {
            say();
            if (dialog.open) {
              dialog.ariaLabel = button.ariaLabel;
              dialog.append(close);
              (dialog.querySelector(".current > a, a.active") || close).focus();
            } else button.focus();
          });
        },
        true,
      );
      // a link to a place on the same page leaves the dialog open otherwise
      dialog.addEventListener("click", (event) => {
        if (!event.target.closest('a[href*="#"]')) return;
        followed = true;
        dialog.close();
      });
      dialog.addEventListener("close", () => {
        close.remove();
        setTimeout(() => {
          say();
          if (!followed) button.focus();
          followed = false;
        });
      });
      window.addEventListener("resize", say);
      say();
    }
  });

  // The files under the arrow at the top are for keeping, not for looking at.
  document.addEventListener("DOMContentLoaded", () => {
    for (const link of document.querySelectorAll(".dropdown-download-buttons a")) {
      link.setAttribute("download", "");
      link.removeAttribute("target");
    }
  });

  // Paper does not wait for a font that no part of the page near the screen has asked for yet.
  const MATH_FONTS = {
    ".mathbf": "bold 1em KaTeX_Main",
    ".mathnormal": "italic 1em KaTeX_Math",
    ".mathcal": "1em KaTeX_Caligraphic",
    ".mathbb, .amsrm": "1em KaTeX_AMS",
    ".delimsizing.size1, .small-op": "1em KaTeX_Size1",
    ".delimsizing.size2, .large-op": "1em KaTeX_Size2",
    ".delimsizing.size3": "1em KaTeX_Size3",
    ".delimsizing.size4": "1em KaTeX_Size4",
  };

  window.addEventListener("load", () => {
    for (const [marks, font] of Object.entries(MATH_FONTS)) {
      if (document.querySelector(`.katex :is(${marks})`)) document.fonts.load(font);
    }
  });

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
