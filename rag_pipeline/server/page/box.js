// The question box. An input method for Korean or Japanese sends keys of its own, in another order on each system; what
// is always right is the line break that the box is about to take, after whatever was being composed is in it.
export function startBox(box, submit) {
  let shifted = false;
  const fit = () => {
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
  };
  for (const name of ["keydown", "keyup"]) {
    box.addEventListener(name, (event) => (shifted = event.shiftKey));
  }
  box.addEventListener("blur", () => (shifted = false));
  box.addEventListener("beforeinput", (event) => {
    if ((event.inputType !== "insertLineBreak" && event.inputType !== "insertParagraph") || shifted) return;
    event.preventDefault();
    submit();
  });
  box.addEventListener("input", fit);
  return (text) => {
    box.value = text;
    fit();
  };
}
