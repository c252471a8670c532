// Pasted pictures go where dropped ones go: into the first file input that is on show.
document.addEventListener("paste", (event) => {
  const files = event.clipboardData?.files;
  const typing = event.target.closest?.("textarea, input[type=text], [contenteditable]");
  if (!files?.length || typing) return;
  const inputs = [...document.querySelectorAll(".photos input[type=file]")];
  const input = inputs.find((found) => found.closest(".photos").offsetParent);
  if (!input) return;
  input.files = files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
});
