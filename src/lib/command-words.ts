/**
 * The words of the command that is made from an operation: `createSite` is `site create`. One place
 * for the command line, which runs it, and the console, which shows it.
 */

export type CommandWords = { readonly noun: string; readonly verb: string };

/**
 * @param key the operation's key in its contract, such as `createSite` or `encrypt`.
 * @param path the operation's path. A key that is a verb alone is about what its path ends with:
 *   `encrypt` of `/keys/{keyId}:encrypt` is `key encrypt`.
 * @param service takes the noun's place where neither has one.
 */
export function commandWords(key: string, path: string, service: string): CommandWords {
  const [, verb = key, noun] =
    /^(re[A-Z][a-z]+|dryRun|rollBack|[a-z]+)([A-Z]\w*)?$/.exec(key) ?? [];
  const named = noun ?? /\/([A-Za-z]+)(?:\/\{\w+\})?:\w+$/.exec(path)?.[1] ?? service;
  return { noun: singular(dashed(named)), verb: dashed(verb) };
}

/** `siteId` as `site-id`. */
export function dashed(text: string): string {
  return text.replace(
    /[A-Z]/g,
    (letter, at: number) => `${at > 0 ? "-" : ""}${letter.toLowerCase()}`,
  );
}

function singular(noun: string): string {
  if (noun.endsWith("ies")) return `${noun.slice(0, -3)}y`;
  if (/(?:ias|ch|ss)es$/.test(noun)) return noun.slice(0, -2);
  return /(?:ss|us|ias|tls)$/.test(noun) ? noun : noun.replace(/s$/, "");
}
