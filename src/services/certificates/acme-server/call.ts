/** What every handler of the ACME server is given. */

import type { Outbound } from "../../../kernel/outbound.ts";
import type { Database, Sql } from "../../../kernel/store/database.ts";
import type { IssuancePolicyRow } from "../authority-store.ts";
import type { KeySealer } from "../sealing.ts";
import type { Signers } from "../signers.ts";
import { AcmeProblem, type AcmeUrls } from "./protocol.ts";
import type { Signed } from "./request.ts";
import type { AcmeAccountRow, AcmeStore } from "./store.ts";

export type AcmeServerParts = {
  readonly database: Database;
  readonly sealer: KeySealer;
  readonly signers: Signers;
  readonly outbound: Outbound;
  readonly validationPort: number;
  readonly clock: () => number;
  readonly newId: (prefix: string) => string;
  readonly log: (line: Readonly<Record<string, unknown>>) => void;
  /** Called after events were written. */
  readonly eventsWritten: () => void;
  /** Hosts (`name` or `name:port`) that this server answers for, lower case. */
  readonly hosts: ReadonlySet<string>;
};

export type AcmeCall = {
  readonly parts: AcmeServerParts;
  readonly policy: IssuancePolicyRow;
  readonly sql: Sql;
  readonly store: AcmeStore;
  readonly urls: AcmeUrls;
  readonly signed: Signed;
  readonly nowMs: number;
  readonly sourceIp: string;
  /** Runs once the transaction is committed. */
  readonly afterCommit: (work: () => void) => void;
};

/** The account that signed; every handler but two needs one. */
export function accountOf({ signed }: AcmeCall): AcmeAccountRow {
  if (signed.account === undefined) {
    throw new AcmeProblem("accountDoesNotExist", "There is no account with this key");
  }
  return signed.account;
}

export const notFound = () =>
  new AcmeProblem("malformed", "There is no such resource", { status: 404 });
