/** Asks the cases of Project Wycheproof of a running Cordon, over its HTTP API. */
import {
  constants,
  createCipheriv,
  createPublicKey,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import type { Answer, Request } from "./api-client.ts";
import {
  type Case,
  caseOf,
  type Fields,
  type Material,
  type Question,
  type VectorFile,
  type VectorTest,
} from "./conformance-wycheproof-cases.ts";

export type WycheproofScore = {
  passed: number;
  failed: number;
  skipped: number;
  /** Tests that are invalid and were accepted: the ones that matter most. */
  invalidAccepted: number;
  readonly failures: { test: string; reason: string }[];
  /** What cannot be asked of the API, by file and reason. */
  readonly notApplicable: { file: string; reason: string; tests: number }[];
  readonly files: Map<string, { passed: number; failed: number; skipped: number }>;
};

export type Ask = (request: Request) => Promise<Answer>;

const KEYS = "/v1/kms/keys";
const IN_FLIGHT = 8;
const THROTTLED_MS = 5_000;
const PENDING_DAYS = 7;
/** RFC 5649 §3. */
const KWP_IV = Buffer.from("a65959a6", "hex");

export function newScore(): WycheproofScore {
  return {
    ...{ passed: 0, failed: 0, skipped: 0, invalidAccepted: 0 },
    ...{ failures: [], notApplicable: [], files: new Map() },
  };
}

/** Runs one file; keys that it makes are scheduled for deletion at its end. */
export async function runFile(
  ask: Ask,
  score: WycheproofScore,
  { name, content }: { name: string; content: VectorFile },
): Promise<void> {
  const own = { passed: 0, failed: 0, skipped: 0 };
  score.files.set(name, own);
  const skipped = new Map<string, number>();
  const made = new Map<string, Promise<Imported>>();
  const waiting: (() => Promise<void>)[] = [];
  for (const group of content.testGroups) {
    for (const test of group.tests) {
      const asked: Case = caseOf({ algorithm: content.algorithm, ...group }, test);
      if ("notApplicable" in asked) {
        skipped.set(asked.notApplicable, (skipped.get(asked.notApplicable) ?? 0) + 1);
        own.skipped += 1;
        score.skipped += 1;
        continue;
      }
      waiting.push(async () => {
        const fault = judge(test, await outcomeOf(ask, made, asked));
        own[fault === undefined ? "passed" : "failed"] += 1;
        score[fault === undefined ? "passed" : "failed"] += 1;
        if (fault === undefined) return;
        if (test.result === "invalid") score.invalidAccepted += 1;
        score.failures.push({ test: `${name} ${test.tcId}`, reason: fault });
      });
    }
  }
  await inLanes(waiting);
  for (const [reason, tests] of skipped) score.notApplicable.push({ file: name, reason, tests });
  const keys = await Promise.all(made.values());
  await inLanes(
    keys.map(({ keyId }) => async () => {
      const body = { pendingDays: PENDING_DAYS };
      await patient(ask, { method: "POST", path: `${KEYS}/${keyId}:scheduleDeletion`, body });
    }),
  );
}

async function inLanes(work: readonly (() => Promise<void>)[]): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < work.length) {
      const one = work[next];
      next += 1;
      await one?.();
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

type Outcome = { readonly accepted: boolean; readonly detail: string };
type Imported = { readonly keyId: string; readonly refused: string | undefined };

function judge(test: VectorTest, { accepted, detail }: Outcome): string | undefined {
  if (test.result === "acceptable") return undefined;
  if (accepted === (test.result === "valid")) return undefined;
  return `${test.result}, but ${accepted ? "accepted" : `refused: ${detail}`}`;
}

async function outcomeOf(
  ask: Ask,
  made: Map<string, Promise<Imported>>,
  question: Question,
): Promise<Outcome> {
  const { keyId, refused } = await importedOnce(ask, made, question);
  if (refused !== undefined) return { accepted: false, detail: `the key: ${refused}` };
  if (question.verb === undefined) return { accepted: true, detail: "" };
  const path = `${KEYS}/${keyId}:${question.verb}`;
  const answer = await patient(ask, { method: "POST", path, body: question.input });
  if (answer.error !== undefined) return { accepted: false, detail: answer.error.reason };
  const { answer: wanted } = question;
  if (wanted === undefined) return { accepted: true, detail: "" };
  const got = (answer.result as Fields)[wanted.field];
  return { accepted: got === wanted.wanted, detail: "another answer" };
}

function importedOnce(ask: Ask, made: Map<string, Promise<Imported>>, question: Question) {
  const { spec, usage, material } = question;
  const parts = Object.values(material).map((one) =>
    Buffer.isBuffer(one) ? one.toString("hex") : one,
  );
  const name = [spec, usage, ...parts].join(" ");
  const known = made.get(name) ?? importKey(ask, question);
  made.set(name, known);
  return known;
}

async function importKey(ask: Ask, { spec, usage, material }: Question): Promise<Imported> {
  const body = { spec, usage, origin: "EXTERNAL", description: "wycheproof" };
  const created = await patient(ask, { method: "POST", path: KEYS, body });
  const keyId = String(resultOf(created).keyId);
  const answer = await bring(ask, keyId, material);
  return { keyId, refused: answer.error?.reason };
}

async function bring(ask: Ask, keyId: string, material: Material): Promise<Answer> {
  const path = `${KEYS}/${keyId}`;
  if (material.form === "public") {
    const body = { publicKey: material.spki.toString("base64") };
    return patient(ask, { method: "POST", path: `${path}:importPublicKey`, body });
  }
  const wrappingAlgorithm = "RSA_AES_KEY_WRAP_SHA_256";
  const parameters = resultOf(
    await patient(ask, {
      method: "POST",
      path: `${path}:importParameters`,
      body: { wrappingAlgorithm, wrappingKeySpec: "RSA_2048" },
    }),
  );
  const body = {
    importToken: parameters.importToken,
    encryptedMaterial: wrapFor(String(parameters.publicKey), material).toString("base64"),
  };
  return patient(ask, { method: "POST", path: `${path}:importMaterial`, body });
}

function wrapFor(publicKey: string, material: Exclude<Material, { form: "public" }>): Buffer {
  const wrapping = material.form === "wrapped" ? material.wrapping : randomBytes(32);
  const der = Buffer.from(publicKey, "base64");
  const key = createPublicKey({ key: der, type: "spki", format: "der" });
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const first = publicEncrypt({ key, padding, oaepHash: "sha256" }, wrapping);
  if (material.form === "wrapped") return Buffer.concat([first, material.wrapped]);
  const cipher = createCipheriv("id-aes256-wrap-pad", wrapping, KWP_IV);
  return Buffer.concat([first, cipher.update(material.bytes), cipher.final()]);
}

function resultOf({ result, error }: Answer): Fields {
  if (error === undefined) return { ...(result as Fields) };
  throw new Error(`Cannot prepare a test: ${error.message} (${error.reason})`);
}

/** Waits where the API says that it was called too often. */
async function patient(ask: Ask, request: Request): Promise<Answer> {
  for (;;) {
    const answer = await ask(request);
    if (answer.error?.reason !== "kernel.rateLimited") return answer;
    await new Promise((resolve) => setTimeout(resolve, THROTTLED_MS));
  }
}
