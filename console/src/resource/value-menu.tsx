/**
 * What can be done with a value, wherever one is shown: filter by it, leave it out, look further,
 * copy it, block it. One menu for the whole page; it opens at the value's small button, and at the
 * keyboard's menu key or `m` on the cell that has the focus.
 */
import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from "react";
import { useWords } from "../language.tsx";
import type { AskedValue, ValueAction } from "./value-actions.ts";

type Opened = AskedValue & { readonly anchor: HTMLElement };

/** Makes the actions for a value; a page may add its own way to filter. */
type Provider = (asked: AskedValue) => readonly ValueAction[];
const ActionsContext = createContext<Provider>(() => []);
export const ValueActionsProvider = ActionsContext.Provider;

const TEXT_CHARS_MAX = 1_024;
const TIP_CHARS_MIN = 40;

function textOf(value: unknown): string {
  const text = Array.isArray(value) ? value.map(String).join("\n") : String(value ?? "");
  return typeof value === "object" && !Array.isArray(value) ? "" : text.slice(0, TEXT_CHARS_MAX);
}

/** A value that can be asked about. */
export function Asked({ field, value, told = value, children }: AskedProps) {
  const { t, label } = useWords();
  const text = textOf(value);
  if (text === "") return <>{children}</>;
  const read = textOf(told);
  return (
    <span className="asked" data-field={field} data-value={text}>
      <span className="asked-value" title={read.length > TIP_CHARS_MIN ? read : undefined}>
        {children}
      </span>
      <button
        type="button"
        className="asked-button"
        tabIndex={-1}
        aria-haspopup="menu"
        aria-label={t("actionsFor", { field: label(field), value: read.slice(0, 40) })}
      >
        <span aria-hidden="true">⋯</span>
      </button>
    </span>
  );
}
type AskedProps = {
  readonly field: string;
  readonly value: unknown;
  /** The value in the reader's language, where it has words: filters go by the value itself. */
  readonly told?: unknown;
  readonly children: ReactNode;
};

/** The value that an event is about: where it happened, or in the cell that has the focus. */
function openedBy(target: EventTarget | null): Opened | undefined {
  if (!(target instanceof Element)) return undefined;
  // A row of the live view is one button; its source is what is asked about.
  const cell =
    target.closest("[data-value]") ??
    target.querySelector("[data-field=sourceIp][data-value]") ??
    target.querySelector("[data-value]");
  if (!(cell instanceof HTMLElement)) return undefined;
  const { field = "", value = "" } = cell.dataset;
  return { field, value, anchor: cell };
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, dialog") !== null;
}

function useOpening(open: (opened: Opened) => void): void {
  useEffect(() => {
    const clicked = (event: MouseEvent): void => {
      const button = event.target instanceof Element ? event.target.closest(".asked-button") : null;
      const opened = button === null ? undefined : openedBy(button);
      if (opened !== undefined) open(opened);
    };
    const pressed = (event: KeyboardEvent): void => {
      const menuKey = event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey);
      const letter = event.key === "m" && !event.ctrlKey && !event.metaKey && !event.altKey;
      if ((!menuKey && !letter) || isTyping(event.target)) return;
      const opened = openedBy(event.target);
      if (opened === undefined) return;
      event.preventDefault();
      open(opened);
    };
    document.addEventListener("click", clicked);
    document.addEventListener("keydown", pressed);
    return () => {
      document.removeEventListener("click", clicked);
      document.removeEventListener("keydown", pressed);
    };
  }, [open]);
}

/** The menu itself; once in the page. */
export function ValueMenu() {
  const actionsOf = useContext(ActionsContext);
  const [opened, open] = useState<Opened>();
  useOpening(open);
  if (opened === undefined) return null;
  const several = opened.value.split("\n");
  const actions = several.slice(0, 5).flatMap((value) => actionsOf({ field: opened.field, value }));
  const close = (): void => {
    open(undefined);
    const focusable = opened.anchor.querySelector<HTMLElement>("a, button");
    focusable?.focus();
  };
  return <Menu key={opened.value} {...{ opened, actions, close }} />;
}

type MenuProps = {
  readonly opened: Opened;
  readonly actions: readonly ValueAction[];
  close(): void;
};

function Menu({ opened: { field, value, anchor }, actions, close }: MenuProps) {
  const { label } = useWords();
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = menu.current;
    if (element === null) return;
    element.showPopover();
    const { left, bottom, top } = anchor.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = element;
    const below = bottom + offsetHeight < window.innerHeight;
    element.style.left = `${Math.max(8, Math.min(left, window.innerWidth - offsetWidth - 8))}px`;
    element.style.top = `${Math.max(8, below ? bottom + 2 : top - offsetHeight - 2)}px`;
    element.querySelector<HTMLElement>("[role=menuitem]")?.focus();
  }, [anchor]);
  const move = (event: React.KeyboardEvent): void => {
    const items = [...(menu.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
    const at = items.findIndex((item) => item.contains(document.activeElement));
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (event.key === "Escape" || event.key === "Tab") close();
    else if (step === undefined) return;
    else items[(at + step + items.length) % items.length]?.focus();
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={menu}
      popover="auto"
      className="value-menu"
      role="menu"
      aria-label={`${label(field)} ${value.slice(0, 80)}`}
      tabIndex={-1}
      onKeyDown={move}
      onToggle={(event) => {
        if (event.newState === "closed") close();
      }}
    >
      <div className="value-menu-head" role="presentation">
        {label(field)}: <strong>{value.slice(0, 80)}</strong>
      </div>
      {actions.map(({ id, text, run }) => (
        <button
          key={id}
          type="button"
          role="menuitem"
          tabIndex={-1}
          onClick={() => {
            close();
            run();
          }}
        >
          {text}
        </button>
      ))}
    </div>
  );
}
