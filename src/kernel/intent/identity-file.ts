/** A node's identity in its own folder: kept, checked for its time, replaced as one. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import Value from "typebox/value";
import { NodeIdentity, nodeIdentityFile } from "./protocol.ts";

/** The rest of its time, as a part of the whole, at which a certificate is renewed. */
const RENEW_AT_REST = 1 / 3;

/** The identity of the node in this folder; undefined when there is none that still counts. */
export function readIdentity(folder: string, nowMs: number): NodeIdentity | undefined {
  const identity = parsed(folder);
  return identity === undefined || isOver(identity, nowMs) ? undefined : identity;
}

/** True when the certificate's time has ended: no control plane knows this node any more. */
export function isOver(identity: NodeIdentity, nowMs: number): boolean {
  return timesOf(identity).endMs <= nowMs;
}

/** True when the certificate should be renewed now. */
export function isRenewalDue(identity: NodeIdentity, nowMs: number): boolean {
  const { startMs, endMs } = timesOf(identity);
  return endMs - nowMs < (endMs - startMs) * RENEW_AT_REST;
}

/** Durable when it resolves; a crash leaves the old one or the new one. */
export async function keepIdentity(folder: string, identity: NodeIdentity): Promise<void> {
  const file = join(folder, nodeIdentityFile);
  await writeFile(`${file}.new`, JSON.stringify(identity), { mode: 0o600, flush: true });
  await rename(`${file}.new`, file);
}

function timesOf({ certificatePem }: NodeIdentity): { startMs: number; endMs: number } {
  const { validFromDate, validToDate } = new X509Certificate(certificatePem);
  return { startMs: validFromDate.getTime(), endMs: validToDate.getTime() };
}

function parsed(folder: string): NodeIdentity | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, nodeIdentityFile), "utf8"));
    return Value.Check(NodeIdentity, value) ? value : undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
