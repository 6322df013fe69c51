/** What a matched rule changes: variables, collections, and which rules still apply. */

import { inRanges } from "./compile-actions.ts";
import type { Control, Rule, SetVariable, Template } from "./compiled.ts";
import { integerOf } from "./operators/operator.ts";
import type { State } from "./state.ts";
import { removeTx, setTx, txCount, txOf } from "./tx.ts";
import { readText } from "./variables.ts";

const limits = { variableLengthMax: 65_536, variablesMax: 4_096 } as const;

/** A template's text now. */
export function expand(state: State, template: Template): string {
  let text = "";
  for (const part of template) {
    text += typeof part === "string" ? part : readText(state, part.variable, part.key);
  }
  return text;
}

/** Runs what a rule does on each match, whether or not the rest of its chain matches. */
export function applyEffects(state: State, rule: Rule): void {
  state.touches += 1;
  for (const { collection, key } of rule.initCollections) {
    const name = expand(state, key);
    const opened = state.store?.load(collection, name, state.connection.timeMs);
    state.persistent.set(collection, opened ?? new Map());
  }
  for (const setVariable of rule.setVariables) applySet(state, setVariable);
  for (const { collection, name, seconds } of rule.expire) {
    const expireMs = state.connection.timeMs + integerOf(expand(state, seconds)) * 1000;
    setIn(state, collection, `${expand(state, name)}__expires`, String(expireMs));
  }
  for (const control of rule.controls) applyControl(state, control);
}

function setIn(state: State, collection: string, key: string, text: string): void {
  if (collection === "TX") setTx(state.tx, key, text);
  else state.persistent.get(collection)?.set(key, text);
}

function applySet(state: State, { collection, name, operation, value }: SetVariable): void {
  const isTx = collection === "TX";
  const map = isTx ? undefined : state.persistent.get(collection);
  if (!isTx && map === undefined) return;
  const key = expand(state, name).toLowerCase();
  if (operation === "unset") {
    if (isTx) removeTx(state.tx, key);
    else map?.delete(key);
    return;
  }
  const before = isTx ? txOf(state.tx, key) : map?.get(key);
  const count = isTx ? txCount(state.tx) : (map?.size ?? 0);
  if (count >= limits.variablesMax && before === undefined) return;
  const text = expand(state, value);
  if (operation === "set") {
    setIn(state, collection, key, text.slice(0, limits.variableLengthMax));
    return;
  }
  const number = integerOf(before ?? "0");
  const amount = integerOf(text);
  setIn(state, collection, key, String(operation === "add" ? number + amount : number - amount));
}

function applyControl(state: State, control: Control): void {
  switch (control.kind) {
    case "removeById":
      return removeRules(state, (rule) => inRanges(control.ranges, rule.id));
    case "removeByTag":
      return removeRules(state, (rule) => rule.tags.some(control.tag));
    case "removeByMessage":
      return removeRules(state, (rule) =>
        rule.message.some((part) => typeof part === "string" && control.message(part)),
      );
    case "removeTarget":
      for (const rule of state.ruleset.rules) {
        if (!control.rule(rule)) continue;
        const removed = state.removedTargets.get(rule.id) ?? [];
        removed.push({ variable: control.variable, selector: control.selector });
        state.removedTargets.set(rule.id, removed);
      }
      return;
    case "engine":
      state.engine = control.mode;
      return;
    case "bodyProcessor":
      state.bodyProcessor = control.name;
      return;
    case "forceBodyVariable":
      state.forceBodyVariable = control.on;
      return;
    case "requestBodyAccess":
      state.requestBodyAccess = control.on;
      return;
    case "ignored":
      return;
  }
}

function removeRules(state: State, test: (rule: Rule) => boolean): void {
  for (const rule of state.ruleset.rules) if (test(rule)) state.removedRules.add(rule.index);
}
