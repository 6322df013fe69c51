/** What a site keeps of flagged requests, as plain data of the gateway. */
import type { IsSecret } from "../../engines/secretfields/names.ts";

/** What a site keeps, and how much it has kept lately. */
export type RequestRecorder = {
  readonly bodyBytesMax: number;
  readonly daysKept: number;
  readonly isSecret: IsSecret;
  readonly room: { bytes: number; atMs: number };
};

/** The body as rules saw it, as far as a record may hold it. */
export type SeenBody = {
  /** Null: it is in a content coding that was not decoded. */
  readonly start: Buffer | null;
  readonly bytes: number;
  readonly isWhole: boolean;
};
