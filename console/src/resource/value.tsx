/** One value of a resource as a person reads it. */
import Link from "@cloudscape-design/components/link";
import StatusIndicator, {
  type StatusIndicatorProps,
} from "@cloudscape-design/components/status-indicator";
import { lazy } from "react";
import { useWords } from "../language.tsx";
import { flatItems } from "./flat-items.ts";
import { hrefOf } from "./resources.ts";
import { isEnumField } from "./schema-fields.ts";

const ObjectRows = lazy(() => import("./object-rows.tsx"));

const TYPE_BY_VALUE: Readonly<Record<string, StatusIndicatorProps.Type>> = {
  applied: "success",
  current: "success",
  pending: "pending",
  valid: "success",
  served: "success",
  issued: "success",
  expiring: "warning",
  drifted: "error",
  waiting: "warning",
  canceled: "stopped",
  replaced: "stopped",
  behind: "pending",
  failed: "error",
  failing: "error",
  silent: "warning",
  critical: "error",
  high: "error",
  medium: "warning",
  low: "info",
  open: "warning",
  acknowledged: "in-progress",
  resolved: "success",
  falsePositive: "stopped",
  active: "in-progress",
  expired: "stopped",
  revoked: "stopped",
  block: "success",
  observe: "info",
  off: "stopped",
  allow: "success",
  deny: "error",
  Blocked: "error",
  Allowed: "success",
  Observed: "warning",
};
const STATUS_FIELDS = ["mode", "state", "status", "severity", "decision", "disposition", "action"];
/** Numbers that name something; a separator of thousands would change them. */
const NAMING_NUMBER = /(?:Id|Ids|Uid|Version)$|^(?:index|code|status|line|phase)$/;

export function Value({ field, value }: { field: string; value: unknown }) {
  const { t, valueText, numberText } = useWords();
  if (value === null || value === undefined || value === "") return <>{t("none")}</>;
  if (typeof value === "boolean") return <>{value ? t("yes") : t("no")}</>;
  if (typeof value === "number") {
    // An event that is no HTTP exchange has no status.
    if (field === "status" && value === 0) return <>{t("none")}</>;
    return <>{NAMING_NUMBER.test(field) ? value : numberText(value)}</>;
  }
  if (Array.isArray(value)) return <Several field={field} values={value} />;
  if (typeof value === "object") {
    return <pre className="json">{JSON.stringify(value, null, 2)}</pre>;
  }
  const text = String(value);
  if (/[tT]ime$/.test(field)) return <Time time={text} />;
  const href = hrefOf(field, text);
  if (href !== undefined) return <Link href={href}>{text}</Link>;
  if (!isEnumField(field)) return <>{text}</>;
  const type = STATUS_FIELDS.includes(field) ? TYPE_BY_VALUE[text] : undefined;
  if (type === undefined) return <>{valueText(text)}</>;
  return <StatusIndicator type={type}>{valueText(text)}</StatusIndicator>;
}

/** In the chosen zone; both zones and the age where the pointer rests. */
function Time({ time }: { time: string }) {
  const { timeText, timeTip } = useWords();
  if (Number.isNaN(Date.parse(time))) return <>{time}</>;
  return (
    <time dateTime={time} title={timeTip(time)}>
      {timeText(time)}
    </time>
  );
}

function Several({ field, values }: { field: string; values: readonly unknown[] }) {
  const { t, valueText } = useWords();
  if (values.length === 0) return <>{t("none")}</>;
  if (values.some((value) => typeof value === "object")) {
    const items = flatItems(values);
    if (items !== undefined) return <ObjectRows items={items} Value={Value} />;
    return <pre className="json">{JSON.stringify(values, null, 2)}</pre>;
  }
  return (
    <>
      {values.map((value, at) => {
        const href = hrefOf(field, String(value));
        const text = isEnumField(field) ? valueText(String(value)) : String(value);
        return (
          <span key={String(value)}>
            {at === 0 ? null : ", "}
            {href === undefined ? text : <Link href={href}>{text}</Link>}
          </span>
        );
      })}
    </>
  );
}
