/** The one row of the schedule. It is the installation's, of no account. */
import type { Sql } from "../../kernel/store/database.ts";
import type { Schedule } from "./contract.ts";

export function backupStore(sql: Sql) {
  return {
    async schedule(): Promise<Schedule | undefined> {
      const [row] = await sql<Schedule>`select every_hours, keep from backup_schedule`;
      return row;
    },
    async setSchedule({ everyHours, keep }: Schedule, time: string): Promise<void> {
      await sql`
        insert into backup_schedule (every_hours, keep, update_time)
        values (${everyHours}, ${keep}, ${time})
        on conflict (one_row) do update set every_hours = excluded.every_hours,
          keep = excluded.keep, update_time = excluded.update_time`;
    },
  };
}
