/** Hands a request body to the processor that its type, or a rule, has chosen. */
import { type BodyFault, readJson } from "./body/json.ts";
import { readMultipart } from "./body/multipart.ts";
import { readXml } from "./body/xml.ts";
import { addTo, type Collection, createCollection, firstText } from "./collection.ts";
import { parseArguments } from "./request-line.ts";
import type { State } from "./state.ts";

/** Flags that together make MULTIPART_STRICT_ERROR. */
const STRICT = new Set([
  "MULTIPART_BOUNDARY_QUOTED",
  "MULTIPART_BOUNDARY_WHITESPACE",
  "MULTIPART_DATA_BEFORE",
  "MULTIPART_DATA_AFTER",
  "MULTIPART_HEADER_FOLDING",
  "MULTIPART_LF_LINE",
  "MULTIPART_MISSING_SEMICOLON",
  "MULTIPART_INVALID_QUOTING",
  "MULTIPART_INVALID_PART",
  "MULTIPART_INVALID_HEADER_FOLDING",
  "MULTIPART_FILE_LIMIT_EXCEEDED",
]);

/**
 * Fills the state from the body. A body that cannot be read sets REQBODY_ERROR; that one of which
 * only the beginning is here does not end is no fault of it.
 */
export function processBody(state: State, body: string): void {
  switch (state.bodyProcessor) {
    case "URLENCODED":
      state.requestBody = body;
      state.argsPost = parseArguments(body, state.ruleset.settings.argumentSeparator);
      break;
    case "JSON":
      processJson(state, body);
      break;
    case "XML":
      processXml(state, body);
      break;
    case "MULTIPART":
      processMultipart(state, body);
      break;
    default:
      // Without a processor the body is not looked at, unless a rule asked for it raw.
      if (state.forceBodyVariable) {
        state.bodyProcessor = "URLENCODED";
        state.requestBody = body;
        state.argsPost = parseArguments(body, state.ruleset.settings.argumentSeparator);
      }
  }
  if (state.forceBodyVariable) state.requestBody = body;
  const count = state.argsGet.names.length + state.argsPost.names.length;
  const { argumentsMax } = state.ruleset.settings;
  if (count > argumentsMax) fail(state, { message: `more than ${argumentsMax} arguments` });
}

/** @returns whether it is a fault of what there is of the body. */
function fail(state: State, fault: BodyFault | undefined): boolean {
  if (fault === undefined || (state.inboundDataError && fault.atEnd === true)) return false;
  state.bodyError = "1";
  state.bodyErrorMessage = fault.message;
  return true;
}

function processJson(state: State, body: string): void {
  const args: Collection = createCollection();
  const { jsonDepthMax } = state.ruleset.settings;
  const fault = readJson(body, (name, value) => addTo(args, name, value), jsonDepthMax);
  state.argsPost = args;
  fail(state, fault);
}

function processXml(state: State, body: string): void {
  const texts: string[] = [];
  const attributes: Collection = createCollection();
  const fault = readXml(body, {
    text: (value) => texts.push(value),
    attribute: (name, value) => addTo(attributes, name, value),
  });
  const text = createCollection();
  addTo(text, "/*", texts.join(""));
  state.xmlText = text;
  state.xmlAttributes = attributes;
  fail(state, fault);
}

function processMultipart(state: State, body: string): void {
  const args = createCollection();
  const files = createCollection();
  const sizes = createCollection();
  const contents = createCollection();
  const headers = createCollection();
  const flags = new Map<string, string>();
  const type = firstText(state.headers, "content-type");
  const fault = readMultipart(type, body, {
    argument: (name, value) => addTo(args, name, value),
    file(name, fileName, content) {
      addTo(files, name, fileName);
      addTo(sizes, name, String(content.length));
      addTo(contents, name, content);
    },
    header: (partName, line) => addTo(headers, partName, line),
    flag(name, value = "1") {
      flags.set(name, value);
      if (STRICT.has(name)) flags.set("MULTIPART_STRICT_ERROR", "1");
    },
  });
  state.argsPost = args;
  state.files = files;
  state.fileSizes = sizes;
  state.fileContents = contents;
  state.multipartHeaders = headers;
  state.multipartFlags = flags;
  if (fail(state, fault)) flags.set("MULTIPART_STRICT_ERROR", "1");
}
