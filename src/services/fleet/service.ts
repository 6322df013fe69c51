/** Handlers of the fleet, and the registry behind its listener. */
import { type Context, timeText } from "../../kernel/context.ts";
import { type Alarm, alarmOf } from "../../kernel/health.ts";
import { newId, newSecret } from "../../kernel/id.ts";
import { hashSecret } from "../../kernel/identity/authenticate.ts";
import type { NodeRegistry } from "../../kernel/intent/listener.ts";
import { Problem } from "../../kernel/problem.ts";
import { type Service, service } from "../../kernel/service.ts";
import type { Database, Sql } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { fleetContract, type Node } from "./contract.ts";
import { limits, nodeState } from "./domain.ts";
import { fleetStore, type NodeRow } from "./store.ts";
import { tell } from "./texts.ts";

export type FleetParts = {
  readonly database: Database;
  /** What this machine itself complains of. */
  readonly alarms: () => readonly Alarm[];
  readonly metricsText: () => Promise<string>;
};

/** The fleet service. */
export function fleetService({ database, alarms: ofMachine, metricsText }: FleetParts): Service {
  const nodes = (nowMs: number) =>
    database.transaction("system", async (sql) =>
      (await fleetStore(sql).listNodes()).map((row) => nodeView(row, nowMs)),
    );
  return service(fleetContract, {
    async listNodes(context, input) {
      requireOperator(context);
      const page = pageInMemory(await nodes(context.nowMs), input, [
        "nodeId",
        "name",
        "plane",
        "state",
      ]);
      return { nodes: page.items, totalCount: page.totalCount };
    },
    async getNode(context, { nodeId }) {
      requireOperator(context);
      const node = (await nodes(context.nowMs)).find((one) => one.nodeId === nodeId);
      if (node === undefined) throw new Problem("fleet.nodeNotFound");
      return node;
    },
    async getHealth(context) {
      requireOperator(context);
      const alarms = [...ofMachine(), ...(await nodes(context.nowMs)).flatMap(nodeAlarms)];
      return { ok: alarms.length === 0, alarms };
    },
    async readMetrics(context) {
      requireOperator(context);
      return { text: await metricsText() };
    },
    async createJoinToken(context, { name, plane }) {
      requireOperator(context);
      return context.asSystem((sql) => createJoinToken(sql, { name, plane, nowMs: context.nowMs }));
    },
    async removeNode(context, { nodeId }) {
      requireOperator(context);
      const removed = await context.asSystem((sql) => fleetStore(sql).deleteNode(nodeId));
      if (removed.length === 0) throw new Problem("fleet.nodeNotFound");
      await context.emit({ type: "fleet.nodeRemoved", message: `Node ${nodeId} was removed` });
      return {};
    },
  });
}

function requireOperator({ caller }: Context): void {
  if (!caller.operator) throw new Problem("account.operatorOnly");
}

/** What a node says it cannot do; a silent one says nothing, which is an alarm too. */
function nodeAlarms({ name, state, messages }: Node): Alarm[] {
  const fix = tell("fleet.lookAtNode", {});
  if (state === "silent") return [alarmOf(name, tell("fleet.nodeSilent", {}), fix)];
  // In the node's own words.
  return messages.map((text) => alarmOf(name, { text, coded: null }, fix));
}

function nodeView(row: NodeRow, nowMs: number): Node {
  const { nodeId, name, plane, wantedVersion, runningVersion, status } = row;
  const failures = status.failures ?? [];
  const lastSeenMs = row.lastSeenTime === null ? undefined : Date.parse(row.lastSeenTime);
  const failureCount = failures.length;
  return {
    nodeId,
    name,
    plane,
    state: nodeState({ wantedVersion, runningVersion, failureCount, lastSeenMs, nowMs }),
    wantedVersion,
    runningVersion,
    messages: [
      ...(status.messages ?? []),
      ...failures.map((one) => `${one.siteId}: ${one.message}`),
    ],
    lastSeenTime: row.lastSeenTime,
    createTime: row.createTime,
  };
}

/** Makes a one-time token with which a node of this plane may join; in the system's scope. */
export async function createJoinToken(
  sql: Sql,
  { name, plane, nowMs }: { name: string; plane: string; nowMs: number },
) {
  const token = newSecret();
  const expireTime = timeText(nowMs + limits.joinTokenTtlMs);
  const hash = hashSecret(token);
  await fleetStore(sql).insertJoinToken({ hash, name, plane, expireTime });
  return { token, expireTime };
}

/** The registry that the fleet's listener asks. */
export function nodeRegistry(database: Database, clock: () => number): NodeRegistry {
  const systemTransaction = <Result>(
    work: (store: ReturnType<typeof fleetStore>) => Promise<Result>,
  ): Promise<Result> => database.transaction("system", (sql) => work(fleetStore(sql)));
  return {
    join: (token, admit) =>
      systemTransaction(async (store) => {
        const taken = await store.takeJoinToken(hashSecret(token), timeText(clock()));
        if (taken === undefined) return undefined;
        const nodeId = newId("node");
        const fingerprint = await admit(nodeId);
        await store.insertNode({ ...taken, nodeId, fingerprint, createTime: timeText(clock()) });
        return nodeId;
      }),
    find: (fingerprint) => systemTransaction((store) => store.findByFingerprint(fingerprint)),
    renew: (nodeId, fingerprint) =>
      systemTransaction((store) => store.offerFingerprint(nodeId, fingerprint)),
    report: (nodeId, status) =>
      systemTransaction(async (store) => {
        const runningVersion = Number(status.runningVersion);
        await store.report(nodeId, {
          ...status,
          runningVersion: Number.isSafeInteger(runningVersion) ? runningVersion : 0,
          time: timeText(clock()),
        });
      }),
    seen: (nodeId) => systemTransaction((store) => store.seen(nodeId, timeText(clock()))),
  };
}

/** What every node runs and counted, for metrics. */
export async function nodeCounts(database: Database) {
  const rows = await database.transaction("system", (sql) => fleetStore(sql).listNodes());
  return rows.map(({ name, plane, runningVersion, status }) => ({
    ...{ name, plane, runningVersion },
    workers: status.workers ?? [],
  }));
}

/** What the gateways run, for those who show whether a change has arrived. */
export async function gatewayReports(database: Database) {
  const rows = await database.transaction("system", (sql) => fleetStore(sql).listNodes());
  return rows
    .filter((row) => row.plane === "gateway")
    .map(({ name, runningVersion, wantedVersion, status }) => ({
      name,
      runningVersion,
      wantedVersion,
      failures: status.failures ?? [],
      upstreams: status.upstreams ?? [],
      pages: status.pages ?? [],
      geoDatabases: status.geoDatabases ?? [],
    }));
}
