// Pasted pictures go where dropped ones go: into the first file input that is on show.
document.addEventListener("paste", (event) => {
  const files = event.clipboardData?.files;
  const typing = event.target.closest?.("textarea, input[type=text], [contenteditable]");
  if (files?.length && !typing) handOver([...files]);
});

function handOver(files) {
  const inputs = [...document.querySelectorAll(".photos input[type=file]")];
  const input = inputs.find((found) => found.closest(".photos").offsetParent);
  if (!input || !files.length) return;
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

// Folders. An upload keeps a file's name alone, so the folder that it was in goes into the name:
// `ui.folders` takes it out again. What no file name may hold is written as in a URL.
const LITTER = /(^|\/)(\.|__MACOSX\/|@eaDir\/|Thumbs\.db$|desktop\.ini$)/i;
function inFolder(file, path) {
  const folder = path.split("/").at(-2) ?? "";
  const escape = (odd) => encodeURIComponent(odd).replace("!", "%21").replace("*", "%2A");
  const safe = folder.replace(/[<>:"\\|?*`$!{}%\u2215\p{Cc}]/gu, (odd) => escape(odd));
  return new File([file], folder ? `${safe}\u2215${file.name}` : file.name, { type: file.type });
}

function handOverFolder(found) {
  const photos = found.filter(({ path }) => !LITTER.test(path));
  handOver(photos.map(({ file, path }) => inFolder(file, path)));
}

async function filesBelow(entry, path) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, path }];
  }
  const reader = entry.createReader(), found = [];
  for (;;) { // it gives a hundred at a time, and none at the end
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    for (const one of some) found.push(...await filesBelow(one, `${path}/${one.name}`));
  }
}

// Gradio takes no dropped folders: they are read here, before it sees them.
document.addEventListener("drop", async (event) => {
  if (!event.target.closest?.(".photos")) return;
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return;
  event.preventDefault();
  event.stopPropagation();
  const found = await Promise.all(
    entries.filter(Boolean).map((entry) => filesBelow(entry, entry.name)));
  handOverFolder(found.flat());
}, true);

// How often somebody has done something on the page.
let acts = 0;
for (const act of ["pointerdown", "touchmove", "wheel", "keydown", "input"]) {
  document.addEventListener(act, () => { acts += 1; }, { capture: true, passive: true });
}

// The table of many photos: sorted, filtered, and marked where an answer is wrong.
window.marigold = {
  // The right class of each photo that was marked, by the photo's place.
  marks: () => Object.fromEntries(
    [...document.querySelectorAll(".batch tr.corrected")]
      .map((row) => [row.dataset.index, row.querySelector(".right select").value])),
  // Lets a folder be chosen; its photos go where dropped ones go.
  chooseFolder: () => {
    const input = document.createElement("input");
    Object.assign(input, { type: "file", webkitdirectory: true });
    input.addEventListener("change", () => handOverFolder(
      [...input.files].map((file) => ({ file, path: file.webkitRelativePath }))));
    input.click();
  },
  // The answer is drawn a moment after it has come: wait for it, at most ten seconds. What is above
  // it may still grow then, so it is looked at for another second, or until somebody does something:
  // the page must not move from under a finger.
  showResult: (waits = 100, looks = 10, since = null) => {
    const result = document.querySelector("#detail :is(.detail, .problem)");
    if (!result) {
      if (waits) setTimeout(window.marigold.showResult, 100, waits - 1, looks);
      return;
    }
    if (since !== null && since !== acts) return;
    if (looks) setTimeout(window.marigold.showResult, 100, waits, looks - 1, acts);
    const { top } = result.getBoundingClientRect();
    if (top >= 0 && top < innerHeight * 0.5) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    result.scrollIntoView({ behavior: calm ? "instant" : "smooth", block: "start" });
  },
};

function filterRows(batch) {
  const label = batch.querySelector(".only-label").value;
  const most = Number(batch.querySelector(".only-below").value || 100) / 100;
  for (const row of batch.querySelectorAll("tbody tr")) {
    row.hidden = (label && row.dataset.label !== label) || Number(row.dataset.confidence) > most;
  }
}

function sortRows(button) {
  const head = button.closest("th"), key = button.dataset.sort;
  const falling = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const body = button.closest("table").tBodies[0];
  const compare = key === "confidence"
    ? (a, b) => a.dataset.confidence - b.dataset.confidence
    : (a, b) => a.dataset[key].localeCompare(b.dataset[key], undefined, { numeric: true });
  const rows = [...body.rows].sort(compare);
  body.append(...(falling ? rows.reverse() : rows));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.(".batch [data-sort]");
  if (button) sortRows(button);
});
document.addEventListener("input", (event) => {
  const batch = event.target.closest?.(".batch");
  if (!batch) return;
  if (event.target.closest(".tools")) filterRows(batch);
  const row = event.target.closest(".right")?.closest("tr");
  row?.classList.toggle("corrected", event.target.value !== "");
});

// Gradio puts a button into a button, and leaves their names untranslated: the outer one becomes a
// group that the keyboard passes over, and both get the name of the box that they are in.
new MutationObserver(() => {
  for (const outer of document.querySelectorAll(".photos .icon-button:has(button)")) {
    const label = outer.closest(".photos").querySelector("[data-testid=block-label]");
    const name = label?.textContent.trim();
    if (!name || outer.title === name) continue;
    outer.setAttribute("role", "group");
    outer.tabIndex = -1;
    outer.title = outer.ariaLabel = outer.querySelector("button").ariaLabel = name;
  }
}).observe(document.documentElement, { childList: true, subtree: true });
