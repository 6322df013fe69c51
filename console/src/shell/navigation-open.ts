/**
 * Whether the navigation is open. The library closes it by itself when there seems to be no room,
 * also while a page is laid out anew or a window was narrow for a moment, and never opens it again:
 * in a wide window only a person closes it, and a narrow window has a state of its own.
 */
import { useEffect, useState } from "react";

/** Where the library lays the navigation over the page (its own breakpoint). */
const NARROW = "(max-width: 688px)";
/** A change that comes so soon after a click or a key is a person's. */
const PERSON_MS = 250;

const narrow = window.matchMedia(NARROW);
let touchedMs = Number.NEGATIVE_INFINITY;
for (const kind of ["click", "keydown"]) {
  window.addEventListener(kind, () => (touchedMs = performance.now()), { capture: true });
}

export function useNavigationOpen(): [boolean, (open: boolean) => void] {
  const [isNarrow, setNarrow] = useState(narrow.matches);
  const [open, setOpen] = useState({ wide: true, narrow: false });
  useEffect(() => {
    const look = () => setNarrow(narrow.matches);
    narrow.addEventListener("change", look);
    return () => narrow.removeEventListener("change", look);
  }, []);
  const change = (wanted: boolean): void => {
    if (narrow.matches) setOpen((all) => ({ ...all, narrow: wanted }));
    else if (wanted || performance.now() - touchedMs < PERSON_MS) {
      setOpen((all) => ({ ...all, wide: wanted }));
    }
  };
  return [isNarrow ? open.narrow : open.wide, change];
}
