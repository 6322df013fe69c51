/** The file of `SecUnicodeMapFile`: what servers make of a character that a code page lacks. */

/**
 * The characters of one code page with the byte each becomes; undefined when the file has none.
 * A code page begins with its number; `201c:22` says that U+201C becomes 0x22.
 */
export function parseUnicodeMap(
  text: string,
  codePage: string,
): ReadonlyMap<number, number> | undefined {
  const map = new Map<number, number>();
  let isWanted = false;
  for (const token of text.split(/\s+/)) {
    if (/^\d+$/.test(token)) isWanted = token === codePage;
    else if (isWanted && /^[0-9a-f]{4}:[0-9a-f]{2}$/i.test(token)) {
      map.set(Number.parseInt(token.slice(0, 4), 16), Number.parseInt(token.slice(5), 16));
    }
  }
  return map.size === 0 ? undefined : map;
}
