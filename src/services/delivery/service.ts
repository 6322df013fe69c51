/** Handlers of application delivery. */
import { type Context, timeText } from "../../kernel/context.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { type Service, service } from "../../kernel/service.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { deliveryContract } from "./contract.ts";
import {
  type Concern,
  type Concerns,
  checkProtocols,
  checkTls,
  checkUpstreams,
  settled,
} from "./domain.ts";
import { pageHandlers } from "./pages.ts";
import type { DeliveryParts } from "./parts.ts";
import { type DeliveryRow, deliveryStore } from "./store.ts";

const PLANE = "gateway";
const stateFields = ["upstream", "siteId", "gateway", "state"];

type Operations = typeof deliveryContract.operations;

/** The delivery service. */
export function deliveryService(parts: DeliveryParts): Service {
  const upstreamsOf = async ({ sql, accountId }: Context, siteId: string) => {
    const upstreams = await parts.siteUpstreams(sql, accountId, siteId);
    if (upstreams === undefined) throw new Problem("delivery.siteNotFound");
    return upstreams;
  };
  const read = async <Name extends Concern>(context: Context, siteId: string, concern: Name) => {
    await upstreamsOf(context, siteId);
    return viewOf(siteId, concern, await storeOf(context).get(context.accountId, siteId, concern));
  };
  return service(deliveryContract, {
    async getUpstreams(context, { siteId }) {
      const view = await read(context, siteId, "upstreams");
      const row = await storeOf(context).get(context.accountId, siteId, "upstreams");
      return { ...view, clientCertificateId: row?.clientCertificateId ?? null };
    },
    async setUpstreams(context, input) {
      const { siteId, clientCertificateId = null, ...given } = input;
      const settings = settled("upstreams", given);
      checkUpstreams(settings, await upstreamsOf(context, siteId));
      await requireKey(parts, context, clientCertificateId);
      const view = await write(context, {
        ...{ siteId, settings, clientCertificateId },
        concern: "upstreams",
      });
      return { ...view, clientCertificateId };
    },
    getTls: (context, { siteId }) => read(context, siteId, "tls"),
    async setTls(context, { siteId, ...given }) {
      await upstreamsOf(context, siteId);
      const settings = settled("tls", given);
      checkTls(settings);
      return write(context, { siteId, concern: "tls", settings, clientCertificateId: null });
    },
    getProtocols: (context, { siteId }) => read(context, siteId, "protocols"),
    async setProtocols(context, input) {
      const { siteId, ...given } = input;
      await upstreamsOf(context, siteId);
      const settings = settled("protocols", given);
      checkProtocols(settings);
      await requireListenersAllowed(context, siteId, settings);
      return write(context, { siteId, concern: "protocols", settings, clientCertificateId: null });
    },
    getContent: (context, { siteId }) => read(context, siteId, "content"),
    async setContent(context, { siteId, ...given }) {
      await upstreamsOf(context, siteId);
      const settings = settled("content", given);
      return write(context, { siteId, concern: "content", settings, clientCertificateId: null });
    },
    getLeaks: (context, { siteId }) => read(context, siteId, "leaks"),
    async setLeaks(context, { siteId, ...given }) {
      await upstreamsOf(context, siteId);
      const settings = settled("leaks", given);
      return write(context, { siteId, concern: "leaks", settings, clientCertificateId: null });
    },
    ...pageHandlers(parts),
    listUpstreamStates: (context, input) => listStates(parts, context, input),
  });
}

const storeOf = ({ sql }: Context) => deliveryStore(sql);

function viewOf<Name extends Concern>(siteId: string, concern: Name, row?: DeliveryRow) {
  const settings: Concerns[Name] = settled(concern, row?.settings ?? {});
  return { ...settings, siteId, updateTime: row?.updateTime ?? null };
}

async function write<Name extends Concern>(
  context: Context,
  given: {
    siteId: string;
    concern: Name;
    settings: Concerns[Name];
    clientCertificateId: string | null;
  },
) {
  const row = { ...given, updateTime: timeText(context.nowMs) };
  await storeOf(context).put(context.accountId, row);
  const { siteId, concern } = given;
  await context.emit({
    type: `delivery.${concern}Set`,
    message: `The ${concern} settings of site ${siteId} were changed`,
    resource: siteId,
  });
  await context.intentChanged(PLANE);
  return viewOf(siteId, concern, row);
}

async function requireKey(
  parts: DeliveryParts,
  { sql, accountId }: Context,
  certificateId: string | null,
): Promise<void> {
  if (certificateId === null || (await parts.hasKey(sql, accountId, certificateId))) return;
  const message = "there is no such certificate with a private key in the inventory";
  const details = [{ path: "/clientCertificateId", message }];
  throw new Problem("delivery.settingsInvalid", { details });
}

/**
 * Listeners are the machine's, not an account's: a port, and whose PROXY headers are believed,
 * concern every site. Only the operator may add; others may keep what they have.
 */
async function requireListenersAllowed(
  context: Context,
  siteId: string,
  wanted: Concerns["protocols"],
): Promise<void> {
  if (context.caller.operator) return;
  const row = await storeOf(context).get(context.accountId, siteId, "protocols");
  const known = settled("protocols", row?.settings ?? {});
  const isKept =
    wanted.httpPorts.every((port) => known.httpPorts.includes(port)) &&
    wanted.httpsPorts.every((port) => known.httpsPorts.includes(port)) &&
    wanted.proxyProtocolFrom.every((cidr) => known.proxyProtocolFrom.includes(cidr));
  if (!isKept) throw new Problem("delivery.listenersOperatorOnly");
}

async function listStates(
  parts: DeliveryParts,
  { sql, accountId }: Context,
  input: InputOf<Operations["listUpstreamStates"]>,
) {
  const own = new Set(await parts.siteIds(sql, accountId));
  const states = (await parts.reports()).flatMap(({ gateway, upstreams }) =>
    upstreams
      .filter(({ siteId }) => own.has(siteId) && (input.siteId ?? siteId) === siteId)
      .map((one) => ({
        ...one,
        gateway,
        upstreamStateId: `${gateway} ${one.siteId} ${one.upstream}`,
      })),
  );
  const page = pageInMemory(states, input, stateFields);
  return { upstreamStates: page.items, totalCount: page.totalCount };
}
