/** What a start leaves in files: tickets of the embedded data planes, and the set-up token. */
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readIdentity } from "../kernel/intent/identity-file.ts";
import { joinTicketFile } from "../kernel/intent/protocol.ts";
import { renewSetupToken } from "../services/account/service.ts";
import { createJoinToken } from "../services/fleet/service.ts";
import type { Foundations } from "./foundations.ts";
import { clock, config, consoleUrl } from "./settings.ts";

/** The embedded data planes join like any other node: with a ticket they find in their folder. */
export async function writeJoinTickets({ database, authority }: Foundations): Promise<void> {
  const planes = [
    { plane: "gateway", folder: config.folders.gateway },
    { plane: "network", folder: join(config.dataFolder, "netd") },
  ];
  for (const { plane, folder } of planes) {
    if (readIdentity(folder, clock()) !== undefined) continue;
    const name = `${plane} on this machine`;
    const { token } = await database.transaction("system", (sql) =>
      createJoinToken(sql, { name, plane, nowMs: clock() }),
    );
    const url = `https://127.0.0.1:${config.fleet.port}`;
    const ticket = { url, token, authorityPem: authority.certificatePem };
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, `${joinTicketFile}.new`), JSON.stringify(ticket), { mode: 0o600 });
    renameSync(join(folder, `${joinTicketFile}.new`), join(folder, joinTicketFile));
  }
}

/** The set-up token also lies in a file, so that the command line on this machine can use it. */
export async function offerSetup({ database }: Foundations): Promise<string | undefined> {
  const token = await renewSetupToken(database, clock());
  const file = join(config.folders.run, "setup-token");
  if (token === undefined) {
    rmSync(file, { force: true });
    return undefined;
  }
  mkdirSync(config.folders.run, { recursive: true, mode: 0o700 });
  writeFileSync(file, token, { mode: 0o600 });
  chmodSync(file, 0o600);
  return `${consoleUrl}/setup#${token}`;
}
