/** Puts proofs where the provider looks: at the gateways, or in the DNS; and takes them away. */
import { randomBytes } from "node:crypto";
import { connect, isIP } from "node:net";
import { dnsName, dnsValue, keyAuthorization } from "../../../engines/acme/challenge.ts";
import { updateFault, writeUpdate } from "../../../engines/acme/dns-update.ts";
import type { KeptAuthorization } from "../../../engines/acme/order.ts";
import type { Outbound } from "../../../kernel/outbound.ts";
import { applyStore, type DnsProviderRow, type OrderRow } from "../apply-store.ts";
import { openSecret, purposes } from "../sealing.ts";
import type { ClientParts } from "./parts.ts";
import { AcmeRefusal } from "./session.ts";

const TTL_SECONDS = 60;
const DNS_TIMEOUT_MS = 10_000;
const DNS_ANSWER_BYTES_MAX = 65_537;

type Place = { readonly order: OrderRow; readonly authorization: KeptAuthorization };

/** Shows one proof. It may be called again for the same one. */
export async function presentProof(
  parts: ClientParts,
  { order, authorization }: Place,
  accountThumbprint: string,
): Promise<void> {
  const proof = keyAuthorization(authorization.token, accountThumbprint);
  const { accountId, orderId } = order;
  if (order.challenge === "dns-01") {
    await changeTxt(parts, { order, authorization }, { action: "present", proof });
    return;
  }
  const domain = authorization.name;
  await parts.database.transaction({ accountId }, async (sql) => {
    // INVARIANT: an account proves only names that its own sites are served for; the gateway is
    // shared, and a proof for another's name would give away that name.
    if (!(await parts.ownsDomain(sql, accountId, domain))) {
      throw new AcmeRefusal(`${domain} is no domain of a site of this account`);
    }
    const { token } = authorization;
    await applyStore(sql).putAnswer(accountId, {
      ...{ token, orderId, domain, keyAuthorization: proof },
    });
    await sql`insert into intent_change (plane) values ('gateway')`;
  });
  await parts.refreshIntent();
}

/** Whether the provider would find the proofs by now. */
export async function proofsReady(
  parts: ClientParts,
  order: OrderRow,
  presentedMs: number,
): Promise<boolean> {
  if (order.challenge === "http-01") return parts.gatewaysFollow();
  const provider = await dnsProviderOf(parts, order);
  return parts.clock() - presentedMs >= provider.settings.propagationSeconds * 1000;
}

/** Takes all proofs of an order away; a DNS server that fails now keeps a useless record. */
export async function removeProofs(
  parts: ClientParts,
  order: OrderRow,
  accountThumbprint: string,
): Promise<void> {
  const { accountId, orderId } = order;
  if (order.challenge === "http-01") {
    const changed = await parts.database.transaction({ accountId }, async (sql) => {
      const deleted = await applyStore(sql).deleteAnswers(accountId, orderId);
      if (deleted) await sql`insert into intent_change (plane) values ('gateway')`;
      return deleted;
    });
    if (changed) await parts.refreshIntent();
    return;
  }
  for (const authorization of order.progress.authorizations ?? []) {
    if (!authorization.presented) continue;
    const proof = keyAuthorization(authorization.token, accountThumbprint);
    await changeTxt(parts, { order, authorization }, { action: "remove", proof }).catch(() => {});
  }
}

async function dnsProviderOf(parts: ClientParts, order: OrderRow): Promise<DnsProviderRow> {
  const { accountId, dnsProviderId } = order;
  const provider = await parts.database.transaction({ accountId }, (sql) =>
    applyStore(sql).getDnsProvider(accountId, dnsProviderId ?? ""),
  );
  if (provider === undefined) throw new AcmeRefusal("The DNS provider of the order is gone");
  return provider;
}

async function changeTxt(
  parts: ClientParts,
  { order, authorization }: Place,
  { action, proof }: { action: "present" | "remove"; proof: string },
): Promise<void> {
  const provider = await dnsProviderOf(parts, order);
  const owner = { purpose: purposes.dnsSecret, accountId: order.accountId };
  const secret = await openSecret(parts.sealer, owner, provider.secretSealed);
  const change = {
    action,
    name: dnsName(authorization.name),
    value: dnsValue(proof),
    ttlSeconds: TTL_SECONDS,
  };
  if (provider.kind === "webhook") await callWebhook(parts.outbound, { provider, secret, change });
  else await sendUpdate(parts.outbound, { provider, secret, change });
}

type Change = {
  readonly provider: DnsProviderRow;
  readonly secret: Buffer;
  readonly change: {
    readonly action: "present" | "remove";
    readonly name: string;
    readonly value: string;
    readonly ttlSeconds: number;
  };
};

async function callWebhook(outbound: Outbound, { provider, secret, change }: Change) {
  const { status } = await outbound.request({
    url: provider.settings.url ?? "",
    method: "POST",
    headers: {
      authorization: `Bearer ${secret.toString("utf8")}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(change),
  });
  if (status < 200 || status > 299) {
    throw new AcmeRefusal(`The webhook "${provider.name}" answered ${status}`);
  }
}

async function sendUpdate(outbound: Outbound, { provider, secret, change }: Change) {
  const { server = "", zone = "", keyName = "" } = provider.settings;
  const [, host = "", port = ""] = /^(.*):(\d{1,5})$/.exec(server) ?? [];
  const bare = host.replace(/^\[|\]$/g, "");
  if (isIP(bare) === 0) throw new AcmeRefusal(`"${server}" is not address:port`);
  const address = outbound.checked(bare);
  const id = randomBytes(2).readUInt16BE();
  const key = { name: keyName, secret: Buffer.from(secret.toString("latin1"), "base64") };
  const nowSeconds = Math.floor(Date.now() / 1000);
  const message = writeUpdate({ zone, ...change }, key, { id, nowSeconds });
  const answer = await askOverTcp({ address, port: Number(port) }, message);
  const fault = updateFault(answer, id);
  if (fault !== "") throw new AcmeRefusal(`The DNS server "${provider.name}" refused: ${fault}`);
}

/** One question and its answer, each behind two octets of length (RFC 1035 §4.2.2). */
function askOverTcp(place: { address: string; port: number }, message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(place.port, place.address);
    let bytes = Buffer.alloc(0);
    const fail = (why: string) => {
      socket.destroy();
      reject(new AcmeRefusal(`The DNS server ${place.address}: ${why}`));
    };
    socket.setTimeout(DNS_TIMEOUT_MS, () => fail(`no answer in ${DNS_TIMEOUT_MS} ms`));
    socket.once("error", (error) => fail(error.message));
    socket.once("close", () => fail("closed without an answer"));
    socket.on("data", (piece: Buffer) => {
      bytes = Buffer.concat([bytes, piece]);
      if (bytes.length > DNS_ANSWER_BYTES_MAX) fail("the answer is too long");
      if (bytes.length < 2 || bytes.length < 2 + bytes.readUInt16BE()) return;
      resolve(bytes.subarray(2, 2 + bytes.readUInt16BE()));
      socket.destroy();
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    socket.write(Buffer.concat([length, message]));
  });
}
