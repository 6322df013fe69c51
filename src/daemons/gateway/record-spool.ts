/**
 * The spool of request records of one worker. It is made with the first of them, has little room,
 * and what finds none is not kept: events never wait for records.
 */
import { existsSync } from "node:fs";
import { REQUEST_RECORD_CLASS, type RequestRecord } from "../../kernel/events/request-record.ts";
import { messageOf } from "../../kernel/process/text.ts";
import { openSpool, type Spool } from "../../kernel/spool/spool.ts";

const TOTAL_BYTES_MAX = 268_435_456;
const SEGMENT_BYTES_MAX = 4_194_304;
/** So long a record may stay here once the lake has it. */
const ROLL_MS = 3_600_000;

export type RecordSpool = {
  /** False when it was not kept. */
  keep(record: RequestRecord): boolean;
  /** Why records are not kept now; undefined when they are, or none was asked for. */
  failure(): string | undefined;
  close(): Promise<void>;
};

/** Opens what an earlier process left, so that it does not wait for the next record. */
export function recordSpool(folder: string): RecordSpool {
  let spool: Spool | undefined;
  let fault: string | undefined;
  /** Undefined while the folder cannot be made or written. */
  const opened = (): Spool | undefined => {
    try {
      spool ??= openSpool({
        folder,
        totalBytesMax: TOTAL_BYTES_MAX,
        segmentBytesMax: SEGMENT_BYTES_MAX,
      });
      fault = undefined;
    } catch (error) {
      fault = messageOf(error);
    }
    return spool;
  };
  if (existsSync(folder)) void opened()?.roll();
  const rolling = setInterval(() => void spool?.roll(), ROLL_MS);
  rolling.unref();
  return {
    keep: (record) => opened()?.appendLater(JSON.stringify(record), REQUEST_RECORD_CLASS) === true,
    failure: () => fault ?? spool?.stats().failure,
    async close() {
      clearInterval(rolling);
      await spool?.close();
    },
  };
}
