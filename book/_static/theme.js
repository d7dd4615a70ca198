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

// Formulas wider than their column scroll; where there is more to see, the edge fades.
function markWide() {
  for (const formula of document.querySelectorAll(".bd-article mjx-container")) {
    const display = formula.getAttribute("display") === "true";
    const room = display ? formula.clientWidth : formula.closest("p, li, td, figcaption, dd")?.clientWidth;
    const width = formula.querySelector("mjx-math")?.getBoundingClientRect().width ?? 0;
    formula.classList.toggle("pp-wide", Boolean(room) && width > room + 1);
  }
}

window.addEventListener("load", () => {
  const ready = window.MathJax?.startup?.promise ?? Promise.resolve();
  ready.then(markWide);
  window.addEventListener("resize", markWide);
});
