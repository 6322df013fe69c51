/**
 * A site that much is known of: visitors with names from several networks and countries, attacks,
 * slow and broken answers, exclusions that its traffic suggests, a compliance check, and reports
 * that are made by themselves and mailed.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writeMmdb } from "../../src/kernel/geo/mmdb-test-kit.ts";
import { startMailServer } from "../mail-server.ts";
import { type Stack, until } from "../stack.ts";
import { callOf } from "./awkward-account.ts";

export const BUSY_DOMAIN = "busy.localhost";
const SLOW_MS = 400;
/** What ordinary visitors write here and general rules take for attacks. */
const NOTE = "/notes?text=1%27%20or%201=1--%20-";
const REPLY = "/forum/7/reply?body=%3Cscript%3Ex%3C/script%3E";
/** Of the loopback block: each stands for a network of its own, in a country of its own. */
const VISITORS = [
  { localAddress: "127.0.1.1", name: "alice", country: "DE", writes: NOTE },
  { localAddress: "127.0.2.1", name: "bob", country: "CN", writes: NOTE },
  { localAddress: "127.0.3.1", name: "wang.xiaoming", country: "CN", writes: NOTE },
  { localAddress: "127.0.4.1", name: "carol@example.com", country: "US", writes: REPLY },
  { localAddress: "127.0.5.1", name: "dave", country: "FR", writes: REPLY },
  { localAddress: "127.0.8.1", name: "erin", country: "CN", writes: REPLY },
] as const;
const ATTACKERS = [
  { localAddress: "127.0.6.1", country: "BR" },
  { localAddress: "127.0.7.1", country: "" },
] as const;
const ORDINARY = ["/", "/products?page=2", "/products/17", "/basket", "/slow", "/broken"];
const ATTACKS = [
  "/products?id=1%20union%20select%20password%20from%20users",
  "/search?q=%3Cimg%20src=x%20onerror=alert(1)%3E",
  "/manual?file=../../../../etc/passwd",
  "/search?q=;cat%20/etc/passwd",
];

/** The application behind it, and its mailbox. */
async function startBackground() {
  const origin = createServer(async (request, response) => {
    if (request.url === "/slow") await sleep(SLOW_MS);
    response.statusCode = request.url === "/broken" ? 500 : 200;
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html><title>Shop</title><h1>Shop</h1><p>${request.method}</p>`);
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const address = origin.address();
  const mail = await startMailServer(true);
  return {
    mail,
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`,
    async stop() {
      origin.closeAllConnections();
      origin.close();
      await mail.close();
    },
  };
}

/** Puts a country database where an operator would. */
export function writeCountries(dataFolder: string): void {
  const folder = join(dataFolder, "gateway", "geo");
  mkdirSync(folder, { recursive: true });
  const blocks = [...VISITORS, ...ATTACKERS].flatMap(({ localAddress, country }) =>
    country === "" ? [] : [[`${localAddress}/24`, { country: { iso_code: country } }] as const],
  );
  writeFileSync(
    join(folder, "country.mmdb"),
    writeMmdb("GeoLite2-Country", Object.fromEntries(blocks)),
  );
}

/** Makes the site and sends its traffic; what stands behind it runs until it is stopped. */
export async function startBusySite(stack: Stack) {
  const call = callOf(stack);
  const background = await startBackground();
  const upstreams = [background.url];
  const site = { domains: [BUSY_DOMAIN], upstreams, mode: "observe" };
  const { siteId } = await call("POST", "waf/sites", site);
  const own = (method: string, path: string, body?: object) =>
    call(method, `appgateway/sites/${siteId}/${path}`, body);
  await own("PUT", "userAudit", { identitySource: "header", identityName: "X-User" });
  await own("PUT", "learning", {
    ...{ learning: true, requestsMin: 6, networksMin: 3, spanHoursMin: 0 },
  });
  // A condition on countries, so that the gateway asks for them.
  const geo = { mode: "blockThese", countries: ["AQ"], asns: [], unknown: "allow" };
  await call("PATCH", `waf/sites/${siteId}/policy`, { geo });
  const isApplied = async () =>
    (await stack.api("GET", `/v1/waf/sites/${siteId}`)).result.state === "applied";
  await until("the gateway follows", isApplied, 60_000);
  await sendTraffic(stack);
  const { channel } = await call("POST", "notify/channels", {
    ...{ name: "Reports to the board", ...background.mail.settings },
  });
  await own("PUT", "reportSchedule", {
    ...{ every: "day", keptMax: 30, mailChannelIds: [channel.channelId] },
    ...{ mailFormats: ["pdf", "csv"], mailLanguage: "en" },
  });
  await own("POST", "complianceChecks", {});
  return { siteId: String(siteId), channelId: String(channel.channelId), ...background };
}

async function sendTraffic(stack: Stack): Promise<void> {
  for (const { localAddress, name, writes } of VISITORS) {
    const headers = { "x-user": name };
    for (const path of [...ORDINARY, writes, writes]) {
      await stack.site(BUSY_DOMAIN, path, { localAddress, headers });
    }
  }
  for (const { localAddress } of ATTACKERS) {
    for (const path of ATTACKS) await stack.site(BUSY_DOMAIN, path, { localAddress });
  }
}
