/** Countries by their two letters (ISO 3166-1), as people of a language call them. */

const CODE = /^[A-Z]{2}$/;

/** `CN   China`; anything else than two letters stays as it is, and so do letters of no country. */
export function countryText(code: string, language: string): string {
  if (!CODE.test(code)) return code;
  const names = new Intl.DisplayNames([language], { type: "region", fallback: "none" });
  const name = names.of(code);
  return name === undefined ? code : `${code} ${name}`;
}
