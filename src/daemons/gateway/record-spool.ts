/**
 * The spool of request records of one worker. It is made with the first of them, has little room,
 * and what finds none is not kept: events never wait for records.
 */
import { REQUEST_RECORD_CLASS, type RequestRecord } from "../../kernel/events/request-record.ts";
import { openSpool, type Spool } from "../../kernel/spool/spool.ts";

const TOTAL_BYTES_MAX = 268_435_456;
const SEGMENT_BYTES_MAX = 4_194_304;

export type RecordSpool = {
  /** False when it was not kept. */
  keep(record: RequestRecord): boolean;
  close(): Promise<void>;
};

export function recordSpool(folder: string): RecordSpool {
  let spool: Spool | undefined;
  const opened = (): Spool => {
    spool ??= openSpool({
      folder,
      totalBytesMax: TOTAL_BYTES_MAX,
      segmentBytesMax: SEGMENT_BYTES_MAX,
    });
    return spool;
  };
  return {
    keep(record) {
      try {
        return opened().appendLater(JSON.stringify(record), REQUEST_RECORD_CLASS);
      } catch {
        // The folder cannot be made or written: the event says that there is no record.
        return false;
      }
    },
    close: async () => spool?.close(),
  };
}
