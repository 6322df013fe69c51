/** `cordon waf geo-database import FILE`: a database of countries or networks. */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { GEO_PART_BYTES, GEO_PARTS_MAX, wafContract } from "../services/waf/contract.ts";
import { call } from "./api-client.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";
import { readFlags } from "./flags.ts";
import { commandOf, operations } from "./operations.ts";
import { printResult } from "./print-result.ts";

const FILE_BYTES_MAX = GEO_PART_BYTES * GEO_PARTS_MAX;

/** Sends a file, in parts where it is large; the control plane checks it before it counts. */
export async function geoDatabaseImport(args: readonly string[]): Promise<ExitStatus> {
  const [path = "--help", ...rest] = args;
  // Without a file it is the command that is made from the operation.
  if (path.startsWith("--")) return operations(["waf", "geo-database", "import", path, ...rest]);
  const { importGeoDatabase } = wafContract.operations;
  const { input, output } = readFlags(importGeoDatabase, rest);
  const file = readDatabase(resolve(path));
  const sha256 = createHash("sha256").update(file).digest("hex");
  process.stderr.write(`${basename(path)}: ${file.length} bytes, SHA-256 ${sha256}\n`);
  const about = { origin: basename(path).slice(0, 128), ...input };
  const result =
    file.length <= GEO_PART_BYTES
      ? await call(wafContract, importGeoDatabase, { content: file.toString("base64"), ...about })
      : await sendInParts(file, { fileSha256: sha256, ...about });
  printResult(commandOf(wafContract, "importGeoDatabase", importGeoDatabase), result, output);
  return EXIT.ok;
}

function readDatabase(file: string): Buffer {
  const bytes = statSync(file, { throwIfNoEntry: false })?.size;
  const fault =
    bytes === undefined
      ? `There is no ${file}`
      : `${file} is larger than ${FILE_BYTES_MAX} bytes: give the .mmdb.gz, or another edition`;
  if (bytes !== undefined && bytes <= FILE_BYTES_MAX) return readFileSync(file);
  const fix = "./cordon waf geo-database import FILE [--kind country|asn]";
  throw new CommandError(fault, { fix, status: EXIT.usage });
}

async function sendInParts(file: Buffer, about: { fileSha256: string }): Promise<unknown> {
  const { fileSha256 } = about;
  const { putGeoDatabasePart, importGeoDatabaseParts } = wafContract.operations;
  for (let part = 0; part * GEO_PART_BYTES < file.length; part++) {
    const at = part * GEO_PART_BYTES;
    const content = file.subarray(at, at + GEO_PART_BYTES).toString("base64");
    await call(wafContract, putGeoDatabasePart, { fileSha256, part, content });
  }
  return call(wafContract, importGeoDatabaseParts, about);
}
