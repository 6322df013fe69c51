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

/** One value of the query, and how to change it in place. */
export function useQueryValue(name: string): [string, (value: string) => void] {
  const address = useAddress();
  const set = (value: string): void => {
    const next = new URL(window.location.href);
    if (value === "") next.searchParams.delete(name);
    else next.searchParams.set(name, value);
    navigate(next.pathname + next.search, { replace: true });
  };
  return [address.searchParams.get(name) ?? "", set];
}

/** Makes plain links of this console change the page without loading it again. */
export function followLinks(): void {
  document.addEventListener("click", (event) => {
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!plain || event.defaultPrevented || link === null || link.target !== "") return;
    if (link.origin !== window.location.origin || link.pathname.startsWith("/v1")) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}
