/** One value of a resource as a person reads it. */
import Link from "@cloudscape-design/components/link";
import StatusIndicator, {
  type StatusIndicatorProps,
} from "@cloudscape-design/components/status-indicator";
import { lazy } from "react";
import { useWords } from "../language.tsx";
import { isCoding } from "./answer-fields.ts";
import { ConditionOutline, isConditionItem } from "./condition-outline.tsx";
import { flatItems } from "./flat-items.ts";
import { resourceOfField, resourceOfId } from "./id-field-of.ts";
import { useNameOf } from "./names.ts";
import { hrefOf, type Item } from "./resources.ts";
import { isEnumField } from "./schema-fields.ts";

const ObjectRows = lazy(() => import("./object-rows.tsx"));
const KindWords = lazy(() => import("./kind-words.tsx"));

const isItem = (value: object): value is Item => !Array.isArray(value);

const TYPE_BY_VALUE: Readonly<Record<string, StatusIndicatorProps.Type>> = {
  applied: "success",
  done: "success",
  accepted: "success",
  rejected: "stopped",
  running: "in-progress",
  sent: "success",
  retrying: "warning",
  silenced: "stopped",
  up: "success",
  down: "error",
  ejected: "error",
  drained: "stopped",
  approved: "success",
  unapproved: "warning",
  changed: "error",
  enabled: "success",
  disabled: "stopped",
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
const STATUS_FIELDS = [
  "lastState",
  "mode",
  "state",
  "status",
  "severity",
  "decision",
  "disposition",
  "action",
];
const UID_CHARS = 8;
/** Numbers that name something; a separator of thousands would change them. */
const NAMING_NUMBER = /(?:Id|Ids|Uid|Version)$|^(?:index|code|status|line|phase)$/;

/** Numbers of OCSF by the field that holds them. */
const OCSF_WORDS: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  severityId: {
    ...{ 1: "informational", 2: "low", 3: "medium", 4: "high", 5: "critical", 6: "fatal" },
  },
  classUid: {
    ...{ 1001: "fileActivity", 1007: "processActivity", 2002: "vulnerabilityFinding" },
    ...{ 2003: "complianceFinding", 2004: "detectionFinding", 2005: "incidentFinding" },
    ...{ 3001: "accountChange", 3002: "authentication", 4001: "networkActivity" },
    ...{ 4002: "httpActivity", 6003: "apiActivity" },
  },
};

type Props = {
  readonly field: string;
  readonly value: unknown;
  /** The id is that of the thing itself, so its name says nothing more. */
  readonly own?: boolean;
};

export function Value({ field, value, own = false }: Props) {
  const { t, valueText } = useWords();
  if (value === null || value === undefined || value === "") return <>{t("none")}</>;
  if (typeof value === "boolean") return <>{value ? t("yes") : t("no")}</>;
  if (typeof value === "number") {
    // An event that is no HTTP exchange has no status.
    if (field === "status" && value === 0) return <>{t("none")}</>;
    const word = OCSF_WORDS[field]?.[value];
    if (word !== undefined) return <>{`${valueText(word)} (${value})`}</>;
    return <Quantity field={field} value={value} />;
  }
  if (Array.isArray(value)) return <Several field={field} values={value} />;
  if (typeof value === "object") {
    if (isConditionItem(value)) return <ConditionOutline condition={value} />;
    if ("kind" in value && isItem(value)) return <KindWords item={value} Value={Value} />;
    const words = flatText(value);
    if (words !== undefined) return <>{words === "" ? t("none") : words}</>;
    return <pre className="json">{JSON.stringify(value, null, 2)}</pre>;
  }
  const text = String(value);
  if (/[tT]ime$/.test(field)) return <Time time={text} />;
  if (text.includes("\n")) return <pre className="json">{text}</pre>;
  if (!own && (resourceOfField(field) ?? resourceOfId(text)) !== undefined)
    return <Reference field={field} id={text} />;
  const href = hrefOf(field, text);
  if (href !== undefined) return <Link href={href}>{text}</Link>;
  // The type of an event itself is what filters and routes go by.
  if (field === "eventType" || (field === "type" && text.includes(".")))
    return <span title={text}>{valueText(text)}</span>;
  if (!isEnumField(field)) return <>{text}</>;
  const type = STATUS_FIELDS.includes(field) ? TYPE_BY_VALUE[text] : undefined;
  if (type === undefined) return <>{valueText(text)}</>;
  return <StatusIndicator type={type}>{valueText(text)}</StatusIndicator>;
}

/** Of a whole list of uids, what is enough to tell one from another; each leads to its page. */
const shortUid = (field: string, id: string): string =>
  /[uU]ids$/.test(field) ? id.slice(0, UID_CHARS) : id;

/** Tags and the like, which need no JSON: `team = shop, stage = test`. */
export function flatText(value: object): string | undefined {
  const entries = Object.entries(value);
  if (Array.isArray(value) || entries.some(([, one]) => typeof one !== "string")) return undefined;
  return entries.map(([name, one]) => `${name} = ${one}`).join(", ");
}

/** With thousands apart; seconds and bytes in a larger unit as well. */
function Quantity({ field, value }: { field: string; value: number }) {
  const { numberText, quantityText } = useWords();
  if (NAMING_NUMBER.test(field)) return <>{value}</>;
  const words = quantityText(field, value);
  return <>{words === "" ? numberText(value) : `${numberText(value)} (${words})`}</>;
}

/** The name of what an id names, as a link to it; the id where the name cannot be read. */
function Reference({ field, id }: { field: string; id: string }) {
  const name = useNameOf(field, id);
  const of = resourceOfField(field) ?? resourceOfId(id);
  const href = hrefOf(of?.resource.idField ?? field, id);
  const text = name ?? id;
  return <span title={id}>{href === undefined ? text : <Link href={href}>{text}</Link>}</span>;
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

/** An item with its texts in the chosen language, and without how they are told in others. */
function toldItem(value: unknown, told: (item: Item, field: string) => unknown): unknown {
  if (typeof value !== "object" || value === null || !isItem(value)) return value;
  const fields = Object.keys(value).filter((field) => !isCoding(field));
  return Object.fromEntries(fields.map((field) => [field, told(value, field)]));
}

function Several({ field, values }: { field: string; values: readonly unknown[] }) {
  const { t, label, valueText, told } = useWords();
  if (values.length === 0) return <>{t("none")}</>;
  if (values.some((value) => typeof value === "object")) {
    const items = flatItems(values.map((value) => toldItem(value, told)));
    if (items !== undefined) return <ObjectRows title={label(field)} items={items} Value={Value} />;
    return <pre className="json">{JSON.stringify(values, null, 2)}</pre>;
  }
  return (
    <>
      {values.map((value, at) => {
        const id = String(value);
        const href = hrefOf(field, id);
        const text = isEnumField(field) ? valueText(id) : shortUid(field, id);
        const inside = href === undefined ? text : <Link href={href}>{text}</Link>;
        return (
          <span key={id}>
            {at === 0 ? null : ", "}
            {(resourceOfField(field) ?? resourceOfId(id)) === undefined ? (
              inside
            ) : (
              <Reference field={field} id={id} />
            )}
          </span>
        );
      })}
    </>
  );
}
