// Keys: single ones for the page that is open, `g` and a letter to go somewhere.
type Keys = Record<string, () => void>;
const bound: Keys[] = [];
let prefix = "";
let timer = 0;

export function bind(keys: Keys): () => void {
  bound.push(keys);
  return () => {
    const at = bound.indexOf(keys);
    if (at >= 0) bound.splice(at, 1);
  };
}

const typing = (target: EventTarget | null) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) &&
  !(target instanceof HTMLInputElement && target.type === "checkbox");

addEventListener("keydown", (event) => {
  if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    bound.find((k) => k.palette)?.palette?.();
    return;
  }
  if (event.metaKey || event.ctrlKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (typing(event.target)) {
    if (event.key === "Escape") (event.target as HTMLElement).blur();
    return;
  }
  if (event.key === "Enter" && event.target instanceof HTMLElement && /^(A|BUTTON|SUMMARY)$/.test(event.target.tagName)) return;
  const name = prefix ? `${prefix} ${event.key}` : event.key;
  clearTimeout(timer);
  prefix = "";
  if (name === "g") {
    prefix = "g";
    timer = window.setTimeout(() => (prefix = ""), 1200);
    return;
  }
  for (let i = bound.length - 1; i >= 0; i--) {
    const act = bound[i]?.[name];
    if (!act) continue;
    event.preventDefault();
    act();
    return;
  }
});
