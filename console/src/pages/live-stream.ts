/** Follows the event stream; a pause keeps what comes, up to a limit. */
import { useEffect, useRef, useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import type { EventRow } from "../../../src/services/events/contract.ts";
import { requestOf } from "../api/client.ts";
import type { Item } from "../resource/resources.ts";

export type Tailed = { readonly event: EventRow; readonly matches: unknown };

export const limits = { keptMax: 10_000, flushMs: 250 } as const;

/** Newest first, never more than the limit. */
export function keep(kept: readonly Tailed[], arrived: readonly Tailed[]): readonly Tailed[] {
  return [...arrived.toReversed(), ...kept].slice(0, limits.keptMax);
}

export type Live = {
  readonly kept: readonly Tailed[];
  readonly buffered: number;
  /** Events that came while paused and were more than can be kept. */
  readonly lost: number;
  readonly connected: boolean;
};

/** `search` is what the stream is filtered by; another one starts anew. */
export function useLiveEvents(paused: boolean, search: Item): Live {
  const [kept, setKept] = useState<readonly Tailed[]>([]);
  const [buffered, setBuffered] = useState(0);
  const [lost, setLost] = useState(0);
  const [connected, setConnected] = useState(false);
  const buffer = useRef<Tailed[]>([]);
  const { url } = requestOf(catalog.events.operations.tailEvents, search);
  useEffect(() => {
    buffer.current = [];
    setKept([]);
    const source = new EventSource(url);
    source.onopen = () => setConnected(true);
    source.onerror = () => setConnected(false);
    source.onmessage = ({ data }) => {
      buffer.current.push(JSON.parse(String(data)) as Tailed);
      if (buffer.current.length <= limits.keptMax) return;
      buffer.current.shift();
      setLost((count) => count + 1);
    };
    return () => source.close();
  }, [url]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (paused) return setBuffered(buffer.current.length);
      const arrived = buffer.current.splice(0);
      setBuffered(0);
      setLost(0);
      if (arrived.length > 0) setKept((all) => keep(all, arrived));
    }, limits.flushMs);
    return () => clearInterval(timer);
  }, [paused]);
  return { kept, buffered, lost, connected };
}
