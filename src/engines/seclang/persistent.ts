/**
 * Collections that `initcol` opens. One is fetched from its keeper when a rule first asks for it,
 * since most that are opened are never asked, and made when a rule first sets something in it.
 * `expirevar` notes beside a variable when it ends; whoever reads it from then on finds nothing.
 * `deprecatevar` notes since when it is lowered.
 */
import { type Collection, collectionOf, createCollection } from "./collection.ts";
import { integerOf } from "./operators/operator.ts";
import { ownText } from "./own-text.ts";
import type { CollectionUse, State } from "./state.ts";

/** What a client sends may be kept: little of it. Notes of both count as variables. */
export const limits = { variablesMax: 32, textCharsMax: 256 } as const;

const EXPIRES = "__expires";
const LOWERED = "__lowered";
const EMPTY = createCollection();

/** Opens the collection of this key. */
export function openPersistent(state: State, collection: string, key: string): void {
  state.opened.set(collection, key);
  state.persistent.delete(collection);
}

/** What an open collection holds; undefined when nothing was set in it. */
function variablesOf(state: State, collection: string): Map<string, string> | undefined {
  const known = state.persistent.get(collection);
  if (known !== undefined) return known;
  const key = state.opened.get(collection);
  if (key === undefined) return undefined;
  const found = state.store?.find(collection, key, useOf(state));
  if (found !== undefined) state.persistent.set(collection, found);
  return found;
}

/** An open collection to set something in; without a keeper it ends with the request. */
function variablesToSet(state: State, collection: string): Map<string, string> | undefined {
  const known = variablesOf(state, collection);
  if (known !== undefined) return known;
  // `setenv` needs no opening, and is of the request alone.
  const isOfRequest = collection === "ENV";
  const key = isOfRequest ? "" : state.opened.get(collection);
  if (key === undefined) return undefined;
  const kept = isOfRequest ? undefined : state.store?.load(collection, key, useOf(state));
  const variables = kept ?? new Map<string, string>();
  state.persistent.set(collection, variables);
  return variables;
}

const useOf = ({ connection, ruleset }: State): CollectionUse => ({
  nowMs: connection.timeMs,
  timeoutMs: ruleset.settings.collectionTimeoutMs,
});

/** A variable's text; undefined when it is unset or its time is over. */
export function persistentText(state: State, collection: string, key: string): string | undefined {
  const variables = variablesOf(state, collection);
  if (variables === undefined || isOver(state, variables, key)) return undefined;
  return variables.get(key);
}

/** Sets a variable of an open collection; beyond the limits it is cut, or left out. */
export function setPersistent(state: State, collection: string, key: string, text: string): void {
  const variables = variablesToSet(state, collection);
  if (variables === undefined) return;
  if (isOver(state, variables, key)) forget(variables, key);
  put(variables, key, text);
}

function put(variables: Map<string, string>, key: string, text: string): void {
  const before = variables.get(key);
  if (before === text) return;
  if (before === undefined && variables.size >= limits.variablesMax) return;
  const kept = (whole: string): string => ownText(whole.slice(0, limits.textCharsMax));
  variables.set(before === undefined ? kept(key) : key, kept(text));
}

export function removePersistent(state: State, collection: string, key: string): void {
  const variables = variablesOf(state, collection);
  if (variables !== undefined) forget(variables, key);
}

function forget(variables: Map<string, string>, key: string): void {
  for (const note of ["", EXPIRES, LOWERED]) variables.delete(key + note);
}

/** Lets a variable end so many seconds after the request began. */
export function expirePersistent(
  state: State,
  collection: string,
  { key, seconds }: { key: string; seconds: number },
): void {
  const variables = variablesOf(state, collection);
  const endMs = state.connection.timeMs + seconds * 1000;
  if (variables?.has(key)) put(variables, key + EXPIRES, String(endMs));
}

/**
 * Lowers a variable by `amount` for each `seconds` since this was first asked for, never below 0.
 * ModSecurity counts from the collection's last change, so that what changes often never falls.
 */
export function lowerPersistent(
  state: State,
  collection: string,
  { key, amount, seconds }: { key: string; amount: number; seconds: number },
): void {
  const variables = variablesOf(state, collection);
  const value = integerOf(persistentText(state, collection, key) ?? "0");
  if (variables === undefined || amount <= 0 || seconds <= 0) return;
  const { timeMs } = state.connection;
  const sinceMs = Number(variables.get(key + LOWERED) ?? timeMs);
  const steps = Math.max(0, Math.floor((timeMs - sinceMs) / (seconds * 1000)));
  const left = Math.max(0, value - steps * amount);
  if (steps > 0 && value > 0) put(variables, key, String(left));
  // What is at 0 has no time behind it when it is raised again.
  if (left === 0) variables.delete(key + LOWERED);
  else put(variables, key + LOWERED, String(sinceMs + steps * seconds * 1000));
}

/** All variables of an open collection. */
export function persistentCollection(state: State, collection: string): Collection {
  const variables = variablesOf(state, collection);
  if (variables === undefined || variables.size === 0) return EMPTY;
  const items = [...variables].filter(([key]) => !isNote(key) && !isOver(state, variables, key));
  return collectionOf(
    items.map(([key]) => key),
    items.map(([, text]) => text),
  );
}

const isNote = (key: string): boolean => key.endsWith(EXPIRES) || key.endsWith(LOWERED);

function isOver(state: State, variables: ReadonlyMap<string, string>, key: string): boolean {
  const endMs = variables.get(key + EXPIRES);
  return endMs !== undefined && Number(endMs) <= state.connection.timeMs;
}
