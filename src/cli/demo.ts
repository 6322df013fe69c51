/**
 * `cordon demo`: starts the vulnerable shop of `examples/`, protects it, and sends a bounded
 * mixture
 * of ordinary traffic and attacks through the gateway, so that the console has a story to tell.
 */
import { randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { catalog } from "../catalog.ts";
import { type Config, programFolder, readConfig } from "../kernel/config.ts";
import { hostPort } from "../lib/host-port.ts";
import { call, storedKey } from "./api-client.ts";
import { demoRequests } from "./demo-traffic.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";

const DOMAIN = "shop.localhost";
const ROUNDS = 3;
const PAUSE_MS = 15;

type Site = { readonly siteId: string; readonly domains: readonly string[] };

export async function demo(args: readonly string[]): Promise<ExitStatus> {
  const stay = !args.includes("--no-wait");
  const config = readConfig(process.env);
  if (!existsSync(join(config.dataFolder, "up.lock"))) await startDetached();
  if (storedKey(config) === undefined) await firstSetup(config);
  const { startShop } = await loadShop();
  const shop = await startShop(0);
  try {
    const site = await protectShop(`http://127.0.0.1:${shop.port}`);
    say(`shop       http://${DOMAIN}:${config.gateway.httpPort}/ behind the gateway, mode block`);
    await sleep(1_000);
    const { sent, refused } = await sendTraffic(config);
    say(`traffic    ${sent} requests sent, ${refused} refused by the gateway`);
    await sleep(2_500);
    await tellStory(site);
    say(`console    https://${hostPort(config.console)}/`);
    if (stay) {
      say("The shop goes on until Ctrl-C. Attack it yourself:");
      say(`  curl 'http://${DOMAIN}:${config.gateway.httpPort}/product?id=1%20or%201=1'`);
      await new Promise<void>((resolve) => {
        process.once("SIGINT", resolve);
        process.once("SIGTERM", resolve);
      });
    }
  } finally {
    await shop.stop();
  }
  return EXIT.ok;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function startDetached(): Promise<void> {
  const { up } = await import("./up/command.ts");
  await up(["--detach"]);
}

/** The example is no part of the program, so it is found by its place and not imported. */
async function loadShop(): Promise<typeof import("../../examples/shop/main.ts")> {
  const file = join(programFolder, "examples", "shop", "main.ts");
  if (!existsSync(file)) throw new CommandError(`Cannot find the example shop at ${file}`);
  return (await import(file)) as typeof import("../../examples/shop/main.ts");
}

/** No account yet: the demo makes one, with a password that only the operator can read. */
async function firstSetup(config: Config): Promise<void> {
  if (!existsSync(join(config.folders.run, "setup-token"))) {
    throw new CommandError("The command line has no key for this Cordon", {
      fix: "run ./cordon sign-in --account NAME --user NAME first",
      status: EXIT.denied,
    });
  }
  const password = process.env.CORDON_PASSWORD ?? randomBytes(15).toString("base64url");
  process.env.CORDON_PASSWORD = password;
  const { setup } = await import("./sign-in.ts");
  await setup(["--account", "main", "--user", "admin"]);
  const file = join(config.folders.keys, "first-password");
  writeFileSync(file, `${password}\n`, { mode: 0o600 });
  say(`sign in    account main, user admin; the password lies in ${file}`);
}

async function protectShop(upstream: string): Promise<Site> {
  const { listSites, createSite, updateSite } = catalog.waf.operations;
  const filters = [{ name: "domains", values: [DOMAIN] }];
  const { sites } = (await call(catalog.waf, listSites, { filters })) as { sites: Site[] };
  const [known] = sites;
  const settings = { upstreams: [upstream], mode: "block" };
  const site =
    known === undefined
      ? await call(catalog.waf, createSite, { domains: [DOMAIN], ...settings })
      : await call(catalog.waf, updateSite, { siteId: known.siteId, ...settings });
  return site as Site;
}

async function sendTraffic(config: Config): Promise<{ sent: number; refused: number }> {
  let sent = 0;
  let refused = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const request of demoRequests) {
      const status = await send(config, request);
      sent += 1;
      if (status === 403) refused += 1;
      await sleep(PAUSE_MS);
    }
  }
  return { sent, refused };
}

function send(config: Config, request: (typeof demoRequests)[number]): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = http.request(
      {
        host: config.gateway.host,
        port: config.gateway.httpPort,
        // Several addresses of the loopback block stand for several people.
        localAddress: request.from,
        method: request.body === undefined ? "GET" : "POST",
        path: request.path,
        headers: {
          host: DOMAIN,
          "user-agent": request.userAgent,
          accept: "text/html",
          ...(request.body === undefined
            ? {}
            : { "content-type": "application/x-www-form-urlencoded" }),
        },
      },
      (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0));
      },
    );
    outgoing.on("error", reject);
    outgoing.end(request.body);
  });
}

async function tellStory({ siteId }: Site): Promise<void> {
  const filters = [{ name: "siteId", values: [siteId] }];
  const { incidents } = (await call(catalog.incident, catalog.incident.operations.listIncidents, {
    filters,
  })) as { incidents: { severity: string; title: string; eventCount: number }[] };
  for (const incident of incidents) {
    say(
      `incident   ${incident.severity.padEnd(8)} ${incident.title} (${incident.eventCount} requests)`,
    );
  }
}
