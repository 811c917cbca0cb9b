/* Only on pages that pose a challenge (defensefund/challenges.py): finds the number whose SHA-256, written behind the
   salt, is known. Pressing the button meanwhile is remembered. Without Web Crypto the page's minute of waiting stays. */
const challenge = document.querySelector("input[data-digest]");
if (challenge && window.crypto && crypto.subtle) {
  const form = challenge.form, solution = form.elements.solution;
  const said = document.querySelector("[data-proof-by-work]");
  document.querySelector("[data-proof-by-patience]").hidden = true;
  said.hidden = false;
  let pressed = null;
  form.addEventListener("submit", (event) => {
    // A transfer by the same form may need no proof at all.
    const method = form.elements.method && form.elements.method.value;
    if (solution.value || (method && method !== "card")) return;
    event.preventDefault();
    pressed = event.submitter;
    form.setAttribute("aria-busy", "true");
  });
  const text = new TextEncoder();
  const digest = async (number) => {
    const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", text.encode(challenge.dataset.salt + number)));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  };
  const search = async () => {
    const largest = Number(challenge.dataset.largest), many = 500;
    for (let first = 0; first <= largest; first += many) {
      const digests = await Promise.all(Array.from({ length: many }, (_, i) => digest(first + i)));
      const found = digests.indexOf(challenge.dataset.digest);
      if (found >= 0) return first + found;
      // Let the page breathe.
      await new Promise((resume) => setTimeout(resume));
    }
    return null;
  };
  search().then((number) => {
    form.removeAttribute("aria-busy");
    if (number === null) return;
    solution.value = number;
    said.textContent = said.dataset.done;
    if (pressed) form.requestSubmit(pressed);
  });
}
