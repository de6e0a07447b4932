// What a page that grows must not lose: what is open, what is scrolled. And buttons that copy a text.
"use strict";
document.documentElement.classList.add("scripted");

const kept = { open: [], scrolled: [] };

document.addEventListener("htmx:beforeSwap", (event) => {
  const grown = event.detail.target;
  kept.open = [...grown.querySelectorAll("details[open][id]")].map((found) => found.id);
  kept.scrolled = [...grown.querySelectorAll(".scroll[id]")].map((found) => [found.id, found.scrollLeft]);
});

document.addEventListener("htmx:afterSwap", () => {
  for (const id of kept.open) document.getElementById(id)?.setAttribute("open", "");
  for (const [id, left] of kept.scrolled) {
    const found = document.getElementById(id);
    if (found) found.scrollLeft = left;
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copies);
  getSelection().selectAllChildren(text);
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Selected: copy it with the keyboard"; // no clipboard without a secure address
  }
});
