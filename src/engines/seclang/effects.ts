/** What a matched rule changes: variables, collections, and which rules still apply. */

import { inRanges } from "./compile-actions.ts";
import type { Aging, Control, Rule, SetVariable, Template } from "./compiled.ts";
import { integerOf } from "./operators/operator.ts";
import {
  expirePersistent,
  lowerPersistent,
  openPersistent,
  persistentText,
  removePersistent,
  setPersistent,
} from "./persistent.ts";
import { hide } from "./sanitize.ts";
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

/** The template's text now in lower case; what is fixed of it is so already. */
function expandLowered(state: State, template: Template): string {
  let text = "";
  for (const part of template) {
    text +=
      typeof part === "string" ? part : readText(state, part.variable, part.key).toLowerCase();
  }
  return text;
}

/** Runs what a rule does on each match, whether or not the rest of its chain matches. */
export function applyEffects(state: State, rule: Rule): void {
  state.touches += 1;
  for (const { collection, key } of rule.initCollections) {
    openPersistent(state, collection, expand(state, key));
  }
  for (const setVariable of rule.setVariables) applySet(state, setVariable);
  for (const aging of rule.aging) applyAging(state, aging);
  for (const control of rule.controls) applyControl(state, control);
  if (rule.secrets.length > 0) hide(state, rule.secrets);
}

function applyAging(state: State, { collection, name, amount, seconds: after }: Aging): void {
  const key = expandLowered(state, name);
  const seconds = integerOf(expand(state, after));
  if (amount === undefined) expirePersistent(state, collection, { key, seconds });
  else {
    lowerPersistent(state, collection, { key, seconds, amount: integerOf(expand(state, amount)) });
  }
}

function setIn(state: State, collection: string, key: string, text: string): void {
  if (collection === "TX") setTx(state.tx, key, text);
  else setPersistent(state, collection, key, text);
}

function applySet(state: State, { collection, name, operation, value }: SetVariable): void {
  const isTx = collection === "TX";
  const key = expandLowered(state, name);
  if (operation === "unset") {
    if (isTx) removeTx(state.tx, key);
    else removePersistent(state, collection, key);
    return;
  }
  const before = isTx ? txOf(state.tx, key) : persistentText(state, collection, key);
  if (isTx && before === undefined && txCount(state.tx) >= limits.variablesMax) return;
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
    case "removeByTag":
    case "removeByMessage":
      for (const { index } of rulesOf(state, control)) state.removedRules.add(index);
      return;
    case "removeTarget":
      state.removedTargets.push({ ...control, ids: idsOf(state, control) });
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

/** The rules that a control means, found once. */
const meant = new WeakMap<Control, { rules: readonly Rule[]; ids: ReadonlySet<number> }>();

function rulesOf({ ruleset }: State, control: Control): readonly Rule[] {
  const known = meant.get(control);
  if (known !== undefined) return known.rules;
  const rules = ruleset.rules.filter((rule) => means(control, rule));
  meant.set(control, { rules, ids: new Set(rules.map(({ id }) => id)) });
  return rules;
}

function idsOf(state: State, control: Control): ReadonlySet<number> {
  rulesOf(state, control);
  return meant.get(control)?.ids ?? new Set();
}

function means(control: Control, rule: Rule): boolean {
  switch (control.kind) {
    case "removeById":
      return inRanges(control.ranges, rule.id);
    case "removeByTag":
      return rule.tags.some(control.tag);
    case "removeByMessage":
      return rule.message.some((part) => typeof part === "string" && control.message(part));
    case "removeTarget":
      return control.rule(rule);
    default:
      return false;
  }
}
