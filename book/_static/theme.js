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
