/** Dark or light: the person's choice, else the system's. */
import { usePreference } from "../preferences.ts";

function darkFrom(stored: string): boolean {
  if (stored !== "") return stored === "true";
  return window.matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Before anything is drawn. */
export const isDark = (): boolean => darkFrom(localStorage.getItem("cordon.dark") ?? "");

export const useDark = (): boolean => darkFrom(usePreference("dark")[0]);
