/** The variables of the rule language: where each is found in a request. */
import {
  addTo,
  type Collection,
  collectionOf,
  collectionOfOne,
  createCollection,
  firstText,
  joinCollections,
  nameValuesOf,
} from "./collection.ts";
import type { Selector, Template } from "./compiled.ts";
import { persistentCollection } from "./persistent.ts";
import type { State } from "./state.ts";
import { txMap, txOf } from "./tx.ts";
import { pathReaderOf } from "./xml-values.ts";

/** Numbers of the severities, as HIGHEST_SEVERITY has them. */
export const SEVERITY_LEVELS: Readonly<Record<string, number>> = {
  EMERGENCY: 0,
  ALERT: 1,
  CRITICAL: 2,
  ERROR: 3,
  WARNING: 4,
  NOTICE: 5,
  INFO: 6,
  DEBUG: 7,
};

type CollectionReader = (state: State) => Collection;
type SingleReader = (state: State) => string;

const EMPTY = createCollection();

function allArguments(state: State): Collection {
  state.args ??= joinCollections(state.argsGet, state.argsPost);
  return state.args;
}

/** The names of a collection as its values. */
function namesOf(collection: Collection): Collection {
  return {
    names: collection.names,
    lowered: collection.lowered,
    values: nameValuesOf(collection),
    nameValues: undefined,
    candidates: undefined,
    readers: undefined,
  };
}

function fromMap(map: ReadonlyMap<string, string> | undefined): Collection {
  return map === undefined || map.size === 0
    ? EMPTY
    : collectionOf([...map.keys()], [...map.values()]);
}

const collections: Readonly<Record<string, CollectionReader>> = {
  ARGS: allArguments,
  ARGS_NAMES: (state) => namesOf(allArguments(state)),
  ARGS_GET: (state) => state.argsGet,
  ARGS_GET_NAMES: (state) => namesOf(state.argsGet),
  ARGS_POST: (state) => state.argsPost,
  ARGS_POST_NAMES: (state) => namesOf(state.argsPost),
  FILES: (state) => state.files,
  FILES_NAMES: (state) => namesOf(state.files),
  FILES_SIZES: (state) => state.fileSizes,
  FILES_TMPNAMES: () => EMPTY,
  FILES_TMP_CONTENT: (state) => state.fileContents,
  MULTIPART_PART_HEADERS: (state) => state.multipartHeaders,
  MULTIPART_FILENAME: (state) => state.files,
  MULTIPART_NAME: (state) => namesOf(state.files),
  REQUEST_HEADERS: (state) => state.headers,
  REQUEST_HEADERS_NAMES: (state) => namesOf(state.headers),
  REQUEST_COOKIES: (state) => state.cookies,
  REQUEST_COOKIES_NAMES: (state) => namesOf(state.cookies),
  RESPONSE_HEADERS: (state) => state.responseHeaders,
  RESPONSE_HEADERS_NAMES: (state) => namesOf(state.responseHeaders),
  TX: (state) => fromMap(txMap(state.tx)),
  IP: (state) => persistentCollection(state, "IP"),
  GLOBAL: (state) => persistentCollection(state, "GLOBAL"),
  RESOURCE: (state) => persistentCollection(state, "RESOURCE"),
  SESSION: (state) => persistentCollection(state, "SESSION"),
  USER: (state) => persistentCollection(state, "USER"),
  MATCHED_VARS: (state) => collectionOf(state.matchedNames, state.matchedValues),
  MATCHED_VARS_NAMES: (state) => collectionOf(state.matchedNames, state.matchedNames),
  GEO: () => EMPTY,
  // What `setenv` has set; the environment of this process is nobody's business.
  ENV: (state) => persistentCollection(state, "ENV"),
  RULE: ruleItself,
};

/** `%{rule.msg}` and its like, of the rule that runs. */
function ruleItself(state: State): Collection {
  const { rule } = state;
  if (rule === undefined) return EMPTY;
  const level = SEVERITY_LEVELS[rule.severity];
  const values = {
    id: String(rule.id),
    msg: textOf(state, rule.message),
    logdata: textOf(state, rule.logData),
    rev: rule.revision,
    severity: level === undefined ? "" : String(level),
  };
  return collectionOf(Object.keys(values), Object.values(values));
}

/** A text of a rule; what it says of the rule itself is left out, since it would have no end. */
function textOf(state: State, template: Template): string {
  return template
    .map((part) => {
      if (typeof part === "string") return part;
      return part.variable === "RULE" ? "" : readText(state, part.variable, part.key);
    })
    .join("");
}

function flag(state: State, name: string): string {
  return state.multipartFlags.get(name) ?? "0";
}

function clock(part: (date: Date) => number | string): SingleReader {
  return (state) => String(part(new Date(state.connection.timeMs)));
}

function lengthOf(collection: Collection): number {
  return collection.values.reduce((sum, value) => sum + value.text.length, 0);
}

/** The request line, the fields and the body, as far as it is inspected. */
function fullRequest(state: State): string {
  const { names, values } = state.headers;
  const fields = names.map((name, at) => `${name}: ${values[at]?.text ?? ""}\n`);
  return `${state.requestLine}\n${fields.join("")}\n${state.rawBody}`;
}

/** Who a client says it is (RFC 7617 §2); nobody has checked it. */
function basicUser(state: State): string {
  const token = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(firstText(state.headers, "authorization"))?.[1];
  const text = Buffer.from(token ?? "", "base64").toString("latin1");
  return text.includes(":") ? text.slice(0, text.indexOf(":")) : "";
}

const invalidEscape = /%(?![0-9A-Fa-f]{2})/;

/** True when an argument's `%` is not followed by two hexadecimal digits. */
function hasInvalidEscape(state: State): boolean {
  if (invalidEscape.test(state.queryString)) return true;
  return state.bodyProcessor === "URLENCODED" && invalidEscape.test(state.requestBody);
}

const MULTIPART_FLAGS = [
  "MULTIPART_STRICT_ERROR",
  "MULTIPART_UNMATCHED_BOUNDARY",
  "MULTIPART_BOUNDARY_QUOTED",
  "MULTIPART_BOUNDARY_WHITESPACE",
  "MULTIPART_CRLF_LF_LINES",
  "MULTIPART_DATA_AFTER",
  "MULTIPART_DATA_BEFORE",
  "MULTIPART_FILE_LIMIT_EXCEEDED",
  "MULTIPART_HEADER_FOLDING",
  "MULTIPART_INVALID_HEADER_FOLDING",
  "MULTIPART_INVALID_PART",
  "MULTIPART_INVALID_QUOTING",
  "MULTIPART_LF_LINE",
  "MULTIPART_MISSING_SEMICOLON",
  "MULTIPART_SEMICOLON_MISSING",
] as const;

const singles: Readonly<Record<string, SingleReader>> = {
  ARGS_COMBINED_SIZE: (state) => {
    const args = allArguments(state);
    const names = args.names.reduce((sum, name) => sum + name.length, 0);
    return String(names + lengthOf(args));
  },
  AUTH_TYPE: (state) => firstText(state.headers, "authorization").split(" ", 1)[0] ?? "",
  DURATION: () => "0",
  FILES_COMBINED_SIZE: (state) =>
    String(state.fileSizes.values.reduce((sum, size) => sum + Number(size.text), 0)),
  FULL_REQUEST: fullRequest,
  FULL_REQUEST_LENGTH: (state) => String(fullRequest(state).length),
  HIGHEST_SEVERITY: (state) => String(state.highestSeverity),
  INBOUND_DATA_ERROR: (state) => (state.inboundDataError ? "1" : "0"),
  MATCHED_VAR: (state) => state.matchedValue,
  MATCHED_VAR_NAME: (state) => state.matchedName,
  MSC_PCRE_ERROR: (state) => txOf(state.tx, "msc_pcre_limits_exceeded") ?? "0",
  MSC_PCRE_LIMITS_EXCEEDED: (state) => txOf(state.tx, "msc_pcre_limits_exceeded") ?? "0",
  MODSEC_BUILD: () => "030000000",
  OUTBOUND_DATA_ERROR: (state) => (state.outboundDataError ? "1" : "0"),
  PATH_INFO: (state) => state.filename,
  QUERY_STRING: (state) => state.queryString,
  REMOTE_ADDR: (state) => state.connection.remoteAddress,
  REMOTE_HOST: (state) => state.connection.remoteAddress,
  REMOTE_PORT: (state) => String(state.connection.remotePort),
  REMOTE_USER: basicUser,
  REQBODY_ERROR: (state) => (state.bodyError === "" ? "0" : "1"),
  REQBODY_ERROR_MSG: (state) => state.bodyErrorMessage,
  REQBODY_PROCESSOR: (state) => state.bodyProcessor,
  REQBODY_PROCESSOR_ERROR: (state) => (state.bodyError === "" ? "0" : "1"),
  REQBODY_PROCESSOR_ERROR_MSG: (state) => state.bodyErrorMessage,
  REQUEST_BASENAME: (state) => state.basename,
  REQUEST_BODY: (state) => state.requestBody,
  REQUEST_BODY_LENGTH: (state) => String(state.rawBody.length),
  REQUEST_FILENAME: (state) => state.filename,
  REQUEST_LINE: (state) => state.requestLine,
  REQUEST_METHOD: (state) => state.method,
  REQUEST_PROTOCOL: (state) => state.protocol,
  REQUEST_URI: (state) => state.uri,
  REQUEST_URI_RAW: (state) => state.uriRaw,
  RESPONSE_BODY: (state) => state.responseBody,
  RESPONSE_CONTENT_LENGTH: (state) =>
    firstText(state.responseHeaders, "content-length") || String(state.responseBody.length),
  RESPONSE_CONTENT_TYPE: (state) => firstText(state.responseHeaders, "content-type"),
  RESPONSE_PROTOCOL: (state) => state.responseProtocol,
  RESPONSE_STATUS: (state) => (state.responseStatus === 0 ? "" : String(state.responseStatus)),
  SERVER_ADDR: (state) => state.connection.serverAddress,
  SERVER_NAME: (state) => firstText(state.headers, "host").replace(/:\d+$/, ""),
  SERVER_PORT: (state) => String(state.connection.serverPort),
  SESSIONID: (state) => state.opened.get("SESSION") ?? "",
  STATUS_LINE: (state) => `${state.responseProtocol} ${state.responseStatus}`,
  TIME: clock((date) => date.toISOString().slice(11, 19)),
  TIME_DAY: clock((date) => date.getUTCDate()),
  TIME_EPOCH: clock((date) => Math.floor(date.getTime() / 1000)),
  TIME_HOUR: clock((date) => date.getUTCHours()),
  TIME_MIN: clock((date) => date.getUTCMinutes()),
  TIME_MON: clock((date) => date.getUTCMonth()),
  TIME_SEC: clock((date) => date.getUTCSeconds()),
  TIME_WDAY: clock((date) => date.getUTCDay()),
  TIME_YEAR: clock((date) => date.getUTCFullYear()),
  UNIQUE_ID: (state) => state.connection.uniqueId,
  URLENCODED_ERROR: (state) => (hasInvalidEscape(state) ? "1" : "0"),
  USERID: (state) => state.opened.get("USER") ?? "",
  WEBAPPID: (state) => state.ruleset.settings.webAppId,
  ...Object.fromEntries(MULTIPART_FLAGS.map((name) => [name, (state: State) => flag(state, name)])),
};

/** Values that change while rules run and must be read anew each time. */
const VOLATILE = new Set([
  "MATCHED_VAR",
  "MATCHED_VAR_NAME",
  "HIGHEST_SEVERITY",
  "MSC_PCRE_ERROR",
  "MSC_PCRE_LIMITS_EXCEEDED",
  "SESSIONID",
  "USERID",
  "REQBODY_PROCESSOR",
  "REQBODY_ERROR",
  "REQBODY_ERROR_MSG",
  "REQBODY_PROCESSOR_ERROR",
  "REQBODY_PROCESSOR_ERROR_MSG",
  "INBOUND_DATA_ERROR",
  "OUTBOUND_DATA_ERROR",
]);

/** True for a variable that rules may name. `XML` is read by path. */
export function isVariable(name: string): boolean {
  return name === "XML" || Object.hasOwn(collections, name) || Object.hasOwn(singles, name);
}

/** True when the variable is a collection, so that its items are named `ARGS:q`. */
export function isCollection(name: string): boolean {
  return name === "XML" || Object.hasOwn(collections, name);
}

/** Collections that rules themselves change. */
const CHANGING = new Set([
  "TX",
  "ENV",
  "IP",
  "GLOBAL",
  "RESOURCE",
  "SESSION",
  "USER",
  "MATCHED_VARS",
  "MATCHED_VARS_NAMES",
  "RULE",
]);

/**
 * How a variable is read; a single value is a collection of one without a name. What a pattern
 * selects of `TX` is picked here, since that map is large and changes while rules run.
 */
export function readerOf(
  name: string,
  selectorText: string | undefined,
  selector: Selector,
): CollectionReader {
  if (name === "TX" && selector.kind === "pattern") {
    return txReader(selector.test);
  }
  if (name === "XML") {
    const ofPath = pathReaderOf(selectorText);
    if (ofPath !== undefined) return ofPath;
    return selectorText?.includes("@") ? (state) => state.xmlAttributes : (state) => state.xmlText;
  }
  const collection = collections[name];
  if (collection !== undefined) return collection;
  const single = singles[name];
  if (single === undefined) return () => EMPTY;
  return (state) => collectionOfOne(single(state));
}

/** How a variable that is a single value is read; undefined for a collection. */
export function textReaderOf(name: string): SingleReader | undefined {
  return isCollection(name) ? undefined : singles[name];
}

/** Reads the `TX` variables whose names pass; what requests share is looked through once. */
function txReader(passes: (name: string) => boolean): CollectionReader {
  let shared: ReadonlyMap<string, string> = new Map();
  let ofShared: [string, string][] = [];
  return ({ tx }) => {
    if (tx.shared !== shared) {
      shared = tx.shared;
      ofShared = [...shared].filter(([key]) => passes(key));
    }
    let picked: Collection | undefined;
    for (const [key, text] of ofShared) {
      picked ??= createCollection();
      const now = tx.own.size === 0 ? text : txOf(tx, key);
      if (now !== undefined) addTo(picked, key, now);
    }
    for (const [key, text] of tx.own) {
      if (text === undefined || shared.has(key) || !passes(key)) continue;
      picked ??= createCollection();
      addTo(picked, key, text);
    }
    return picked ?? EMPTY;
  };
}

const slotNames = ["XML:/*", "XML:@", ...Object.keys(collections), ...Object.keys(singles)].filter(
  (name) => !CHANGING.has(name) && !VOLATILE.has(name),
);

/** How many places a request needs for what was read. */
export const SLOTS = slotNames.length;

/** The place of a variable among what a request has read; -1 when it changes while rules run. */
export function slotOf(name: string, selector: string | undefined): number {
  if (name !== "XML") return slotNames.indexOf(name);
  if (pathReaderOf(selector) !== undefined) return -1;
  return slotNames.indexOf(selector?.includes("@") ? "XML:@" : "XML:/*");
}

/** Variables that hold the same values as another one, or parts of them. */
const SAME_VALUES: Readonly<Record<string, string>> = {
  ARGS_GET: "ARGS",
  ARGS_POST: "ARGS",
  ARGS_GET_NAMES: "ARGS_NAMES",
  ARGS_POST_NAMES: "ARGS_NAMES",
  MULTIPART_FILENAME: "FILES",
  MULTIPART_NAME: "FILES_NAMES",
  REQUEST_URI_RAW: "REQUEST_URI",
};
const sharedSlots = slotNames.map((name) => slotNames.indexOf(SAME_VALUES[name] ?? name));

/** The slot whose values a slot shares: what is known of them holds for both. */
export function sharedSlotOf(slot: number): number {
  return sharedSlots[slot] ?? slot;
}

/** A variable's text for a macro; the first of that key in a collection. */
export function readText(state: State, name: string, key: string | undefined): string {
  if (key === undefined) return singles[name]?.(state) ?? "";
  if (name === "TX") return txOf(state.tx, key) ?? "";
  return firstText(collections[name]?.(state) ?? EMPTY, key);
}

const ofResponse = /^RESPONSE_|^OUTBOUND_|^STATUS_LINE$/;
const ofHead = /^REQUEST_(?!BODY)|^REMOTE_|^SERVER_|^QUERY_STRING$|^PATH_INFO$|^UNIQUE_ID$|^TIME/;
const slotsOf = (test: (name: string) => boolean): readonly number[] =>
  slotNames.flatMap((name, slot) => (test(name) ? [slot] : []));
const bodySlots = slotsOf((name) => !ofResponse.test(name) && !ofHead.test(name));
const responseSlots = slotsOf((name) => ofResponse.test(name));

/** Forgets what was read of the request's body, or of the response, before more of it was known. */
export function forget(state: State, what: "body" | "response"): void {
  for (const slot of what === "body" ? bodySlots : responseSlots) state.read[slot] = undefined;
  if (what === "body") state.args = undefined;
}
