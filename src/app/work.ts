/** Work that goes on by itself: events followed, and jobs that come back. */
import { composedTexts } from "../catalog.ts";
import { followSpools } from "../kernel/events/follow.ts";
import type { LiveEvents } from "../kernel/events/live.ts";
import { newId } from "../kernel/id.ts";
import { forgetJob } from "../kernel/identity/shared-memory.ts";
import { INTENT_CHANNEL, type IntentPublisher } from "../kernel/intent/publisher.ts";
import { type Job, type JobParts, runJobs } from "../kernel/jobs.ts";
import { createLeadership, type Leadership } from "../kernel/leadership.ts";
import { reportJobs } from "../services/appgateway/schedules.ts";
import { backupJobs } from "../services/backup/service.ts";
import { certificateJobs } from "../services/certificates/jobs.ts";
import { encryptionJobs } from "../services/encryption/service.ts";
import { recordDetections } from "../services/incident/detect.ts";
import { detectionOf } from "../services/incident/detections.ts";
import { expireResponses } from "../services/incident/intent.ts";
import { kmsJobs } from "../services/kms/jobs.ts";
import type { Kms } from "../services/kms/service.ts";
import { notifyJobs } from "../services/notify/jobs.ts";
import { queueMail } from "../services/notify/mail-files.ts";
import { backupParts } from "./backups.ts";
import { acmeClientParts, certificateParts } from "./certificates.ts";
import { type Foundations, machineAlarms } from "./foundations.ts";
import { clock, config, log } from "./settings.ts";

/** Brings every event that a spool delivers to the live view and, as detections, to incidents. */
function followEvents(
  parts: Pick<Parameters<typeof followSpools>[0], "database" | "live" | "consumed" | "instance">,
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
function jobsOf(
  foundations: Foundations,
  publisher: IntentPublisher,
  parts: {
    readonly drain: () => Promise<void>;
    readonly kms: Kms;
    readonly leadership: Leadership;
  },
): Job[] {
  const { database, sealer, outbound, instance } = foundations;
  // What only the leader does runs in transactions that hold its lease.
  const { fenced } = parts.leadership;
  const leading = { ...foundations, database: fenced };
  const refreshIntent = () => publisher.refresh();
  return [
    { name: "outbox", everyMs: 2_000, everywhere: true, run: parts.drain },
    { name: "intent", everyMs: 30_000, everywhere: true, run: refreshIntent },
    { name: "responses", everyMs: 1_000, run: () => expireResponses(fenced, clock()) },
    ...notifyJobs({
      ...{ database, sealer, outbound, clock, instance, chance: Math.random },
      texts: composedTexts,
      alarms: () => machineAlarms(foundations),
    }),
    ...backupJobs(backupParts(foundations)),
    ...reportJobs({
      ...{ database: fenced, lake: foundations.lake, clock, newId, queueMail },
      fontFile: config.reportFont,
    }),
    ...encryptionJobs(fenced, clock),
    ...kmsJobs({ ...parts.kms, report: log }, fenced),
    forgetJob(fenced, clock),
    ...certificateJobs(certificateParts(leading), acmeClientParts(leading, refreshIntent)),
  ];
}

/** Begins all of it: the lease of the jobs, the jobs, the events, the news of other planes. */
export async function startWork(
  foundations: Foundations,
  parts: {
    readonly publisher: IntentPublisher;
    readonly live: LiveEvents;
    readonly drain: () => Promise<void>;
    readonly kms: Kms;
    readonly intentChanged: () => void;
    readonly telemetry: { readonly jobs: readonly Job[]; readonly ranJob: JobParts["ran"] };
    readonly failed: (part: string) => (error: unknown) => void;
    readonly signal: AbortSignal;
  },
) {
  const { database, instance } = foundations;
  const { publisher, live, drain, kms, intentChanged, telemetry, failed, signal } = parts;
  const leadership = createLeadership({ database, instance, report: log });
  await leadership.renew();
  const unlisten = await database.listen(INTENT_CHANNEL, () => {
    void publisher.load().catch(failed("intent"));
  });
  const jobs = [...jobsOf(foundations, publisher, { drain, kms, leadership }), ...telemetry.jobs];
  const { ranJob: ran } = telemetry;
  const { leads } = leadership;
  const running = [
    leadership.keep(signal),
    followEvents({ database, live, instance, consumed: intentChanged }, signal),
    runJobs(jobs, signal, { report: log, leads, ...(ran === undefined ? {} : { ran }) }),
  ];
  return {
    /** Resolves when nothing of it runs any more; the signal ends it. */
    async ended() {
      await Promise.all(running);
      await unlisten();
    },
  };
}
