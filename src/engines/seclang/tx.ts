/**
 * The `TX` variables of a request: what all requests of a site share at this point of the rules,
 * and over it what this request has set. The shared map is never changed here.
 */
export type TxVariables = {
  shared: ReadonlyMap<string, string>;
  /** Undefined = removed by this request. */
  readonly own: Map<string, string | undefined>;
  /** How often this request has changed a variable. */
  writes: number;
};

export function createTx(shared: ReadonlyMap<string, string>): TxVariables {
  return { shared, own: new Map(), writes: 0 };
}

export function txOf({ shared, own }: TxVariables, key: string): string | undefined {
  if (own.size === 0) return shared.get(key);
  const text = own.get(key);
  return text !== undefined || own.has(key) ? text : shared.get(key);
}

export function setTx(tx: TxVariables, key: string, text: string): void {
  tx.writes += 1;
  tx.own.set(key, text);
}

export function removeTx(tx: TxVariables, key: string): void {
  const { shared, own } = tx;
  tx.writes += 1;
  if (shared.has(key)) own.set(key, undefined);
  else own.delete(key);
}

/** How many variables there may be at most: one that both set is counted twice. */
export function txCount({ shared, own }: TxVariables): number {
  return shared.size + own.size;
}

/** All variables as one map. */
export function txMap({ shared, own }: TxVariables): ReadonlyMap<string, string> {
  if (own.size === 0) return shared;
  const all = new Map(shared);
  for (const [key, text] of own) {
    if (text === undefined) all.delete(key);
    else all.set(key, text);
  }
  return all;
}
