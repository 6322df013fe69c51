/** ⌘K: go to a page, find a thing by name, id or address, start an action, ask why. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useMemo, useRef, useState } from "react";
import { useWords } from "../language.tsx";
import { navigate } from "../location.ts";
import { actionsWithoutItem } from "../resource/resource-actions.ts";
import { allShown } from "../resource/resources.ts";
import type { Place } from "./navigation.ts";
import {
  type Found,
  fits,
  foundByName,
  foundForAddress,
  foundForId,
  limits,
} from "./palette-search.ts";

const DEBOUNCE_MS = 200;
type Props = { readonly places: readonly Place[]; close(): void };

function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

type Search = { readonly found: readonly Found[]; readonly searching: boolean };

function useFound(places: readonly Place[], query: string): Search {
  const { t, told, resourceTitle, operationTitle } = useWords();
  const titles = {
    resourceTitle,
    told,
    events: t("search"),
    block: t("blockSource"),
    why: t("askWhy"),
  };
  const settled = useSettled(query);
  const named = useQuery({
    queryKey: ["palette", settled],
    queryFn: () => foundByName(settled, titles),
    enabled: settled.length >= limits.queryCharsMin,
    staleTime: 10_000,
  });
  const fixed = useMemo(() => {
    const pages = places.map(({ text, href }): Found => ({ id: href, text, detail: href, href }));
    const actions = allShown.flatMap((shown) =>
      actionsWithoutItem(shown).map(
        ({ operation, href }): Found => ({
          id: operation.name,
          text: operationTitle(operation),
          detail: operation.name,
          href,
        }),
      ),
    );
    const why = { id: "why", text: t("askWhy"), detail: "/why", href: "/why" };
    return [...pages, ...actions, why];
  }, [places, operationTitle, t]);
  const found = [
    ...foundForAddress(query, titles),
    ...foundForId(query, titles),
    ...fixed.filter(({ text, detail }) => fits(`${text} ${detail}`, query)),
    ...(settled === query ? (named.data ?? []) : []),
  ].slice(0, limits.foundMax);
  return { found, searching: settled !== query || named.isFetching };
}

export function Palette({ places, close }: Props) {
  const { t } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useId();
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const { found, searching } = useFound(places, query.trim());
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  useEffect(() => {
    document.getElementById(`${list}-${at}`)?.scrollIntoView({ block: "nearest" });
  }, [at, list]);
  const go = (one: Found | undefined): void => {
    if (one === undefined) return;
    close();
    navigate(one.href);
  };
  const pressed = (event: React.KeyboardEvent): void => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (event.key === "Enter" && !event.nativeEvent.isComposing) go(found[at]);
    else if (step !== undefined && found.length > 0) {
      setAt((at + step + found.length) % found.length);
    } else return;
    event.preventDefault();
  };
  return (
    <dialog
      ref={dialog}
      className="palette"
      aria-label={t("palette")}
      onClose={close}
      onClick={(event) => {
        if (event.target === dialog.current) close();
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") close();
      }}
    >
      <input
        role="combobox"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={found.length > 0 ? `${list}-${at}` : undefined}
        aria-label={t("palette")}
        placeholder={t("paletteHint")}
        value={query}
        onChange={({ target }) => {
          setQuery(target.value);
          setAt(0);
        }}
        onKeyDown={pressed}
      />
      <Options {...{ list, found, searching, at, setAt, go }} />
    </dialog>
  );
}

type OptionsProps = {
  readonly list: string;
  readonly found: readonly Found[];
  readonly searching: boolean;
  readonly at: number;
  setAt(at: number): void;
  go(one: Found): void;
};

function Options({ list, found, searching, at, setAt, go }: OptionsProps) {
  const { t } = useWords();
  return (
    <div id={list} role="listbox" aria-label={t("palette")} tabIndex={-1}>
      {found.map((one, index) => (
        <div
          key={`${one.id} ${one.href}`}
          id={`${list}-${index}`}
          role="option"
          tabIndex={-1}
          aria-selected={index === at}
          onMouseEnter={() => setAt(index)}
          onMouseDown={(event) => {
            event.preventDefault();
            go(one);
          }}
        >
          <span>{one.text}</span>
          <small>{one.detail}</small>
        </div>
      ))}
      {found.length === 0 ? <p>{t(searching ? "loading" : "paletteEmpty")}</p> : null}
    </div>
  );
}
