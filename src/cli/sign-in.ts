/** `cordon setup` and `cordon sign-in`: give the command line on this machine a bearer key. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { type Config, readConfig } from "../kernel/config.ts";
import { type Answer, failureOf, send, storeKey } from "./api-client.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";

const PASSWORD_VARIABLE = "CORDON_PASSWORD";
const CODE_VARIABLE = "CORDON_CODE";

type Names = { readonly account: string; readonly user: string };

/** First start: creates account and administrator with the one-time token, then signs in. */
export async function setup(args: readonly string[]): Promise<ExitStatus> {
  const config = readConfig(process.env);
  const file = join(config.folders.run, "setup-token");
  if (!existsSync(file)) {
    throw new CommandError("This Cordon is set up already, or does not run", {
      fix: "./cordon sign-in gives this command line a key",
      status: EXIT.conflict,
    });
  }
  const names = readNames(args);
  const password = await readPassword();
  const token = readFileSync(file, "utf8");
  const body = { token, accountName: names.account, userName: names.user, password };
  const { answer } = await send(config, {
    method: "POST",
    path: "/v1/account/setup:complete",
    body,
  });
  if (answer.error !== undefined) throw failureOf(answer);
  process.stderr.write(`account ${names.account} with administrator ${names.user} is made\n`);
  return keepKey(config, names, password);
}

/** Signs in with a password and stores a new bearer key. */
export async function signIn(args: readonly string[]): Promise<ExitStatus> {
  return keepKey(readConfig(process.env), readNames(args), await readPassword());
}

/** A key of this machine's command line; the session that makes it is ended again. */
async function keepKey(config: Config, names: Names, password: string): Promise<ExitStatus> {
  const body = { accountName: names.account, userName: names.user, password };
  const signedIn = await send(config, { method: "POST", path: "/v1/iam/session:signIn", body });
  const first = resultOf<SignedIn>(signedIn.answer);
  const complete =
    first.challenge === null ? signedIn : await secondFactor(config, first.challenge);
  const { caller, csrfToken } = resultOf<SignedIn>(complete.answer);
  const headers = { cookie: complete.cookie ?? "", "x-cordon-csrf": csrfToken };
  const made = await send(config, {
    method: "POST",
    path: "/v1/iam/bearerKeys",
    headers,
    body: { userId: caller.principalId, name: "command line" },
  });
  const { secret } = resultOf<{ secret: string }>(made.answer);
  storeKey(config, secret);
  await send(config, { method: "POST", path: "/v1/iam/session:signOut", headers, body: {} });
  process.stderr.write("this command line has a key now; it lies in the data folder\n");
  return EXIT.ok;
}

type SignedIn = {
  readonly caller: { readonly principalId: string };
  readonly csrfToken: string;
  readonly challenge: { readonly token: string } | null;
};

/** Asks for a code of the authenticator app, or a back-up code; a passkey needs a browser. */
async function secondFactor(config: Config, { token }: { readonly token: string }) {
  const code = process.env[CODE_VARIABLE] ?? (await readCode());
  const proof = code.includes("-") ? { backupCode: code } : { totpCode: code };
  const body = { token, ...proof };
  return send(config, { method: "POST", path: "/v1/iam/session:complete", body });
}

function resultOf<Result>(answer: Answer): Result {
  if (answer.error !== undefined) throw failureOf(answer);
  return answer.result as Result;
}

function readNames(args: readonly string[]): Names {
  const names = { account: "main", user: "admin" };
  for (let at = 0; at < args.length; at += 2) {
    const value = args[at + 1];
    const flag = args[at];
    if (value === undefined || (flag !== "--account" && flag !== "--user")) {
      throw new CommandError(`Cannot read "${flag ?? ""}"`, {
        fix: `take --account NAME and --user NAME; the password comes from ${PASSWORD_VARIABLE} or the terminal`,
        status: EXIT.usage,
      });
    }
    names[flag === "--account" ? "account" : "user"] = value;
  }
  return names;
}

/**
 * From the environment, or typed; never from an argument, which every user of a machine can see.
 */
async function readPassword(): Promise<string> {
  const given = process.env[PASSWORD_VARIABLE];
  if (given !== undefined && given !== "") return given;
  if (!process.stdin.isTTY) {
    throw new CommandError("There is no terminal to type the password into", {
      fix: `set ${PASSWORD_VARIABLE}`,
      status: EXIT.usage,
    });
  }
  process.stderr.write("Password (12 characters or more; it is not shown): ");
  const terminal = createInterface({ input: process.stdin, terminal: true });
  const password = await terminal.question("");
  terminal.close();
  process.stderr.write("\n");
  return password;
}

async function readCode(): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new CommandError("This user has a second factor and there is no terminal to type it", {
      fix: `set ${CODE_VARIABLE} to a code of the authenticator app, or a back-up code`,
      status: EXIT.usage,
    });
  }
  process.stderr.write("Code of the authenticator app, or a back-up code: ");
  const terminal = createInterface({ input: process.stdin, terminal: true });
  const code = await terminal.question("");
  terminal.close();
  return code.trim();
}
