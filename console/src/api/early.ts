/**
 * Requests that are under way before the console's code has arrived. Whoever asks for such an
 * address first gets that answer; everybody after asks the server.
 */
const underWay = new Map<string, Promise<Response>>();

/** Asks for an address now. A failure belongs to the one who takes the answer. */
export function askEarly(url: string): void {
  const answer = fetch(url);
  answer.catch(() => {});
  underWay.set(url, answer);
}

/** The answer that was asked for early, once. */
export function takeEarly(url: string): Promise<Response> | undefined {
  const answer = underWay.get(url);
  underWay.delete(url);
  return answer;
}
