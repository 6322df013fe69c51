/** Runs nft: no shell, an argument array, a time limit, the script on stdin. Decides nothing. */
import { spawn } from "node:child_process";
import { table } from "../../engines/netpolicy/blocklist.ts";
import { codeOf, messageOf } from "../../kernel/process/text.ts";

const RUN_MS_MAX = 20_000;
const OUTPUT_CHARACTERS_MAX = 65_536;
const WHY_CHARACTERS_MAX = 500;
/** A root process trusts no PATH that it was handed; Debian keeps nft in /usr/sbin. */
const SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

export type NftResult =
  | { readonly ok: true; readonly output: string }
  | { readonly ok: false; readonly why: string };

export type Nft = {
  /** Applies a script as one transaction: all of it or nothing. */
  apply(script: string): Promise<NftResult>;
  /** Cordon's table without the elements of its sets, as the kernel holds it now. */
  list(): Promise<NftResult>;
};

/** @param command the program with what stands before its arguments: `ip netns exec NAME nft`. */
export function openNft(command: readonly string[] = ["nft"]): Nft {
  return {
    apply: (script) => run([...command, "-f", "-"], script),
    list: () => run([...command, "-t", "list", "table", table.family, table.name], ""),
  };
}

function run(argv: readonly string[], stdin: string): Promise<NftResult> {
  const [program = "", ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      shell: false,
      timeout: RUN_MS_MAX,
      killSignal: "SIGKILL",
      env: { PATH: SYSTEM_PATH, LC_ALL: "C" },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let output = "";
    let complaint = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(0, OUTPUT_CHARACTERS_MAX);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(0, OUTPUT_CHARACTERS_MAX);
    });
    child.on("error", (error) => {
      const missing = `the program "${program}" is missing; install the package nftables`;
      resolve({ ok: false, why: codeOf(error) === "ENOENT" ? missing : messageOf(error) });
    });
    child.on("close", (code, signal) => {
      if (code === 0) resolve({ ok: true, output });
      else resolve({ ok: false, why: whyOf(complaint, { program, code, signal }) });
    });
    // nft may end before it has read everything; its status says why.
    child.stdin.on("error", () => {});
    child.stdin.end(stdin);
  });
}

function whyOf(
  complaint: string,
  end: { program: string; code: number | null; signal: string | null },
): string {
  const said = complaint.trim().replaceAll(/\s+/g, " ").slice(0, WHY_CHARACTERS_MAX);
  if (said !== "") return said;
  if (end.signal !== null) return `${end.program} was ended by ${end.signal}`;
  return `${end.program} ended with status ${end.code}`;
}
