// Proofs fold: the word "Proof" becomes a button. Without scripts every proof simply stays open.
document.addEventListener("DOMContentLoaded", () => {
  for (const proof of document.querySelectorAll(".bd-article div.proof.admonition")) {
    if (proof.querySelector(":scope > .admonition-title")) continue;
    const first = proof.querySelector(":scope > p");
    const text = first && first.firstChild;
    if (!text || text.nodeType !== Node.TEXT_NODE || !/^\s*Proof\./.test(text.data)) continue;
    text.data = text.data.replace(/^\s*Proof\.\s*/, "");
    const rest = document.createElement("span");
    rest.className = "pp-rest";
    rest.append(...first.childNodes);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "pp-fold";
    button.textContent = "Proof";
    button.setAttribute("aria-expanded", "true");
    button.addEventListener("click", () => {
      const folded = proof.classList.toggle("pp-folded");
      button.setAttribute("aria-expanded", String(!folded));
    });
    first.append(button, rest);
  }
});

// A formula a little too wide for its column is set smaller.  One that is wider may use the margin, where
// there is one; what is still much too wide scrolls, and its edge fades.
const SMALLER = 0.9;
const SMALLEST = 0.74;
const MARGIN = window.matchMedia("(min-width: 1200px)");

function fitFormulas() {
  for (const formula of document.querySelectorAll(".bd-article mjx-container")) {
    const display = formula.getAttribute("display") === "true";
    const box = display ? formula.closest("div.math") : null;
    formula.style.removeProperty("--pp-fit");
    formula.classList.remove("pp-wide");
    box?.classList.remove("pp-broad");
    const space = () => (display ? formula : formula.closest("p, li, td, figcaption, dd"))?.clientWidth;
    const width = formula.querySelector("mjx-math")?.getBoundingClientRect().width ?? 0;
    let room = space();
    if (!room || width <= room + 1) continue;
    if (MARGIN.matches && room / width < SMALLER) {
      if (!box) continue;
      box.classList.add("pp-broad");
      room = space();
      if (width <= room + 1) continue;
    }
    const fit = room / width;
    if (fit >= SMALLEST) formula.style.setProperty("--pp-fit", (fit * 0.99).toFixed(3));
    else formula.classList.add("pp-wide");
  }
}

// The list of sections gives way to what stands in the margin beside it.
function giveWay() {
  const contents = document.querySelector(".bd-sidebar-secondary");
  const column = document.querySelector(".bd-article");
  if (!contents || !column) return;
  const covering = new Set();
  const observer = new IntersectionObserver(
    (entries) => {
      const edge = column.getBoundingClientRect().right;
      for (const { target, isIntersecting, boundingClientRect } of entries) {
        if (isIntersecting && boundingClientRect.right > edge) covering.add(target);
        else covering.delete(target);
      }
      contents.classList.toggle("pp-covered", covering.size > 0);
    },
    { rootMargin: "0px 0px -33% 0px" },
  );
  const blocks = ".pp-broad, .output.text_html, .pst-scrollable-table-container";
  for (const block of column.querySelectorAll(blocks)) observer.observe(block);
}

window.addEventListener("load", () => {
  const ready = window.MathJax?.startup?.promise ?? Promise.resolve();
  ready.then(fitFormulas).then(giveWay);
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) fitFormulas();
    width = window.innerWidth;
  });
});

