/** Two sets of rules over one request: a site's own first, then the installed one. */
import type { Inspection } from "../inspect.ts";

/** An inspection by both; the first that wants to refuse decides. */
export function joinInspections(own: Inspection, installed: Inspection): Inspection {
  return {
    wantsRequestBody: own.wantsRequestBody || installed.wantsRequestBody,
    requestHead: (head) => own.requestHead(head) || installed.requestHead(head),
    requestBody: (body, isWhole) =>
      own.requestBody(body, isWhole) || installed.requestBody(body, isWhole),
    responseHead: (head) => own.responseHead(head) || installed.responseHead(head),
    wantsResponseBody: (fields) =>
      own.wantsResponseBody(fields) || installed.wantsResponseBody(fields),
    responseBody: (body, isWhole) =>
      own.responseBody(body, isWhole) || installed.responseBody(body, isWhole),
    location: () => own.location() || installed.location(),
    finish: () => {
      const { matches } = own.finish();
      const finding = installed.finish();
      return { ...finding, matches: [...matches, ...finding.matches] };
    },
  };
}
