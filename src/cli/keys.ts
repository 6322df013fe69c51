/**
 * `cordon keys …`: opening the root of trust and the ceremony of its recovery shares. Passphrases
 * and shares are read from the terminal without echo, or from standard input, never from arguments.
 */
import { readConfig } from "../kernel/config.ts";
import { type KeydClient, keydClient } from "../kernel/keyd/client.ts";
import { KeydError, keydSocket } from "../kernel/keyd/protocol.ts";
import { type Ask, asking, askShares, askTwice } from "./ask.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";
import { wantsJson } from "./table.ts";
import { withShortRunFolder } from "./up/folders.ts";

const WAIT_MS = 8_000;
/** A device wraps some thousand keys a minute, or a few. */
const MOVE_WAIT_MS = 600_000;

export async function keysStatus(args: readonly string[]): Promise<ExitStatus> {
  const json = wantsJson(args);
  return withKeyd(async (keyd) => {
    const health = await keyd.health();
    if (json) process.stdout.write(`${JSON.stringify(health)}\n`);
    else {
      const rows = [
        ["state", health.state],
        ...(health.stateReason === "" ? [] : [["", health.stateReason]]),
        ["root", `${health.root}: ${health.rootProtection}`],
        [
          "older state",
          health.rollbackProtection === ""
            ? "noticed in the database alone, not in database and data/keys together"
            : `noticed by ${health.rollbackProtection}`,
        ],
        ["SM algorithms", health.smAlgorithms ? "available" : "not available here"],
        ...health.hardening.map((line, at) => [at === 0 ? "process" : "", line]),
      ];
      process.stdout.write(
        rows.map(([name = "", text]) => `${name.padEnd(14)} ${text}\n`).join(""),
      );
    }
    return health.state === "ready" ? EXIT.ok : EXIT.problem;
  });
}

export async function keysUnseal(args: readonly string[]): Promise<ExitStatus> {
  refuseArguments("unseal", args);
  return withQuestions(async (keyd, ask) => {
    await keyd.unseal(Buffer.from(await ask("Passphrase: ")));
    process.stderr.write("The root is open.\n");
    return EXIT.ok;
  });
}

export async function keysSetPassphrase(args: readonly string[]): Promise<ExitStatus> {
  refuseArguments("set-passphrase", args);
  return withQuestions(async (keyd, ask) => {
    const current = await ask("Current passphrase (empty if there is none): ");
    const passphrase = await askTwice(ask, "New passphrase: ");
    await keyd.setPassphrase(Buffer.from(passphrase), Buffer.from(current));
    process.stderr.write(
      "The root is sealed by the passphrase. After a restart: ./cordon keys unseal\n",
    );
    return EXIT.ok;
  });
}

/** `--threshold M --shares N`: prints N shares, one a line, to standard output. */
export async function keysRecoveryShares(args: readonly string[]): Promise<ExitStatus> {
  const threshold = numberAfter(args, "--threshold");
  const shares = numberAfter(args, "--shares");
  return withQuestions(async (keyd, ask) => {
    const { root } = await keyd.health();
    const question =
      root === "pkcs11" ? "PIN of the token: " : "Passphrase (empty if there is none): ";
    const passphrase = Buffer.from(await ask(question));
    const texts = await keyd.recoveryShares({ threshold, shares, passphrase });
    process.stdout.write(`${texts.join("\n")}\n`);
    process.stderr.write(
      `Any ${threshold} of these ${shares} shares open every key. Give each to another person; ` +
        "they are not shown again and Cordon keeps none.\n",
    );
    return EXIT.ok;
  });
}

/** Reads shares, one a line, until an empty one; then how the root is to be sealed from now on. */
export async function keysRecover(args: readonly string[]): Promise<ExitStatus> {
  refuseArguments("recover", args);
  return withQuestions(async (keyd, ask) => {
    const shares = await askShares(ask);
    const passphrase = await askTwice(ask, "New passphrase (empty: a key file): ");
    await keyd.recover(shares, Buffer.from(passphrase));
    process.stderr.write("The root is open again.\n");
    return EXIT.ok;
  });
}

/** `--to software|pkcs11|tpm`: another root; keys and ciphertexts stay as they are. */
export async function keysMoveRoot(args: readonly string[]): Promise<ExitStatus> {
  const [flag, to] = args;
  if (flag !== "--to" || to === undefined || args.length !== 2) {
    throw new CommandError("Cannot move the root: wanted --to software, pkcs11 or tpm", {
      fix: "for instance: ./cordon keys move-root --to pkcs11",
      status: EXIT.usage,
    });
  }
  return withKeyd(async (keyd) => {
    const accounts = await keyd.moveRoot(to);
    const { rootProtection } = await keyd.health();
    process.stderr.write(
      `The keys of ${accounts} accounts are wrapped by the new root: ${rootProtection}.\n` +
        "Backups made before open with the former root only; keep it as long as you keep them.\n",
    );
    return EXIT.ok;
  }, MOVE_WAIT_MS);
}

/** After a restore: takes keys that are older than the device's counter. */
export async function keysAcceptRestored(args: readonly string[]): Promise<ExitStatus> {
  refuseArguments("accept-restored", args);
  return withQuestions(async (keyd, ask) => {
    const { state, stateReason } = await keyd.health();
    if (state !== "rolledBack") {
      process.stderr.write("Nothing to accept: the keys folder is not older than the counter.\n");
      return EXIT.ok;
    }
    process.stderr.write(
      `${stateReason}.\nWhat was rotated, revoked or destroyed since is as it was before.\n`,
    );
    if ((await ask('Type "accept" to go on: ')) !== "accept") {
      throw new CommandError("Nothing was changed: the answer was not accept");
    }
    await keyd.acceptRestored();
    process.stderr.write("Accepted; data/keys/restorations.log says so.\n");
    return EXIT.ok;
  });
}

async function withQuestions(
  run: (keyd: KeydClient, ask: Ask) => Promise<ExitStatus>,
): Promise<ExitStatus> {
  return asking((ask) => withKeyd((keyd) => run(keyd, ask)));
}

async function withKeyd(
  run: (keyd: KeydClient) => Promise<ExitStatus>,
  waitMs = WAIT_MS,
): Promise<ExitStatus> {
  const config = withShortRunFolder(readConfig(process.env));
  const keyd = keydClient(keydSocket(config), { waitMs });
  try {
    return await run(keyd);
  } catch (error) {
    if (!(error instanceof KeydError)) throw error;
    const unreachable = error.reason === "unavailable";
    throw new CommandError(error.message, {
      fix: unreachable ? "start Cordon with ./cordon up; see ./cordon logs keyd" : undefined,
      status: unreachable ? EXIT.unreachable : EXIT.problem,
    });
  } finally {
    keyd.close();
  }
}

function refuseArguments(command: string, args: readonly string[]): void {
  const [first] = args;
  if (first === undefined) return;
  throw new CommandError(`Cannot read "${first}": keys ${command} takes no arguments`, {
    fix: "give secrets on the terminal or on standard input, one a line",
    status: EXIT.usage,
  });
}

function numberAfter(args: readonly string[], flag: string): number {
  const text = args[args.indexOf(flag) + 1];
  const value = args.includes(flag) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && args.length === 4) return value;
  throw new CommandError(`Cannot read ${flag}: wanted --threshold M --shares N`, {
    fix: "for instance: ./cordon keys recovery-shares --threshold 3 --shares 5",
    status: EXIT.usage,
  });
}
