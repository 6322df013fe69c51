/** What this service does by itself: sends, looks for troubles of the machine, forgets. */
import type { Alarm } from "../../kernel/health.ts";
import type { Job } from "../../kernel/jobs.ts";
import { deliverDue, type SenderParts } from "./deliver.ts";
import { deliveryStore } from "./delivery-store.ts";
import { takeAlarms } from "./intake.ts";

export type NotifyJobParts = SenderParts & {
  readonly instance: string;
  /** What this machine complains of. */
  readonly alarms: () => Promise<readonly Alarm[]> | readonly Alarm[];
};

/** The jobs, with their periods. */
export function notifyJobs(parts: NotifyJobParts): Job[] {
  const { database, clock, instance } = parts;
  const system = database.transaction.bind(database, "system");
  return [
    { name: "notifyDeliveries", everyMs: 1_000, everywhere: true, run: () => deliverDue(parts) },
    {
      name: "notifyAlarms",
      everyMs: 15_000,
      everywhere: true,
      run: async () => {
        const alarms = await parts.alarms();
        await system((sql) => takeAlarms(sql, alarms, { instance, nowMs: clock() }));
      },
    },
    {
      name: "notifyForget",
      everyMs: 3_600_000,
      run: () => system((sql) => deliveryStore(sql).deleteOld(clock())),
    },
  ];
}
