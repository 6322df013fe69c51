/** `cordon audit verify`: checks the audit log's files offline; no Cordon needs to run. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { verifyAuditLog } from "../kernel/audit-log/verify.ts";
import { readConfig } from "../kernel/config.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";

type Options = { folder: string; key: string; checkpoint: string | undefined; json: boolean };

export async function auditVerify(args: readonly string[]): Promise<ExitStatus> {
  const options = readOptions(args);
  const earlier = options.checkpoint === undefined ? {} : { earlier: readText(options.checkpoint) };
  const publicKeyPem = readText(options.key);
  const answer = await verifyAuditLog(options.folder, { publicKeyPem, ...earlier });
  if (options.json) process.stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
  else if (answer.ok) {
    process.stdout.write(
      `The log is whole: ${answer.entries} entries and ${answer.hashTiles} hash tiles checked; ` +
        `the signed checkpoint covers ${answer.checkpointSize}` +
        `${answer.unsignedEntries > 0 ? `, ${answer.unsignedEntries} newer are not signed yet` : ""}.\n`,
    );
  } else {
    process.stdout.write(
      `The log is NOT what was recorded: first bad entry ${answer.firstBadIndex}, ` +
        `file ${answer.file}: ${answer.reason}.\n`,
    );
  }
  return answer.ok ? EXIT.ok : EXIT.problem;
}

function readOptions(args: readonly string[]): Options {
  const config = readConfig(process.env);
  const options: Options = {
    folder: config.folders.audit,
    key: join(config.folders.keys, "audit.pub"),
    checkpoint: undefined,
    json: false,
  };
  for (let at = 0; at < args.length; at += 2) {
    const value = args[at + 1];
    const flag = args[at] ?? "";
    if (value !== undefined && flag === "--folder") options.folder = value;
    else if (value !== undefined && flag === "--key") options.key = value;
    else if (value !== undefined && flag === "--checkpoint") options.checkpoint = value;
    else if (flag === "--output" && (value === "json" || value === "table"))
      options.json = value === "json";
    else {
      throw new CommandError(`Cannot read "${flag}"`, {
        fix: "take --folder DIR, --key FILE, --checkpoint FILE, --output json|table",
        status: EXIT.usage,
      });
    }
  }
  return options;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`Cannot read ${file}: ${reason}`, { status: EXIT.usage });
  }
}
