/** Work that goes on by itself: events followed, and jobs that come back. */
import { followSpools } from "../kernel/events/follow.ts";
import { newId } from "../kernel/id.ts";
import type { IntentPublisher } from "../kernel/intent/publisher.ts";
import { backupJobs } from "../services/backup/service.ts";
import { certificateJobs } from "../services/certificates/jobs.ts";
import { recordDetections } from "../services/incident/detect.ts";
import { detectionOf } from "../services/incident/detections.ts";
import { expireResponses } from "../services/incident/intent.ts";
import { kmsJobs } from "../services/kms/jobs.ts";
import type { Kms } from "../services/kms/service.ts";
import { notifyJobs } from "../services/notify/jobs.ts";
import { backupParts } from "./backups.ts";
import { acmeClientParts, certificateParts } from "./certificates.ts";
import { type Foundations, machineAlarms } from "./foundations.ts";
import { clock, config, log } from "./settings.ts";

/** Brings every event that a spool delivers to the live view and, as detections, to incidents. */
export function followEvents(
  parts: Pick<Parameters<typeof followSpools>[0], "database" | "live" | "consumed">,
  signal: AbortSignal,
) {
  return followSpools(
    {
      ...parts,
      spoolFolder: config.folders.spool,
      report: log,
      async consume(sql, events) {
        const detections = events.map(detectionOf).filter((one) => one !== undefined);
        if (detections.length > 0)
          await recordDetections({ sql, nowMs: clock(), newId }, detections);
      },
    },
    signal,
  );
}

/** Work that comes back by itself. */
export function jobsOf(
  foundations: Foundations,
  publisher: IntentPublisher,
  { drain, kms }: { readonly drain: () => Promise<void>; readonly kms: Kms },
) {
  const { database, sealer, outbound, instance } = foundations;
  const refreshIntent = () => publisher.refresh();
  return [
    { name: "outbox", everyMs: 2_000, run: drain },
    { name: "intent", everyMs: 30_000, run: refreshIntent },
    { name: "responses", everyMs: 1_000, run: () => expireResponses(database, clock()) },
    ...notifyJobs({
      ...{ database, sealer, outbound, clock, instance, chance: Math.random },
      alarms: () => machineAlarms(foundations),
    }),
    ...backupJobs(backupParts(foundations)),
    ...kmsJobs({ ...kms, report: log }),
    ...certificateJobs(certificateParts(foundations), acmeClientParts(foundations, refreshIntent)),
  ];
}
