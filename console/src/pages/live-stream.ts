/** Follows the event stream; a pause keeps what comes, up to a limit. */
import { useEffect, useRef, useState } from "react";
import type { EventRow } from "../../../src/services/events/contract.ts";

export type Tailed = { readonly event: EventRow; readonly matches: unknown };

export const limits = { keptMax: 10_000, flushMs: 250 } as const;

/** Newest first, never more than the limit. */
export function keep(kept: readonly Tailed[], arrived: readonly Tailed[]): readonly Tailed[] {
  return [...arrived.toReversed(), ...kept].slice(0, limits.keptMax);
}

export function useLiveEvents(paused: boolean) {
  const [kept, setKept] = useState<readonly Tailed[]>([]);
  const [buffered, setBuffered] = useState(0);
  const [connected, setConnected] = useState(false);
  const buffer = useRef<Tailed[]>([]);
  useEffect(() => {
    const source = new EventSource("/v1/events/events:tail");
    source.onopen = () => setConnected(true);
    source.onerror = () => setConnected(false);
    source.onmessage = ({ data }) => {
      buffer.current.push(JSON.parse(String(data)) as Tailed);
      if (buffer.current.length > limits.keptMax) buffer.current.shift();
    };
    return () => source.close();
  }, []);
  useEffect(() => {
    const timer = setInterval(() => {
      if (paused) return setBuffered(buffer.current.length);
      const arrived = buffer.current.splice(0);
      setBuffered(0);
      if (arrived.length > 0) setKept((all) => keep(all, arrived));
    }, limits.flushMs);
    return () => clearInterval(timer);
  }, [paused]);
  return { kept, buffered, connected };
}
