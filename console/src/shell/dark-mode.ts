/** Dark or light: the person's choice, else the system's. */
const STORED = "cordon.dark";

export function isDark(): boolean {
  const stored = localStorage.getItem(STORED);
  if (stored !== null) return stored === "true";
  return window.matchMedia("(prefers-color-scheme: dark)").matches;
}

export function rememberDark(dark: boolean): void {
  localStorage.setItem(STORED, String(dark));
}
