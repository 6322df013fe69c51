/** Keys of the whole console. They act on what is on the page, so every list has them. */
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { navigate } from "../location.ts";
import type { Place } from "./navigation.ts";
import { Palette } from "./palette.tsx";

const KeyList = lazy(() => import("./key-list.tsx"));

const SEQUENCE_MS = 1_200;

/** Second key after `g`, and where it leads. */
export const places = {
  h: "/",
  l: "/live",
  s: "/search",
  i: "/incidents",
  w: "/sites",
  r: "/responses",
  a: "/audit",
  u: "/users",
} as const;

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  const field = target.closest("input, textarea, select, [contenteditable=true]");
  // A radio button or checkbox takes no text.
  if (field instanceof HTMLInputElement) return !["radio", "checkbox"].includes(field.type);
  return field !== null;
}

function rowsOnPage(): HTMLElement[] {
  return [
    ...document.querySelectorAll<HTMLElement>("main table tbody tr, main button.live-row"),
  ].filter((row) => row.offsetParent !== null);
}

/** What takes the focus for a row: the row itself in the live view, else its link or first cell. */
function focusOf(row: HTMLElement): HTMLElement | null {
  if (row instanceof HTMLButtonElement) return row;
  return row.querySelector<HTMLElement>("a[href]") ?? row.querySelector<HTMLElement>("td");
}

function currentRow(rows: readonly HTMLElement[]): number {
  return rows.findIndex((row) => row.contains(document.activeElement));
}

function step(by: 1 | -1): void {
  const rows = rowsOnPage();
  const at = currentRow(rows);
  const next = at === -1 ? (by === 1 ? 0 : rows.length - 1) : at + by;
  const row = rows[Math.max(0, Math.min(rows.length - 1, next))];
  const target = row === undefined ? null : focusOf(row);
  if (target !== null && target.tabIndex < 0 && !target.hasAttribute("tabindex")) {
    target.tabIndex = -1;
  }
  target?.focus();
  row?.scrollIntoView({ block: "nearest" });
}

function clickIn(selector: string): void {
  const rows = rowsOnPage();
  rows[currentRow(rows)]?.querySelector<HTMLElement>(selector)?.click();
}

function focusFilter(): boolean {
  const field = document.querySelector<HTMLElement>("main [data-filter] input");
  field?.focus();
  return field !== null;
}

/** Clicks the button on the page that claims this key. */
function press(key: string): boolean {
  const button = document.querySelector<HTMLElement>(`main [data-key="${CSS.escape(key)}"]`);
  button?.click();
  return button !== null;
}

type Open = "palette" | "keys" | undefined;

/** True when the key did something and must do nothing else. */
function act(key: string, open: (what: Open) => void): boolean {
  if (key === "/") {
    if (!focusFilter()) open("palette");
    return true;
  }
  if (key === "?") open("keys");
  else if (key === "j") step(1);
  else if (key === "k") step(-1);
  else if (key === "x") clickIn("input[type=radio], input[type=checkbox]");
  else if (key === "o") clickIn("a[href]");
  else return press(key);
  return true;
}

function useKeys(open: (what: Open) => void): void {
  const sequence = useRef(0);
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        return open("palette");
      }
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector("dialog[open], [role=dialog][aria-modal=true], .value-menu")) {
        return;
      }
      const place = new Map<string, string>(Object.entries(places)).get(event.key);
      const second = Date.now() - sequence.current < SEQUENCE_MS;
      sequence.current = event.key === "g" ? Date.now() : 0;
      if (second && place !== undefined) {
        event.preventDefault();
        return navigate(place);
      }
      if (act(event.key, open)) event.preventDefault();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, [open]);
}

/** Listens for keys, and shows the palette and the list of keys. */
export function Keys({ places: reachable, opened, open }: KeysProps) {
  useKeys(open);
  const close = () => open(undefined);
  return (
    <Suspense>
      {opened === "palette" ? <Palette places={reachable} close={close} /> : null}
      {opened === "keys" ? <KeyList close={close} /> : null}
    </Suspense>
  );
}
type KeysProps = {
  readonly places: readonly Place[];
  readonly opened: Open;
  open(what: Open): void;
};

/** What is open over the page. */
export const useOpenTool = () => useState<Open>(undefined);
