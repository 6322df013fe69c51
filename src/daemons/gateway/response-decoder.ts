/**
 * Decodes a response that must be read as text but came in a content coding, piece by piece: no
 * more is held than the decoder's own window and what waits for a slow client.
 */
import { type Coding, type DecodingStream, decodingStream } from "./content-coding.ts";

export type ResponseDecoder = {
  /** Takes bytes that nobody changes later; false when no more should come until `onFree`. */
  write(data: Buffer): boolean;
  /** No more will come; `onEnd` follows, or `onFault` where a body is not complete. */
  end(): void;
  /** Holds the text back, and lets it come again. */
  pause(): void;
  resume(): void;
  /** Nothing is told any more. */
  destroy(): void;
};

type Listeners = {
  /** Whether so much may have come out of what went in. */
  readonly mayGive: (bytesOut: number, bytesIn: number) => boolean;
  readonly onText: (text: Buffer) => void;
  readonly onFree: () => void;
  readonly onEnd: () => void;
  readonly onFault: (fault: "responseGrowsTooLarge" | "responseCannotBeDecoded") => void;
};

export function createResponseDecoder(
  coding: Coding,
  { mayGive, onText, onFree, onEnd, onFault }: Listeners,
): ResponseDecoder {
  let stream: DecodingStream | null = null;
  let isEnded = false;
  let isOver = false;
  let bytesIn = 0;
  let bytesOut = 0;
  const tell = (what: () => void) => {
    if (!isOver) what();
  };
  const take = (text: Buffer) => {
    bytesOut += text.length;
    onText(text);
    if (!isOver && !mayGive(bytesOut, bytesIn)) onFault("responseGrowsTooLarge");
  };
  const fail = () => tell(() => onFault("responseCannotBeDecoded"));
  const open = (first: Buffer): DecodingStream => {
    const opened = decodingStream(coding, first);
    opened.on("data", (text: Buffer) => tell(() => take(text)));
    opened.on("drain", () => tell(onFree));
    opened.on("error", fail);
    // It also ends before bytes that are not of the coding.
    opened.on("end", () => (opened.bytesWritten < bytesIn ? fail() : tell(onEnd)));
    return opened;
  };
  return {
    write(data) {
      if (isEnded) return false;
      bytesIn += data.length;
      stream ??= open(data);
      return stream.write(data);
    },
    end() {
      if (isEnded) return;
      isEnded = true;
      // A body of no bytes has no coding to end.
      if (stream === null) tell(onEnd);
      else stream.end();
    },
    pause: () => stream?.pause(),
    resume: () => stream?.resume(),
    destroy() {
      isOver = true;
      stream?.destroy();
    },
  };
}
