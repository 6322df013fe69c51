/** The programs of tpm2-tools, each a child without a shell; secrets go through pipes only. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeydError } from "../../../kernel/keyd/protocol.ts";
import { messageOf } from "../../../kernel/process/text.ts";

const TIME_MAX_MS = 20_000;
const OUTPUT_BYTES_MAX = 65_536;
const ERROR_CHARS_MAX = 300;

export type TpmTool = (name: string, args: readonly string[], input?: Buffer) => Promise<Buffer>;

/**
 * Runs steps with a folder for context files, one caller at a time. Transient objects are flushed
 * before and after, since a TPM holds three (TPM_RC_OBJECT_MEMORY otherwise).
 */
export function tpmTools(tcti: string) {
  let turn: Promise<unknown> = Promise.resolve();
  const steps = async <Result>(
    run: (tool: TpmTool, folder: string) => Promise<Result>,
  ): Promise<Result> => {
    const folder = await mkdtemp(join(tmpdir(), "cordon-tpm-"));
    const flush = () => runTool(tcti, "tpm2_flushcontext", ["--transient-object"]);
    const tool: TpmTool = async (name, args, input) => {
      const output = await runTool(tcti, name, args, input);
      await flush();
      return output;
    };
    try {
      await flush();
      return await run(tool, folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  return <Result>(run: (tool: TpmTool, folder: string) => Promise<Result>): Promise<Result> => {
    const mine = turn.catch(() => {}).then(() => steps(run));
    turn = mine;
    return mine;
  };
}

/** @throws KeydError unavailable with what the program said. */
function runTool(
  tcti: string,
  name: string,
  args: readonly string[],
  input?: Buffer,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", TPM2TOOLS_TCTI: tcti };
    const stdio = ["pipe", "pipe", "pipe"] as const;
    const child = spawn(name, [...args], { env, stdio: [...stdio], timeout: TIME_MAX_MS });
    const output: Buffer[] = [];
    let bytes = 0;
    let said = "";
    const fail = (why: string): void =>
      reject(new KeydError("unavailable", `Cannot use the TPM: ${name}: ${why}`));
    child.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= OUTPUT_BYTES_MAX) output.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      if (said.length < ERROR_CHARS_MAX) said += chunk.toString("utf8");
    });
    child.once("error", (error) => fail(messageOf(error)));
    child.once("close", (code, signal) => {
      if (code === 0) resolve(Buffer.concat(output));
      else fail(said.trim().slice(0, ERROR_CHARS_MAX) || `ended with ${signal ?? code}`);
    });
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}
