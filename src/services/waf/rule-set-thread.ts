/**
 * Reads and compiles the archive of a rule set in a thread of its own: the whole set compiles with
 * the engine's settings before anything is kept, and a hostile one holds nobody up.
 */
import { SecLangError } from "../../engines/seclang/rule.ts";
import { answerInThread, askThread, isOutOfMemory } from "../../kernel/process/thread.ts";
import { compileRuleFiles } from "../../kernel/rules/load.ts";
import { packRuleFiles, type RuleFiles, sha256Of } from "../../kernel/rules/packed.ts";
import { ArchiveError, readRuleArchive } from "./rule-set-archive.ts";

const limits = { timeoutMs: 45_000, heapMiBMax: 768 } as const;
const FAULTS_MAX = 20;

export type RuleSetFault = { readonly path: string; readonly message: string };

export type ReadRuleSet =
  | { readonly faults: readonly RuleSetFault[] }
  | {
      readonly content: Uint8Array;
      readonly contentSha256: string;
      /** Of the archive as it came. */
      readonly sha256: string;
      readonly files: number;
      readonly rules: number;
      /** As the set calls itself; empty when it does not say. */
      readonly name: string;
      readonly version: string;
    };

/** What is in an archive, or every fault of it; too much time or memory is one, too. */
export async function readRuleSetApart(
  archive: Uint8Array,
  heapMiBMax: number = limits.heapMiBMax,
): Promise<ReadRuleSet> {
  const refuse = (message: string): ReadRuleSet => ({ faults: [{ path: "", message }] });
  try {
    const bounds = { ...limits, heapMiBMax };
    const read = await askThread<ReadRuleSet>(import.meta.url, archive, bounds);
    return read ?? refuse(`It did not compile within ${limits.timeoutMs / 1_000} seconds`);
  } catch (error) {
    if (!isOutOfMemory(error)) throw error;
    return refuse(`It needs more than ${heapMiBMax} MiB of memory to compile: give it fewer rules`);
  }
}

async function readRuleSet(archive: Uint8Array): Promise<ReadRuleSet> {
  try {
    const files = await readRuleArchive(archive);
    const { ruleCount } = compileRuleFiles(files);
    // Those of the engine's own settings are not the set's.
    const rules = ruleCount - compileRuleFiles(new Map()).ruleCount;
    if (rules === 0) return { faults: [{ path: "", message: "It has files, but not one rule" }] };
    const content = packRuleFiles(files);
    const contentSha256 = sha256Of(content);
    const signed = { sha256: sha256Of(archive), contentSha256, content };
    return { ...signed, files: files.size, rules, ...signatureOf(files) };
  } catch (error) {
    if (error instanceof ArchiveError) return { faults: [error].map(faultOf) };
    if (error instanceof SecLangError) {
      const faults = error.faults.slice(0, FAULTS_MAX).map(({ file, line, message }) => ({
        path: `${file}:${line}`,
        message,
      }));
      return { faults };
    }
    throw error;
  }
}

const faultOf = ({ path, message }: ArchiveError): RuleSetFault => ({ path, message });

/** `SecComponentSignature "OWASP_CRS/4.28.0"`, else the version that its rules carry. */
function signatureOf(files: RuleFiles): { name: string; version: string } {
  const clean = (text: string) => text.replace(/[^\w .+-]/g, "").slice(0, 64);
  for (const text of files.values()) {
    const signed = /^\s*SecComponentSignature\s+"([^"/\n]{1,64})\/([^"\s]{1,64})/m.exec(text);
    if (signed !== null) return { name: clean(signed[1] ?? ""), version: clean(signed[2] ?? "") };
  }
  for (const text of files.values()) {
    const version = /\bver:'([^'/\n]{1,64})\/([^'\n]{1,64})'/.exec(text);
    if (version !== null)
      return { name: clean(version[1] ?? ""), version: clean(version[2] ?? "") };
  }
  return { name: "", version: "" };
}

answerInThread(readRuleSet);
