/** Seconds and bytes in units that a person reads at a glance. */
const DURATIONS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;
const SIZES = [
  ["terabyte", 1_099_511_627_776],
  ["gigabyte", 1_073_741_824],
  ["megabyte", 1_048_576],
  ["kilobyte", 1_024],
] as const;
const SECONDS_FIELD = /Seconds(?:Min|Max)?$/;
const BYTES_FIELD = /^bytes$|Bytes(?:Min|Max)?$/;

/** Such as "47 days" of 4,060,800 in a field of seconds; "" when its unit is the best there is. */
export function quantityText(language: string, field: string, number: number): string {
  const isSeconds = SECONDS_FIELD.test(field);
  if (!isSeconds && !BYTES_FIELD.test(field)) return "";
  const [unit, size] = (isSeconds ? DURATIONS : SIZES).find(([, of]) => number >= of) ?? [];
  if (unit === undefined || size === undefined) return "";
  const unitDisplay = isSeconds ? "long" : "short";
  return new Intl.NumberFormat(language, {
    ...{ style: "unit", unit, unitDisplay, maximumFractionDigits: 1 },
  }).format(number / size);
}
