/** Handlers of findings, incidents and responses. */
import { type Context, timeText } from "../../kernel/context.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { type Service, service } from "../../kernel/service.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { CodedText } from "../../lib/coded-text.ts";
import {
  automaticResponseDefault,
  type Incident,
  incidentContract,
  type Response,
} from "./contract.ts";
import { blockableCidr, responseState } from "./domain.ts";
import { type IncidentRow, incidentStore, type ResponseRow } from "./store.ts";
import { tell } from "./texts.ts";

const incidentFields = [
  "incidentId",
  "title",
  "siteId",
  "sourceIp",
  "status",
  "severity",
  "categories",
  "scoreTotal",
  "eventCount",
  "lastTime",
];
const findingFields = ["findingId", "incidentId", "siteId", "sourceIp", "category", "severity"];
const responseFields = ["responseId", "cidr", "siteId", "incidentId", "state", "automatic"];

/** Planes that enforce a blocked source. */
export const enforcingPlanes = ["gateway", "network"] as const;

/** The incident service. */
export function incidentService(): Service {
  return service(incidentContract, {
    async listIncidents(context, input) {
      const { sql, accountId } = context;
      const rows = await incidentStore(sql).listIncidents(accountId);
      const responses = await loadResponses(context);
      const page = pageInMemory(
        rows.map((row) => incidentView(row, responses)),
        input,
        incidentFields,
      );
      return { incidents: page.items, totalCount: page.totalCount };
    },
    async getIncident(context, { incidentId }) {
      const { sql, accountId } = context;
      const store = incidentStore(sql);
      const row = await loadIncident(context, incidentId);
      const responses = await loadResponses(context);
      return {
        incident: incidentView(row, responses),
        findings: await store.listFindings(accountId, incidentId),
        timeline: await store.listTimeline(accountId, incidentId),
        responses: responses.filter((response) => response.incidentId === incidentId),
      };
    },
    updateIncident: (context, input) => updateIncident(context, input),
    async listFindings({ sql, accountId }, input) {
      const findings = await incidentStore(sql).listFindings(accountId, undefined);
      const page = pageInMemory(findings, input, findingFields);
      return { findings: page.items, totalCount: page.totalCount };
    },
    async listResponses(context, input) {
      const page = pageInMemory(await loadResponses(context), input, responseFields);
      return { responses: page.items, totalCount: page.totalCount };
    },
    blockSource: (context, input) => blockSource(context, input),
    revokeResponse: (context, input) => revokeResponse(context, input.responseId),
    async getAutomaticResponse({ sql, accountId }) {
      return (await incidentStore(sql).getAutomaticResponse(accountId)) ?? automaticResponseDefault;
    },
    async setAutomaticResponse({ sql, accountId }, input) {
      await incidentStore(sql).putAutomaticResponse(accountId, input);
      return input;
    },
  });
}

function incidentView(row: IncidentRow, responses: readonly Response[]): Incident {
  const active = responses.find(
    (response) => response.incidentId === row.incidentId && response.state === "active",
  );
  return { ...row, activeResponseId: active?.responseId ?? null };
}

function responseView(row: ResponseRow, nowMs: number): Response {
  return { ...row, state: responseState(row, nowMs) };
}

async function loadResponses({ sql, accountId, nowMs }: Context): Promise<Response[]> {
  const rows = await incidentStore(sql).listResponses(accountId);
  return rows.map((row) => responseView(row, nowMs));
}

async function loadIncident({ sql, accountId }: Context, incidentId: string) {
  const row = await incidentStore(sql).getIncident(accountId, incidentId);
  if (row === undefined) throw new Problem("incident.incidentNotFound");
  return row;
}

async function updateIncident(
  context: Context,
  input: InputOf<typeof incidentContract.operations.updateIncident>,
): Promise<Incident> {
  const { sql, accountId, nowMs, caller } = context;
  const store = incidentStore(sql);
  const row = await loadIncident(context, input.incidentId);
  const entry = {
    time: timeText(nowMs),
    actor: caller.principalName,
    findingId: null,
    responseId: null,
  };
  const status = input.status ?? row.status;
  if (status !== row.status) {
    await store.putIncident(accountId, { ...row, status });
    const title = tell(`incident.now.${status}`, {});
    const detail = tell(`incident.was.${row.status}`, {});
    await store.insertTimelineEntry(accountId, row.incidentId, {
      ...entry,
      kind: "status",
      title: title.text,
      titleCoded: title.coded,
      detail: detail.text,
      detailCoded: detail.coded,
    });
  }
  if (input.note !== undefined && input.note !== "") {
    const title = tell("incident.note", {});
    await store.insertTimelineEntry(accountId, row.incidentId, {
      ...entry,
      kind: "note",
      title: title.text,
      titleCoded: title.coded,
      detail: input.note,
      detailCoded: null,
    });
  }
  await context.emit({
    type: "incident.incidentUpdated",
    message: tell(`incident.is.${status}`, { incidentId: row.incidentId }),
  });
  return incidentView({ ...row, status }, await loadResponses(context));
}

async function blockSource(
  context: Context,
  input: InputOf<typeof incidentContract.operations.blockSource>,
): Promise<Response> {
  const { sql, accountId, nowMs, caller } = context;
  const store = incidentStore(sql);
  const cidr = blockableCidr(input.cidr);
  if (cidr === undefined) throw new Problem("incident.cidrInvalid");
  if (input.siteId !== undefined && !(await store.siteExists(accountId, input.siteId))) {
    throw new Problem("incident.siteNotFound");
  }
  if (input.incidentId !== undefined) await loadIncident(context, input.incidentId);
  const row: ResponseRow = {
    responseId: context.newId("resp"),
    kind: "blockSource",
    cidr,
    siteId: input.siteId ?? null,
    incidentId: input.incidentId ?? null,
    reason: input.reason ?? "",
    reasonCoded: null,
    automatic: false,
    createdBy: caller.principalName,
    createTime: timeText(nowMs),
    expireTime: timeText(nowMs + input.ttlSeconds * 1000),
    revokeTime: null,
  };
  await store.insertResponse(accountId, row);
  await recordResponse(context, row, {
    title: tell("incident.blocked", { cidr, minutes: Math.ceil(input.ttlSeconds / 60) }),
    type: "incident.sourceBlocked",
  });
  return responseView(row, nowMs);
}

async function revokeResponse(context: Context, responseId: string): Promise<Response> {
  const { sql, accountId, nowMs } = context;
  const responses = await loadResponses(context);
  const response = responses.find((one) => one.responseId === responseId);
  if (response === undefined) throw new Problem("incident.responseNotFound");
  if (response.state !== "active") throw new Problem("incident.responseNotActive");
  const revokeTime = timeText(nowMs);
  await incidentStore(sql).revokeResponse(accountId, responseId, revokeTime);
  await recordResponse(context, response, {
    title: tell("incident.blockUndone", { cidr: response.cidr }),
    type: "incident.responseRevoked",
  });
  return { ...response, revokeTime, state: "revoked" };
}

async function recordResponse(
  context: Context,
  response: ResponseRow,
  { title, type }: { title: CodedText; type: string },
): Promise<void> {
  const { sql, accountId, nowMs, caller } = context;
  if (response.incidentId !== null) {
    await incidentStore(sql).insertTimelineEntry(accountId, response.incidentId, {
      time: timeText(nowMs),
      kind: "response",
      title: title.text,
      titleCoded: title.coded,
      detail: response.reason,
      detailCoded: response.reasonCoded,
      actor: caller.principalName,
      findingId: null,
      responseId: response.responseId,
    });
  }
  await context.emit({ type, message: title, severityId: 3 });
  for (const plane of enforcingPlanes) await context.intentChanged(plane);
}
