/** Encodes a stream of items for the wire. */

/** Server-Sent Events: one `data:` line an item, a comment when nothing came for a while. */
export async function* streamServerSentEvents(
  items: AsyncIterable<unknown>,
): AsyncIterable<string> {
  yield ": connected\n\n";
  for await (const item of items) {
    yield item === undefined ? ": waiting\n\n" : `data: ${JSON.stringify(item)}\n\n`;
  }
}

/** One JSON document a line. */
export async function* streamLines(items: AsyncIterable<unknown>): AsyncIterable<string> {
  for await (const item of items) yield `${JSON.stringify(item)}\n`;
}
