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

// A formula a little too wide for its column is set smaller; a much too wide one scrolls, and its edge fades.
const SMALLEST = 0.74;

function fitFormulas() {
  for (const formula of document.querySelectorAll(".bd-article mjx-container")) {
    const display = formula.getAttribute("display") === "true";
    formula.style.removeProperty("--pp-fit");
    formula.classList.remove("pp-wide");
    const room = display ? formula.clientWidth : formula.closest("p, li, td, figcaption, dd")?.clientWidth;
    const width = formula.querySelector("mjx-math")?.getBoundingClientRect().width ?? 0;
    if (!room || width <= room + 1) continue;
    const fit = room / width;
    if (fit >= SMALLEST) formula.style.setProperty("--pp-fit", (fit * 0.99).toFixed(3));
    else formula.classList.add("pp-wide");
  }
}

window.addEventListener("load", () => {
  const ready = window.MathJax?.startup?.promise ?? Promise.resolve();
  ready.then(fitFormulas);
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) fitFormulas();
    width = window.innerWidth;
  });
});
