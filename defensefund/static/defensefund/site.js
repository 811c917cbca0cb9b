/* Copy buttons. <button class="copy" data-copy="id-of-the-text" data-copied="Copied" hidden>Copy</button>
   They stay hidden without this file; the text beside them can always be selected. */
for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!source || !navigator.clipboard) continue;
  const label = button.textContent;
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.dataset.value || source.textContent.trim());
    button.textContent = button.dataset.copied || label;
    setTimeout(() => { button.textContent = label; }, 4000);
  });
}
