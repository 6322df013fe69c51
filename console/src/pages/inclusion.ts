/** Checks in the browser that an audit entry is in the log (RFC 9162 §2.1.3.2). */

export type Step = {
  readonly kind: "leaf" | "node";
  readonly number: number;
  readonly hash: string;
};
export type Checked = { readonly steps: readonly Step[]; readonly valid: boolean };

export type InclusionProof = {
  readonly treeSize: number;
  readonly rootHash: string;
  readonly hashes: readonly string[];
  readonly entryBytes: string;
};

const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
const base64Of = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

async function hash(prefix: number, ...parts: readonly Uint8Array[]) {
  const length = parts.reduce((sum, part) => sum + part.length, 1);
  const joined = new Uint8Array(length);
  joined[0] = prefix;
  let at = 1;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
}

/** Recomputes the root from the entry's bytes and the path, step by step. */
export async function checkInclusion(proof: InclusionProof, index: number): Promise<Checked> {
  let current = await hash(0, bytesOf(proof.entryBytes));
  const steps: Step[] = [{ kind: "leaf", number: 0, hash: base64Of(current) }];
  // Numbers stay below 2^53; shifts of 32-bit operators would cut them.
  let first = index;
  let second = proof.treeSize - 1;
  if (first > second) return { steps, valid: false };
  for (const [at, text] of proof.hashes.entries()) {
    if (second === 0) return { steps, valid: false };
    const sibling = bytesOf(text);
    if (first % 2 === 1 || first === second) {
      current = await hash(1, sibling, current);
      while (first % 2 === 0 && first !== 0) {
        first /= 2;
        second = Math.floor(second / 2);
      }
    } else current = await hash(1, current, sibling);
    first = Math.floor(first / 2);
    second = Math.floor(second / 2);
    steps.push({ kind: "node", number: at + 1, hash: base64Of(current) });
  }
  return { steps, valid: second === 0 && base64Of(current) === proof.rootHash };
}
