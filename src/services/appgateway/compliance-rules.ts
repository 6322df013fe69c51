/**
 * What is asked of a site, as a list: each rule reads what was seen and says whether it is well.
 * Sources: RFC 9110, RFC 6797, RFC 6265bis, RFC 8996, OWASP Secure Headers project.
 */
import { evidenceOf } from "./compliance-evidence.ts";
import type { ComplianceResult } from "./compliance-operations.ts";

export type SeenAnswer = {
  readonly status: number;
  /** Lower-case names, in order, repeated ones too. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The beginning of the body. */
  readonly body: string;
};

/** What was seen of a site; null: no answer. */
export type Seen = {
  readonly http: SeenAnswer | null;
  readonly https: SeenAnswer | null;
  readonly missing: SeenAnswer | null;
  readonly head: SeenAnswer | null;
  readonly trace: SeenAnswer | null;
  readonly options: SeenAnswer | null;
  readonly unknownMethod: SeenAnswer | null;
  /** The page, asked for from a page of another site. */
  readonly strangeOrigin: SeenAnswer | null;
  readonly folders: readonly { readonly path: string; readonly answer: SeenAnswer | null }[];
  /** Whether a handshake of this version was accepted; null: none could be tried. */
  readonly tls: Readonly<Record<"1.0" | "1.1" | "1.2" | "1.3", boolean | null>>;
  readonly certificate: {
    readonly fault: string;
    readonly daysLeft: number;
    readonly subject: string;
  } | null;
};

type Judged = { readonly outcome: ComplianceResult["outcome"]; readonly evidence: string };
type Rule = Pick<ComplianceResult, "rule" | "title" | "severity" | "fix"> & {
  readonly judge: (seen: Seen) => Judged;
  readonly remedy?: { readonly operation: string; readonly changes: object };
};

const EVIDENCE_MAX = 300;
const notChecked = (evidence: string): Judged => ({ outcome: "notChecked", evidence });
const judged = (isWell: boolean, evidence: string): Judged => ({
  outcome: isWell ? "pass" : "fail",
  evidence,
});

const valuesOf = (answer: SeenAnswer, name: string): string[] =>
  answer.headers.filter(([field]) => field === name).map(([, value]) => value);

/** The page by HTTPS, else by HTTP. */
const page = (seen: Seen): SeenAnswer | null => seen.https ?? seen.http;

const ofPage =
  (judge: (answer: SeenAnswer) => Judged) =>
  (seen: Seen): Judged => {
    const answer = page(seen);
    return answer === null ? notChecked(evidenceOf("noAnswer")) : judge(answer);
  };

const header = (name: string, isWell: (value: string) => boolean) =>
  ofPage((answer) => {
    const values = valuesOf(answer, name);
    if (values.length === 0) return judged(false, evidenceOf("fieldNotSent", { field: name }));
    return judged(values.every(isWell), `${name}: ${values.join(", ")}`);
  });

const version = (name: "1.0" | "1.1" | "1.2" | "1.3", wanted: boolean) => (seen: Seen) => {
  const accepted = seen.tls[name];
  if (accepted === null) return notChecked(evidenceOf("noHttps"));
  return judged(
    accepted === wanted,
    evidenceOf(accepted ? "versionAccepted" : "versionRefused", { version: name }),
  );
};

const setTls = (changes: object) => ({ operation: "delivery.setTls", changes });

const tlsRules: readonly Rule[] = [
  {
    rule: "httpsRedirect",
    title: "HTTP leads to HTTPS",
    severity: "high",
    fix: "Redirect every request of port 80 to https://",
    judge: ({ http }) => {
      if (http === null) return { outcome: "pass", evidence: evidenceOf("noHttp") };
      const [location = ""] = valuesOf(http, "location");
      const isWell = http.status >= 300 && http.status < 400 && /^https:/i.test(location);
      return judged(isWell, `${http.status} ${location}`.trim());
    },
    remedy: { operation: "waf.updateSite", changes: { redirectToHttps: true } },
  },
  {
    rule: "certificate",
    title: "The certificate is trusted, fits the name and is not about to end",
    severity: "high",
    fix: "Bind a certificate of a public authority to the site, and have it renewed",
    judge: ({ certificate }) => {
      if (certificate === null) return notChecked(evidenceOf("noHttps"));
      const { fault, daysLeft, subject } = certificate;
      const evidence = evidenceOf(fault === "" ? "trusted" : "untrusted", {
        subject,
        fault,
        days: daysLeft,
      });
      return judged(fault === "" && daysLeft > 14, evidence);
    },
  },
  ...(["1.0", "1.1"] as const).map(
    (name): Rule => ({
      rule: name === "1.0" ? "tls10" : "tls11",
      title: `TLS ${name} is refused`,
      severity: "high",
      fix: "Refuse TLS below 1.2 (RFC 8996)",
      judge: version(name, false),
      remedy: setTls({ minimumVersion: "TLSv1.2" }),
    }),
  ),
  {
    rule: "tls13",
    title: "TLS 1.3 is accepted",
    severity: "low",
    fix: "Allow TLS 1.3",
    judge: version("1.3", true),
    remedy: setTls({ maximumVersion: "TLSv1.3" }),
  },
  {
    rule: "hsts",
    title: "Strict-Transport-Security for at least half a year",
    severity: "medium",
    fix: "Send Strict-Transport-Security: max-age=31536000; includeSubDomains",
    judge: (seen) => {
      if (seen.https === null) return notChecked(evidenceOf("noHttps"));
      const [value = ""] = valuesOf(seen.https, "strict-transport-security");
      const age = Number(/max-age="?(\d+)/i.exec(value)?.[1] ?? 0);
      return judged(age >= 15_552_000, value === "" ? evidenceOf("notSent") : value);
    },
    remedy: setTls({ hstsMaxAgeSeconds: 31_536_000 }),
  },
];

const headerRules: readonly Rule[] = [
  {
    rule: "contentSecurityPolicy",
    title: "Content-Security-Policy without unsafe-inline scripts",
    severity: "medium",
    fix: "Have the application send a policy; begin with Content-Security-Policy-Report-Only",
    judge: header("content-security-policy", (value) => {
      const directives = value.split(";").map((one) => one.trim());
      const scripts =
        directives.find((one) => /^script-src\s/i.test(one)) ??
        directives.find((one) => /^default-src\s/i.test(one));
      if (scripts === undefined || /'unsafe-eval'|\s\*(?:\s|$)/.test(scripts)) return false;
      // Browsers that know nonces and hashes pass over unsafe-inline beside them (CSP3 §6.7.3.2).
      return !/'unsafe-inline'/.test(scripts) || /'(?:nonce-|sha(?:256|384|512)-)/.test(scripts);
    }),
  },
  {
    rule: "contentTypeOptions",
    title: "X-Content-Type-Options is nosniff",
    severity: "medium",
    fix: "Have the application send X-Content-Type-Options: nosniff",
    judge: header("x-content-type-options", (value) => value.trim().toLowerCase() === "nosniff"),
  },
  {
    rule: "framing",
    title: "Other sites may not frame the pages",
    severity: "medium",
    fix: "Send Content-Security-Policy: frame-ancestors 'self', or X-Frame-Options: SAMEORIGIN",
    judge: ofPage((answer) => {
      const options = valuesOf(answer, "x-frame-options").join(", ");
      const ancestors = valuesOf(answer, "content-security-policy").join("; ");
      const isWell = /^(?:deny|sameorigin)$/i.test(options) || /frame-ancestors\s/i.test(ancestors);
      return judged(isWell, options === "" ? evidenceOf("neitherField") : options);
    }),
  },
  {
    rule: "referrerPolicy",
    title: "Referrer-Policy keeps addresses from other sites",
    severity: "low",
    fix: "Have the application send Referrer-Policy: strict-origin-when-cross-origin",
    judge: header("referrer-policy", (value) => !/unsafe-url|no-referrer-when-down/i.test(value)),
  },
  {
    rule: "banner",
    title: "No field names the version of a server",
    severity: "low",
    fix: "Turn versions off: nginx server_tokens off, Apache ServerTokens Prod, PHP expose_php Off",
    judge: ofPage((answer) => {
      const names = ["server", "x-powered-by", "x-aspnet-version", "x-generator"];
      const telling = names.flatMap((name) =>
        valuesOf(answer, name)
          .filter((value) => name !== "server" || /\d/.test(value))
          .map((value) => `${name}: ${value}`),
      );
      return judged(telling.length === 0, telling.join(", ") || evidenceOf("noBanner"));
    }),
  },
  {
    rule: "cookies",
    title: "Cookies are Secure, HttpOnly and SameSite",
    severity: "medium",
    fix: "Have the application set Secure; HttpOnly; SameSite=Lax on its cookies",
    judge: ofPage((answer) => {
      const weak = valuesOf(answer, "set-cookie").flatMap((cookie) => {
        const [pair = "", ...attributes] = cookie.split(";").map((one) => one.trim());
        const names = attributes.map((one) => one.split("=")[0]?.toLowerCase());
        const lacks = ["secure", "httponly", "samesite"].filter((name) => !names.includes(name));
        // The value is a secret of somebody's session; only the name is evidence.
        return lacks.length === 0
          ? []
          : [
              evidenceOf("cookieLacks", {
                cookie: pair.split("=")[0] ?? "",
                attributes: lacks.join(", "),
              }),
            ];
      });
      return judged(weak.length === 0, weak.join("; ") || evidenceOf("cookiesComplete"));
    }),
  },
];

const LISTING = /<title>\s*(?:Index of|Directory listing for|Listing directory)|<h1>Index of \//i;
const TRACES =
  /Traceback \(most recent call last\)|^\s+at .+\(.+:\d+:\d+\)|Fatal error: Uncaught|java\.lang\.|System\.Web\.|<b>Warning<\/b>:/m;

const protocolRules: readonly Rule[] = [
  {
    rule: "trace",
    title: "TRACE is refused",
    severity: "medium",
    fix: "Add a custom rule to the site: method TRACE, action block; or turn it off in the server",
    judge: ({ trace: answer }) =>
      answer === null
        ? notChecked(evidenceOf("noAnswer"))
        : judged(answer.status >= 400, evidenceOf("answeredWith", { status: answer.status })),
  },
  {
    rule: "methods",
    title: "The start page offers no method that writes (what OPTIONS says; none is tried)",
    severity: "medium",
    fix: "Turn PUT, DELETE and PATCH off where they are not used, or block them by a custom rule",
    judge: ({ options: answer }) => {
      if (answer === null) return notChecked(evidenceOf("noAnswer"));
      const said = [
        ...valuesOf(answer, "allow"),
        ...valuesOf(answer, "access-control-allow-methods"),
      ].join(", ");
      if (said === "") return notChecked(evidenceOf("methodsNotNamed", { status: answer.status }));
      return judged(!/\b(?:PUT|DELETE|PATCH)\b/.test(said), said);
    },
  },
  {
    rule: "crossOrigin",
    title: "Pages of other sites cannot read answers with the visitor's cookies",
    severity: "high",
    fix: "Name the origins that may, instead of repeating the Origin that asks",
    judge: ({ strangeOrigin: answer }) => {
      if (answer === null) return notChecked(evidenceOf("noAnswer"));
      const [origin = ""] = valuesOf(answer, "access-control-allow-origin");
      const [credentials = ""] = valuesOf(answer, "access-control-allow-credentials");
      const isOpen = /cordon-check\.invalid|^null$/.test(origin) && credentials === "true";
      const evidence =
        origin === "" ? evidenceOf("noOtherOrigin") : evidenceOf("originAllowed", { origin });
      return judged(!isOpen, evidence);
    },
  },
  {
    rule: "unknownMethod",
    title: "A method that does not exist is refused (RFC 9110 §9.1)",
    severity: "low",
    fix: "Answer unknown methods with 501, and known ones that are not allowed with 405",
    judge: ({ unknownMethod: answer }) =>
      answer === null
        ? notChecked(evidenceOf("noAnswer"))
        : judged(answer.status >= 400, evidenceOf("answeredWith", { status: answer.status })),
  },
  {
    rule: "notFound",
    title: "What does not exist is answered 404, without a stack trace",
    severity: "medium",
    fix: "Answer 404 or 410 for unknown paths; the site's leak protection can mask stack traces",
    judge: ({ missing }) => {
      if (missing === null) return notChecked(evidenceOf("noAnswer"));
      const trace = TRACES.exec(missing.body)?.[0];
      const isWell = trace === undefined && missing.status >= 400 && missing.status < 500;
      return judged(
        isWell,
        trace === undefined ? evidenceOf("status", { status: missing.status }) : `"${trace}"`,
      );
    },
    remedy: { operation: "delivery.setLeaks", changes: { maskStackTraces: true } },
  },
  {
    rule: "head",
    title: "HEAD is answered as GET, without a body (RFC 9110 §9.3.2)",
    severity: "low",
    fix: "Have the application answer HEAD as it answers GET",
    judge: (seen) => {
      const answer = page(seen);
      if (seen.head === null || answer === null) return notChecked(evidenceOf("noAnswer"));
      return judged(
        seen.head.status === answer.status,
        `${seen.head.status}, GET ${answer.status}`,
      );
    },
  },
  {
    rule: "contentType",
    title: "Answers with content name its type and character set (RFC 9110 §8.3)",
    severity: "low",
    fix: "Send Content-Type, for texts with charset=utf-8",
    judge: ofPage((answer) => {
      const [type = ""] = valuesOf(answer, "content-type");
      if (answer.body === "") return { outcome: "pass", evidence: evidenceOf("noContent") };
      const needsCharset = /^text\/html/i.test(type);
      const isWell = type !== "" && (!needsCharset || /charset=/i.test(type));
      return judged(isWell, type === "" ? evidenceOf("notSent") : type);
    }),
  },
  {
    rule: "singleFields",
    title: "Fields that may be sent once are sent once (RFC 9110 §5.3)",
    severity: "medium",
    fix: "Have only one of application and server set each of these fields",
    judge: ofPage((answer) => {
      const single = ["content-type", "content-length", "location", "etag", "date", "server"];
      const twice = single.filter((name) => valuesOf(answer, name).length > 1);
      return judged(twice.length === 0, twice.join(", ") || evidenceOf("eachOnce"));
    }),
  },
  {
    rule: "directoryListing",
    title: "Folders do not list their files",
    severity: "medium",
    fix: "Turn listings off: nginx autoindex off, Apache Options -Indexes",
    judge: ({ folders }) => {
      const answered = folders.filter(({ answer }) => answer !== null);
      if (answered.length === 0) return notChecked(evidenceOf("noAnswer"));
      const listed = answered.filter(({ answer }) => LISTING.test(answer?.body ?? ""));
      const paths = (listed.length > 0 ? listed : answered).map(({ path }) => path).join(", ");
      return judged(
        listed.length === 0,
        evidenceOf(listed.length > 0 ? "listed" : "notListed", { paths }),
      );
    },
  },
];

const rules: readonly Rule[] = [...tlsRules, ...headerRules, ...protocolRules];

/** Names of all rules, in the order of their results. */
export const complianceRules: readonly string[] = rules.map(({ rule }) => rule);

/** Every rule's result. */
export function complianceResults(seen: Seen): ComplianceResult[] {
  return rules.map(({ rule, title, severity, fix, judge, remedy }) => {
    const { outcome, evidence } = judge(seen);
    return {
      ...{ rule, title, severity, outcome, fix },
      evidence: evidence.replace(/[\p{Cc}\p{Cf}]/gu, " ").slice(0, EVIDENCE_MAX),
      remedy:
        outcome !== "fail" || remedy === undefined
          ? null
          : { operation: remedy.operation, changesJson: JSON.stringify(remedy.changes) },
    };
  });
}

const WEIGHTS = { high: 5, medium: 3, low: 1 } as const;

/** The share of what was checked that is well, by weight of severity. */
export function complianceScore(results: readonly ComplianceResult[]): number {
  let well = 0;
  let all = 0;
  for (const { severity, outcome } of results) {
    if (outcome === "notChecked") continue;
    all += WEIGHTS[severity];
    if (outcome === "pass") well += WEIGHTS[severity];
  }
  return all === 0 ? 0 : Math.round((100 * well) / all);
}
