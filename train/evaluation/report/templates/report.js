// The languages switch without this script; it follows the browser's own, and names it to readers.
const choices = document.querySelectorAll('input[name="language"]');
const follow = (choice) => {
  document.documentElement.lang = choice.value;
  document.title = choice.dataset.title;
};
for (const choice of choices) {
  choice.addEventListener("change", () => follow(choice));
  if (choice.value.slice(0, 2) === navigator.language.slice(0, 2)) {
    choice.checked = true;
  }
  if (choice.checked) follow(choice);
}
