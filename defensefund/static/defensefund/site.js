/* Copy buttons: <button type="button" data-copy="the text itself" data-copied="Copied" hidden>Copy</button>.
   They stay hidden without this file or a clipboard; the text beside them can always be selected. */
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  const label = button.textContent;
  const said = document.createElement("span");
  said.className = "visually-hidden";
  said.setAttribute("role", "status");
  button.after(said);
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = said.textContent = button.dataset.copied || label;
    setTimeout(() => { button.textContent = label; said.textContent = ""; }, 4000);
  });
}

/* <button type="button" data-print hidden>Print</button> */
for (const button of document.querySelectorAll("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

/* <a href="" data-look-again>Look again</a>: looks again by itself, twenty times, as long as somebody may be looking. */
const again = document.querySelector("a[data-look-again]");
if (again) {
  const looks = Number(sessionStorage.getItem(location.pathname) || 0);
  if (looks < 20) setTimeout(() => {
    sessionStorage.setItem(location.pathname, looks + 1);
    if (!document.hidden) location.reload();
  }, 3000);
}
