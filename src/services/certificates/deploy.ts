/** Binds certificates to sites, hands them to the gateways, and looks at what is really served. */
import { type Context, timeText } from "../../kernel/context.ts";
import { writeSystemEvent } from "../../kernel/events/system-event.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Database, Sql } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { CodedText } from "../../lib/coded-text.ts";
import { bindingState, limits, probeName, requireServable } from "./domain.ts";
import { loadCertificate } from "./inventory.ts";
import type { inventoryOperations } from "./inventory-contract.ts";
import type { Binding } from "./resources.ts";
import { servedFingerprints } from "./served.ts";
import { type BindingRow, certificateStore, certificateSystemStore } from "./store.ts";
import { tell } from "./texts.ts";

type Told = { readonly type: string; readonly severityId: number; readonly message: CodedText };

type Operations = typeof inventoryOperations;

const PLANE = "gateway";
const bindingFields = ["siteId", "certificateId", "state"];

/** What this service asks of others; `sql` is the transaction of the call. */
export type DeployParts = {
  /** Domains of a site of the account; undefined when it has none of this id. */
  readonly siteDomains: (
    sql: Sql,
    accountId: string,
    siteId: string,
  ) => Promise<readonly string[] | undefined>;
  /** Where the gateway of this machine serves HTTPS. */
  readonly gateway: { readonly host: string; readonly httpsPort: number };
};

export function deployHandlers(parts: DeployParts) {
  return {
    async listBindings(context: Context, input: InputOf<Operations["listBindings"]>) {
      const rows = await certificateStore(context.sql).listBindings(context.accountId);
      const page = pageInMemory(rows.map(bindingView), input, bindingFields);
      return { bindings: page.items, totalCount: page.totalCount };
    },
    getBinding: async (context: Context, { siteId }: InputOf<Operations["getBinding"]>) =>
      bindingView(await loadBinding(context, siteId)),
    async bindCertificate(context: Context, input: InputOf<Operations["bindCertificate"]>) {
      const { sql, accountId, nowMs } = context;
      const domains = await parts.siteDomains(sql, accountId, input.siteId);
      if (domains === undefined) throw new Problem("certificates.siteNotFound");
      const row = await loadCertificate(context, input.certificateId);
      requireServable(row, { domains, nowMs });
      await certificateStore(sql).putBinding(accountId, { ...input, time: timeText(nowMs) });
      await context.emit({
        type: "certificates.certificateBound",
        message: `Site ${input.siteId} is to be served with certificate "${row.name}"`,
        resource: input.certificateId,
      });
      await context.intentChanged(PLANE);
      return bindingView(await loadBinding(context, input.siteId));
    },
    async verifyBinding(context: Context, { siteId }: InputOf<Operations["verifyBinding"]>) {
      const binding = await loadBinding(context, siteId);
      await look(parts, context.sql, { binding, nowMs: context.nowMs });
      return bindingView(await loadBinding(context, siteId));
    },
    async deleteBinding(context: Context, { siteId }: InputOf<Operations["deleteBinding"]>) {
      const binding = await loadBinding(context, siteId);
      await certificateStore(context.sql).deleteBinding(context.accountId, siteId);
      await context.emit({
        type: "certificates.certificateUnbound",
        message: `Site ${siteId} is served with Cordon's own certificate again`,
        resource: binding.certificateId,
      });
      await context.intentChanged(PLANE);
      return {};
    },
  };
}

function bindingView({ accountId: _, ...binding }: BindingRow): Binding {
  return {
    siteId: binding.siteId,
    certificateId: binding.certificateId,
    state: binding.state,
    stateReason: binding.stateReason,
    servedFingerprint: binding.servedFingerprint,
    checkTime: binding.checkTime,
    createTime: binding.createTime,
  };
}

async function loadBinding({ sql, accountId }: Context, siteId: string): Promise<BindingRow> {
  const binding = await certificateStore(sql).getBinding(accountId, siteId);
  if (binding === undefined) throw new Problem("certificates.bindingNotFound");
  return binding;
}

/** Connects for every domain of the site and writes down what was seen. */
async function look(
  parts: DeployParts,
  sql: Sql,
  { binding, nowMs }: { binding: BindingRow; nowMs: number },
): Promise<void> {
  const { accountId, siteId, certificateId } = binding;
  const store = certificateStore(sql);
  const wanted = await store.get(accountId, certificateId);
  const domains = await parts.siteDomains(sql, accountId, siteId);
  if (wanted === undefined || domains === undefined) return;
  const names = domains.map(probeName).slice(0, 10);
  const { served, fault } = await servedFingerprints(parts.gateway, names);
  const state = bindingState(binding, { wanted: wanted.fingerprint, served, fault, nowMs });
  const checkTime = timeText(nowMs);
  await store.setBindingState(accountId, { siteId, certificateId, ...state, checkTime });
  if (state.state === binding.state) return;
  const types: Partial<Record<Binding["state"], Told>> = {
    served: {
      ...{ type: "certificates.certificateServed", severityId: 1 },
      message: tell("certificates.siteServed", { siteId }),
    },
    drifted: {
      ...{ type: "certificates.bindingDrifted", severityId: 4 },
      message: tell("certificates.siteDrifted", { siteId }),
    },
    unverified: {
      ...{ type: "certificates.bindingUnverified", severityId: 3 },
      message: tell("certificates.siteUnverified", { siteId, fault: state.stateReason }),
    },
  };
  const event = types[state.state];
  if (event === undefined) return;
  await writeSystemEvent(sql, {
    accountId,
    nowMs,
    ...event,
    resource: certificateId,
    data: { siteId, certificateId, servedFingerprint: state.servedFingerprint },
  });
}

/** Looks at every binding that is new, or was not looked at for a while. */
export async function verifyBindings(
  parts: DeployParts & { readonly database: Database },
  nowMs: number,
): Promise<void> {
  const before = timeText(nowMs - limits.verifyEveryMs);
  const due = await parts.database.transaction("system", (sql) =>
    certificateSystemStore(sql).listDueBindings(before, limits.bindingsPerRunMax),
  );
  for (const binding of due) {
    await parts.database.transaction("system", (sql) => look(parts, sql, { binding, nowMs }));
  }
}
