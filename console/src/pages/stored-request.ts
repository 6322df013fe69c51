/** The request that an event tells of, as far as the event holds it: bodies are not kept. */
import type { EventRow } from "../../../src/services/events/contract.ts";

function object(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** Whether the gateway kept the request whole beside its event. */
export function isRecorded(event: unknown): boolean {
  return object(object(object(event).unmapped).cordon).isRecorded === true;
}

/** Input for `waf.explainRequest`. */
export function requestOfEvent(row: EventRow, event: unknown) {
  const request = object(object(event).http_request);
  const url = object(request.url);
  const path = typeof url.path === "string" && url.path !== "" ? url.path : row.path || "/";
  const query = typeof url.query_string === "string" ? url.query_string : "";
  const headers = [
    ...(row.host === "" ? [] : [`Host: ${row.host}`]),
    ...(row.userAgent === "" ? [] : [`User-Agent: ${row.userAgent}`]),
    "Accept: */*",
  ];
  return {
    ...(row.siteId === "" ? {} : { siteId: row.siteId }),
    method: row.method || "GET",
    target: query === "" || path.includes("?") ? path : `${path}?${query}`,
    headers,
  };
}
