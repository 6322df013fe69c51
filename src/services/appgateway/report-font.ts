/** The font with Chinese characters for reports on paper: the operator's, or the system's. */
import { existsSync } from "node:fs";

export type ReportFont = { readonly file: string; readonly family: string | undefined };

/** Where Debian's packages fonts-noto-cjk and fonts-wqy-* put theirs, with the face in each. */
const PLACES: readonly ReportFont[] = [
  {
    file: "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    family: "NotoSansCJKsc-Regular",
  },
  { file: "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", family: "WenQuanYiMicroHei" },
  { file: "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", family: "WenQuanYiZenHei" },
  { file: "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", family: undefined },
];

/** @param named a file that the operator named; it is taken even where others are installed. */
export function reportFont(named: string | undefined): ReportFont | undefined {
  const known = PLACES.find(({ file }) => file === named);
  if (named !== undefined) {
    return existsSync(named) ? (known ?? { file: named, family: undefined }) : undefined;
  }
  return PLACES.find(({ file }) => existsSync(file));
}
