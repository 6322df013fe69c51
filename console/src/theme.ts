/** Cordon's own look, set through the component library's design tokens. */
import { generateThemeStylesheet, type Theme } from "@cloudscape-design/components/theming";

const accent = { light: "#0b7a75", dark: "#4fd1c5" };
const accentStrong = { light: "#085e5a", dark: "#81e6d9" };

const theme: Theme = {
  tokens: {
    fontFamilyBase:
      "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', sans-serif",
    borderRadiusButton: "6px",
    borderRadiusContainer: "8px",
    colorBackgroundButtonPrimaryDefault: accent,
    colorBackgroundButtonPrimaryHover: accentStrong,
    colorBackgroundButtonPrimaryActive: accentStrong,
    colorTextButtonPrimaryDefault: { light: "#ffffff", dark: "#06201e" },
    colorTextButtonPrimaryHover: { light: "#ffffff", dark: "#06201e" },
    colorBorderButtonNormalDefault: accent,
    colorBorderButtonNormalHover: accentStrong,
    colorTextButtonNormalDefault: accent,
    colorTextButtonNormalHover: accentStrong,
    colorTextAccent: accent,
    colorTextLinkDefault: accent,
    colorTextLinkHover: accentStrong,
    colorBorderItemFocused: accent,
    colorBackgroundControlChecked: accent,
    colorBackgroundToggleCheckedDisabled: accent,
    // What stands on it is white in the light and dark in the dark.
    colorBackgroundSegmentActive: accent,
    colorBorderSegmentActive: accent,
    colorBorderSegmentHover: accent,
    colorTextSegmentHover: accentStrong,
    colorBackgroundDropdownItemSelected: { light: "#eaf4f3", dark: "#1b2c2e" },
    colorBackgroundItemSelected: { light: "#eaf4f3", dark: "#1b2c2e" },
    colorBorderItemSelected: accent,
    colorBackgroundLayoutMain: { light: "#f7f9f9", dark: "#10191a" },
  },
};

/** The styles, made once when the console is built: the generator is larger than the console. */
export const themeStylesheet = (): string => generateThemeStylesheet({ theme });
