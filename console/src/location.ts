/** The address is the state: path and query, with Back that works. */
import { useSyncExternalStore } from "react";

const changed = new EventTarget();

function subscribe(listener: () => void): () => void {
  changed.addEventListener("change", listener);
  window.addEventListener("popstate", listener);
  return () => {
    changed.removeEventListener("change", listener);
    window.removeEventListener("popstate", listener);
  };
}

/** Goes to an address of the console. */
export function navigate(to: string, options: { replace?: boolean } = {}): void {
  if (options.replace === true) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  changed.dispatchEvent(new Event("change"));
}

/** Path and query now; the component renders again when they change. */
export function useAddress(): URL {
  const href = useSyncExternalStore(subscribe, () => window.location.href);
  return new URL(href);
}

type Values = Readonly<Record<string, string | undefined>>;

/** A path with query values; empty ones are left out. */
export function addressOf(path: string, values: Values): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== "") query.set(name, value);
  }
  return query.size === 0 ? path : `${path}?${query}`;
}

/**
 * Sets values of the query at once; "" takes one away. What a person chose goes into the history,
 * so that Back undoes it; what merely follows (the selected row) replaces.
 */
export function setQueryValues(values: Values, options: { replace?: boolean } = {}): void {
  const next = new URL(window.location.href);
  for (const [name, value = ""] of Object.entries(values)) {
    if (value === "") next.searchParams.delete(name);
    else next.searchParams.set(name, value);
  }
  if (next.href !== window.location.href) navigate(next.pathname + next.search, options);
}

/** One value of the query, and how to change it. */
export function useQueryValue(
  name: string,
  options: { replace?: boolean } = {},
): [string, (value: string) => void] {
  const address = useAddress();
  return [
    address.searchParams.get(name) ?? "",
    (value: string) => setQueryValues({ [name]: value }, options),
  ];
}

/** Makes plain links of this console change the page without loading it again. */
export function followLinks(): void {
  document.addEventListener("click", (event) => {
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!plain || event.defaultPrevented || link === null || link.target !== "") return;
    if (link.origin !== window.location.origin || link.pathname.startsWith("/v1")) return;
    if (link.download !== "") return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}

const RELOADED = "cordon.reloadedAt";
const RELOAD_PAUSE_MS = 60_000;

/** A part of the console that is gone from the server means a newer console: it is loaded once. */
export function reloadWhenReplaced(): void {
  window.addEventListener("vite:preloadError", () => {
    const before = Number(sessionStorage.getItem(RELOADED) ?? "0");
    if (Date.now() - before < RELOAD_PAUSE_MS) return;
    sessionStorage.setItem(RELOADED, String(Date.now()));
    window.location.reload();
  });
}
