/**
 * `/healthz`, `/readyz` and, for who may read them, `/metrics`: on the API's listener, and without
 * a credential on a port of the loopback alone. They name parts and never say why.
 */
import type { FastifyInstance } from "fastify";
import type { Alarm } from "../health.ts";
import { PROMETHEUS_TYPE } from "../telemetry/prometheus.ts";
import type { Mount, MountAnswer } from "./mount.ts";

/** What is asked before work is sent to this process. */
export type ReadyCheck = {
  readonly part: string;
  /** False for a part without which the API answers all the same. */
  readonly needed: boolean;
  /** Whether it works now; a rejection counts as no. */
  readonly check: () => Promise<boolean>;
};

export type Readiness = {
  readonly ready: boolean;
  readonly parts: Readonly<Record<string, "ok" | "failed">>;
};

const CHECK_MAX_MS = 2_000;
/** Whoever asks more often gets the same answer, so that asking cannot be used as a load. */
const KEEP_MS = 1_000;

/** A function that looks at all parts at once, at most once a second. */
export function createReadiness(checks: readonly ReadyCheck[]): () => Promise<Readiness> {
  let last: { readonly atMs: number; readonly answer: Promise<Readiness> } | undefined;
  const look = async (): Promise<Readiness> => {
    const states = await Promise.all(checks.map(stateOf));
    const parts = Object.fromEntries(checks.map(({ part }, at) => [part, states[at] ?? "failed"]));
    return { ready: checks.every(({ needed }, at) => !needed || states[at] === "ok"), parts };
  };
  return () => {
    if (last === undefined || performance.now() - last.atMs > KEEP_MS) {
      last = { atMs: performance.now(), answer: look() };
    }
    return last.answer;
  };
}

async function stateOf({ check }: ReadyCheck): Promise<"ok" | "failed"> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), CHECK_MAX_MS);
  });
  const works = await Promise.race([check().catch(() => false), late]);
  clearTimeout(timer);
  return works ? "ok" : "failed";
}

export type HealthParts = {
  /** What needs the operator now. */
  readonly alarms: () => readonly Alarm[];
  readonly readiness?: () => Promise<Readiness>;
};

function healthAnswer({ alarms }: HealthParts) {
  const troubled = [...new Set(alarms().map(({ part }) => part))];
  const isWell = troubled.length === 0;
  return {
    code: isWell ? 200 : 503,
    body: { status: isWell ? "ok" : "degraded", alarms: troubled },
  };
}

async function readyAnswer({ readiness }: HealthParts) {
  const state = (await readiness?.()) ?? { ready: true, parts: {} };
  return { code: state.ready ? 200 : 503, body: state };
}

/** The two paths on the API's listener; without an audit entry, so that they always answer. */
export function serveHealth(server: FastifyInstance, parts: HealthParts): void {
  server.get("/healthz", async (_request, reply) => {
    const { code, body } = healthAnswer(parts);
    reply.code(code).header("cache-control", "no-store");
    return body;
  });
  server.get("/readyz", async (_request, reply) => {
    const { code, body } = await readyAnswer(parts);
    reply.code(code).header("cache-control", "no-store");
    return body;
  });
}

/** All three for a listener of the loopback, for programs of this machine that watch it. */
export function loopbackHealth(parts: HealthParts, metricsText: () => Promise<string>): Mount {
  const json = ({ code, body }: { code: number; body: object }): MountAnswer => ({
    status: code,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return {
    prefix: "",
    answer: async ({ method, path }) => {
      if (method !== "GET") return { status: 405, headers: {}, body: "" };
      if (path === "/healthz") return json(healthAnswer(parts));
      if (path === "/readyz") return json(await readyAnswer(parts));
      if (path !== "/metrics") return { status: 404, headers: {}, body: "" };
      const headers = { "content-type": PROMETHEUS_TYPE };
      return { status: 200, headers, body: await metricsText() };
    },
  };
}
