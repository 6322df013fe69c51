/** Answers kept for texts that come again: names, addresses, user agents. */
import { ownText } from "./own-text.ts";

const limits = { textsMax: 1_024, lengthMax: 256 } as const;

/**
 * A pure function of a latin1 text that answers from memory when it was asked before. Bounded:
 * whoever sends ever new texts empties the memory, and pays for it as without one.
 */
export function remembered<Answer>(answerTo: (text: string) => Answer): (text: string) => Answer {
  const known = new Map<string, Answer>();
  return (text) => {
    if (text.length > limits.lengthMax) return answerTo(text);
    const before = known.get(text);
    if (before !== undefined) return before;
    const answer = answerTo(text);
    if (known.size >= limits.textsMax) known.clear();
    known.set(ownText(text), answer);
    return answer;
  };
}
