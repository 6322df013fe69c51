/**
 * What keyd's way to a PKCS #11 token costs: RSA-2048 signatures made in SoftHSM 2 through the
 * session handling and koffi's threads, against a bare loop of C_SignInit and C_Sign in the same
 * process on the same session, in alternation. CPU time of this process, threads included.
 */
import { readFileSync } from "node:fs";
import { loadKoffi } from "../src/daemons/keyd/openssl.ts";
import {
  type Attribute,
  CKA,
  CKM,
  flag,
  type Handle,
  ulong,
} from "../src/daemons/keyd/pkcs11/library.ts";
import { openPkcs11Root } from "../src/daemons/keyd/pkcs11/root.ts";
import { makeSoftToken, softHsmModule } from "../src/daemons/keyd/pkcs11/soft-token.ts";
import { openToken, type Session } from "../src/daemons/keyd/pkcs11/token.ts";
import { printRow, printSkip } from "./row.ts";

const ROUNDS = 7;
const SIGNATURES = 200;
const WRAPS = 2_000;
const BITS = 2_048;
const SIGNATURE_BYTES = BITS / 8;
const message = Buffer.alloc(32, 7);

/** Keys of the session: they end with it. */
async function makeRsaKey({ library, handle }: Session): Promise<Handle> {
  const lower: readonly Attribute[] = [
    [CKA.TOKEN, flag(false)],
    [CKA.PRIVATE, flag(true)],
    [CKA.SENSITIVE, flag(true)],
    [CKA.EXTRACTABLE, flag(false)],
    [CKA.SIGN, flag(true)],
  ];
  const upper: readonly Attribute[] = [
    [CKA.TOKEN, flag(false)],
    [CKA.VERIFY, flag(true)],
    [CKA.MODULUS_BITS, ulong(BITS)],
    [CKA.PUBLIC_EXPONENT, Buffer.from([1, 0, 1])],
  ];
  const mechanism = library.mechanism({ type: CKM.RSA_PKCS_KEY_PAIR_GEN });
  const [publicOut, privateOut] = [[0], [0]];
  const [one, other] = [library.attributes(upper), library.attributes(lower)];
  const halves = [one, one.length, other, other.length, publicOut, privateOut];
  await library.call("C_GenerateKeyPair", handle, mechanism, ...halves);
  return Number(privateOut[0]);
}

/** The module's functions called without anything of ours between. */
function bareLoop(module: string, handle: Handle, key: Handle): () => void {
  const library = loadKoffi().load(module);
  const init = library.func("unsigned long C_SignInit(unsigned long s, void *m, unsigned long k)");
  const sign = library.func(
    "unsigned long C_Sign(unsigned long s, void *d, unsigned long n, void *o, _Inout_ unsigned long *l)",
  );
  const mechanism = Buffer.alloc(24);
  mechanism.writeBigUInt64LE(BigInt(CKM.SHA256_RSA_PKCS));
  return () => {
    const out = Buffer.alloc(SIGNATURE_BYTES);
    const first = Number(init(handle, mechanism, key));
    const second = Number(sign(handle, message, message.length, out, [out.length]));
    if (first !== 0 || second !== 0) throw new Error("The token did not sign");
  };
}

async function perCpuSecond(count: number, run: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  for (let at = 0; at < count; at += 1) await run();
  const { user, system } = process.cpuUsage(before);
  return (count * 1_000_000) / (user + system);
}

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[values.length >> 1] ?? Number.NaN;

if (softHsmModule === undefined) printSkip("pkcs11", "SoftHSM 2 is not installed");
else {
  const soft = makeSoftToken("cordon-bench");
  process.env.SOFTHSM2_CONF = soft.environment.SOFTHSM2_CONF;
  const pin = async () => Buffer.from(readFileSync(soft.pinFile, "latin1").trim());
  const settings = { module: softHsmModule, label: soft.label, pin };
  const token = openToken(settings);
  let key: Handle = 0;
  let session: Handle = 0;
  token.onOpen = async (opened) => {
    session = opened.handle;
    key = await makeRsaKey(opened);
  };
  const ours = () =>
    token.use(async ({ library, handle }) => {
      const out = Buffer.alloc(SIGNATURE_BYTES);
      const mechanism = library.mechanism({ type: CKM.SHA256_RSA_PKCS });
      await library.call("C_SignInit", handle, mechanism, key);
      await library.call("C_Sign", handle, message, message.length, out, [out.length]);
      return out;
    });
  await ours();
  const bare = bareLoop(softHsmModule, session, key);
  const [through, alone]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    alone.push(await perCpuSecond(SIGNATURES, bare));
    through.push(await perCpuSecond(SIGNATURES, ours));
  }
  printRow({
    bench: "pkcs11",
    what: "RSA-2048 sign in the token",
    value: median(through),
    unit: "per CPU-second",
    peer: { name: "a bare loop", value: median(alone) },
    ratio: median(through) / median(alone),
    goal: "≥ 0.8×",
  });
  await token.close();
  const root = await openPkcs11Root(settings, { keyId: undefined });
  const aad = Buffer.from("cordon bench");
  const wrapped = await root.wrap(message, aad);
  const rates = [
    ["wrap of an account's key", () => root.wrap(message, aad)],
    ["unwrap of an account's key", () => root.unwrap(wrapped, aad)],
  ] as const;
  for (const [what, run] of rates) {
    const results: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) results.push(await perCpuSecond(WRAPS, run));
    printRow({ bench: "pkcs11", what, value: median(results), unit: "per CPU-second" });
  }
  root.close();
  soft.remove();
}
