/** Rules of token profiles: which settings fit each other, and when tokens end. */
import type { Fault } from "../../kernel/problem.ts";
import type { TokenProfile } from "./contract.ts";

export const limits = {
  profilesMax: 200,
  /** Tries for a token that nobody has yet. */
  attemptsMax: 20,
  /** Asking for so many tokens that are not there in one call is told as an event. */
  unknownTold: 10,
} as const;

type Given = Pick<TokenProfile, "name" | "kind"> &
  Partial<{
    [Field in
      | "mode"
      | "format"
      | "checksum"
      | "keepLast"
      | "ttlSeconds"
      | "tokenizePerMinute"
      | "detokenizePerMinute"]: TokenProfile[Field] | undefined;
  }>;
export type Settings = Omit<
  TokenProfile,
  "tokenProfileId" | "enabled" | "createTime" | "updateTime"
>;

/** The settings of a new profile, or why they do not fit each other. */
export function settingsOf(given: Given): Settings | readonly Fault[] {
  const { name, kind } = given;
  const settings: Settings = {
    ...{ name, kind },
    mode: given.mode ?? "random",
    format: given.format ?? "opaque",
    checksum: given.checksum ?? "invalid",
    keepLast: given.keepLast ?? 0,
    ttlSeconds: given.ttlSeconds ?? null,
    tokenizePerMinute: given.tokenizePerMinute ?? 6_000,
    detokenizePerMinute: given.detokenizePerMinute ?? 600,
  };
  const faults: Fault[] = [];
  if (kind === "text" && settings.format === "sameFormat") {
    faults.push({ path: "/format", message: "text has no format that a token could keep" });
  }
  const keeps = settings.format === "sameFormat" && (kind === "card" || kind === "phone");
  if (settings.keepLast > 0 && !keeps) {
    const message = "only tokens of cards and phones in the same format keep digits";
    faults.push({ path: "/keepLast", message });
  }
  return faults.length === 0 ? settings : faults;
}

/** When a token that is made now ends. */
export function expireTimeOf({ ttlSeconds }: Pick<TokenProfile, "ttlSeconds">, nowMs: number) {
  return ttlSeconds === null ? null : new Date(nowMs + ttlSeconds * 1_000).toISOString();
}

/** INVARIANT: a sealed value opens as the value of this token of this profile only. */
export function valuePurpose(tokenProfileId: string, token: string): string {
  return `encryption token ${tokenProfileId} ${token}`;
}

export function indexPurpose(tokenProfileId: string): string {
  return `encryption index ${tokenProfileId}`;
}
