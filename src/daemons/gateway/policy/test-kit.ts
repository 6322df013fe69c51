/** What the tests of the policy stage share: a worker with one site, and requests to it. */
import type { RuleIntent, SitePolicyIntent } from "../../../kernel/intent/site-policy-document.ts";
import { sitePolicyDefaults } from "../../../kernel/intent/site-policy-document.ts";
import type { SiteIntent } from "../intent.ts";
import { exchangeRaw, intentOf, siteFor, startOrigin, startTestWorker } from "../test-kit.ts";
import type { WorkerOptions } from "../worker.ts";

/** A policy that does nothing, with changes. */
export const policyOf = (changes: Partial<SitePolicyIntent> = {}): SitePolicyIntent => ({
  ...sitePolicyDefaults,
  patches: [],
  routes: [],
  rules: [],
  ...changes,
});

/** A rule that blocks, with changes. */
export const ruleOf = (changes: Partial<RuleIntent> = {}): RuleIntent => ({
  customRuleId: "crule-1",
  name: "a rule",
  when: null,
  action: { kind: "block" },
  expiresAt: null,
  ...changes,
});

/** A route that changes nothing, with changes. */
export const routeOf = (
  changes: Partial<SitePolicyIntent["routes"][number]> = {},
): SitePolicyIntent["routes"][number] => ({
  routeId: "route-1",
  name: "a route",
  match: "prefix",
  path: "/",
  mode: null,
  paranoiaLevel: null,
  inboundThreshold: null,
  outboundThreshold: null,
  requestBodyBytesMax: null,
  uploadBytesMax: null,
  bypass: false,
  blockPage: null,
  ...changes,
});

/** A worker that guards an origin which answers with the request as it got it. */
export async function startGuarded(changes: Partial<WorkerOptions> = {}) {
  const origin = await startOrigin((request, response) => {
    let body = "";
    request.on("data", (piece) => {
      body += String(piece);
    });
    request.on("end", () => {
      const { method, url, headers } = request;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ method, url, headers, body }));
    });
  });
  const { worker, events } = await startTestWorker(changes);
  let version = 0;
  return {
    worker,
    events,
    originUrl: origin.url,
    /** Applies a policy to the site `a.test`, by default in mode `block`. */
    use(policy: Partial<SitePolicyIntent>, site: Partial<SiteIntent> = {}) {
      version++;
      const settings = { mode: "block", policy: policyOf(policy), ...site } as const;
      worker.apply(intentOf([siteFor([origin.url], settings)], { version }));
    },
    /** One request on a connection of its own; the answer as text. */
    ask(
      target: string,
      { method = "GET", fields = "", body = "", chunked = false } = {},
    ): Promise<string> {
      const bytes = Buffer.byteLength(body);
      const framing = chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${bytes}`;
      const sent = chunked ? `${bytes.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body;
      const length = body === "" ? "" : `${framing}\r\n`;
      return exchangeRaw(
        worker.httpPort,
        `${method} ${target} HTTP/1.1\r\nHost: a.test\r\n${fields}${length}Connection: close\r\n\r\n${sent}`,
      );
    },
    /** The decisions of the newest event. */
    decisions: () => events.at(-1)?.unmapped.cordon.policy?.decisions ?? [],
    async stop() {
      await worker.close(0);
      await origin.close();
    },
  };
}

/** The status of an answer. */
export const statusOf = (answer: string): number => Number(answer.slice(9, 12));
