/** Follows the event stream; a pause keeps what comes, up to a limit. */
import { useEffect, useRef, useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import type { EventRow } from "../../../src/services/events/contract.ts";
import { isRefusal, refusalOf, requestOf } from "../api/client.ts";
import type { Item } from "../resource/resources.ts";

const { tailEvents } = catalog.events.operations;

export type Tailed = { readonly event: EventRow; readonly matches: unknown };

export const limits = { keptMax: 10_000, flushMs: 250, againMs: 5_000 } as const;

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
  /** Why there is no stream; undefined while there is one, or it is on its way. */
  readonly fault: unknown;
};

/** `search` is what the stream is filtered by; another one starts anew. */
export function useLiveEvents(paused: boolean, search: Item): Live {
  const [kept, setKept] = useState<readonly Tailed[]>([]);
  const [buffered, setBuffered] = useState(0);
  const [lost, setLost] = useState(0);
  const { connected, fault, setConnected, attempt } = useConnection(search);
  const buffer = useRef<Tailed[]>([]);
  const { url } = requestOf(tailEvents, search);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt opens it anew
  useEffect(() => {
    buffer.current = [];
    setKept([]);
    const source = new EventSource(url);
    source.onopen = () => setConnected("open");
    // A stream that was cut is opened again by the browser; one that was refused is not.
    source.onerror = () =>
      setConnected(source.readyState === EventSource.CLOSED ? "closed" : "waiting");
    source.onmessage = ({ data }) => {
      buffer.current.push(JSON.parse(String(data)) as Tailed);
      if (buffer.current.length <= limits.keptMax) return;
      buffer.current.shift();
      setLost((count) => count + 1);
    };
    return () => source.close();
  }, [url, attempt]);
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
  return { kept, buffered, lost, connected: connected === "open", fault };
}

/** Finds out why a stream was refused, and opens it again where that may help. */
function useConnection(search: Item) {
  const [connected, setConnected] = useState<"waiting" | "open" | "closed">("waiting");
  const [fault, setFault] = useState<unknown>(undefined);
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked once for each stream that closed
  useEffect(() => {
    if (connected === "open") setFault(undefined);
    if (connected !== "closed") return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOver = false;
    const again = () => {
      setConnected("waiting");
      setAttempt((count) => count + 1);
    };
    void refusalOf(tailEvents, search).then((found) => {
      if (isOver) return;
      setFault(found);
      if (!isRefusal(found)) timer = setTimeout(again, limits.againMs);
    });
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [connected]);
  return { connected, fault, setConnected, attempt };
}
