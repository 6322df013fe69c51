/** What this service does by itself: looks at what is served, and warns in time. */
import type { Job } from "../../kernel/jobs.ts";
import { verifyBindings } from "./deploy.ts";
import type { CertificatesParts } from "./service.ts";
import { warnOfExpiry } from "./watch.ts";

/** The jobs, with their periods. */
export function certificateJobs(parts: CertificatesParts, clock: () => number): Job[] {
  const { database } = parts;
  return [
    { name: "certificateBindings", everyMs: 1_000, run: () => verifyBindings(parts, clock()) },
    { name: "certificateExpiry", everyMs: 60_000, run: () => warnOfExpiry(database, clock()) },
  ];
}
