/** A form made from an operation's input schema, with the server's faults beside the fields. */
import Button from "@cloudscape-design/components/button";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Form from "@cloudscape-design/components/form";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { lazy, Suspense, useState } from "react";
import type { Operation } from "../../../src/kernel/operation.ts";
import { ApiError, callAny } from "../api/client.ts";
import { useWords, WordsOf } from "../language.tsx";
import { Failure } from "../shell/failure.tsx";
import { dryRunOf } from "./dry-run-of.ts";
import { faultText } from "./fault-text.ts";
import { AskedField } from "./field-control.tsx";
import {
  type Change,
  type FormField,
  fieldsOf,
  readForm,
  type Texts,
  textOf,
} from "./field-schema.ts";
import { idFieldMadeBy } from "./id-field-of.ts";
import { relevantFields } from "./relevant-fields.ts";
import type { Item } from "./resources.ts";

/** So many fields are seen at once; optional ones beyond are folded away. */
const OPEN_MAX = 6;
const DryRunResult = lazy(() => import("./dry-run-result.tsx"));
const CallText = lazy(() => import("./call-text.tsx"));
/** A boolean input of this name makes a second button that changes nothing. */
const DRY_RUN = "dryRun";

type Props = {
  readonly operation: Operation;
  /** Fields whose values are known and not asked for. */
  readonly fixed?: Item;
  readonly initial?: Item;
  readonly submitText: string;
  readonly disabled?: boolean;
  readonly cancel?: () => void;
  /** Instead of the call: what is done with the input. */
  readonly send?: (input: Item) => Promise<Item>;
  done(result: Item): void;
};

function useForm({ operation, fixed = {}, initial = {}, send, done }: Props) {
  const words = useWords();
  const { t } = words;
  const made = idFieldMadeBy(operation);
  const fields = fieldsOf(operation)
    .filter(({ name }) => !Object.hasOwn(fixed, name) && name !== DRY_RUN)
    .map((field) => ({ ...field, own: field.name === made && !isGivenId(field) }));
  const [texts, setTexts] = useState<Texts>(() =>
    Object.fromEntries(fields.map(({ name }) => [name, textOf(initial[name])])),
  );
  const [faults, setFaults] = useState<Texts>({});
  const [error, setError] = useState<unknown>();
  const [tried, setTried] = useState<Item>();
  const [busy, setBusy] = useState(false);
  const asked = relevantFields(
    operation,
    fields,
    (name) => texts[name] ?? textOf(initial[name] ?? fixed[name]),
  );
  const change = changeBy(operation, initial);
  const read = readForm(asked, texts, change);
  const submit = async (options: { dryRun: boolean }): Promise<void> => {
    setError(undefined);
    setTried(undefined);
    const trier = options.dryRun ? dryRunOf(operation) : undefined;
    const takes = ({ name }: FormField): boolean =>
      trier === undefined || Object.hasOwn(trier.input.properties, name);
    const taken = trier === undefined ? read : readForm(asked.filter(takes), texts, change);
    if ("faults" in taken) {
      setFaults(
        Object.fromEntries(Object.entries(taken.faults).map(([at, fault]) => [at, t(fault)])),
      );
      return;
    }
    setFaults({});
    setBusy(true);
    try {
      const input = { ...fixed, ...taken.input };
      if (trier !== undefined)
        setTried(await callAny(trier, knownTo(trier, { ...initial, ...input })));
      else if (options.dryRun) setTried(await callAny(operation, { ...input, [DRY_RUN]: true }));
      else done(await (send === undefined ? callAny(operation, input) : send(input)));
    } catch (caught) {
      setError(caught);
      if (caught instanceof ApiError) setFaults(faultsByField(caught, words));
    }
    setBusy(false);
  };
  const set = (name: string, text: string) => setTexts((all) => ({ ...all, [name]: text }));
  return { fields: asked, texts, set, faults, error, busy, read, submit, tried };
}

/** What a form changes; undefined for something new, whose fields only begin with something. */
function changeBy({ method }: Operation, before: Item): Change | undefined {
  if (method !== "PATCH" && method !== "PUT") return undefined;
  return { before, leftOut: method === "PATCH" ? "stays" : "default" };
}

/** True for ids that the server gives, `site-` and ten characters: never written by a person. */
const isGivenId = ({ schema }: FormField): boolean =>
  schema.pattern?.includes("[0-9a-z]{10}") === true;

/** Of the values, those that an operation takes. */
function knownTo({ input }: Operation, values: Item): Item {
  const entries = Object.entries(values);
  return Object.fromEntries(entries.filter(([name]) => Object.hasOwn(input.properties, name)));
}

function faultsByField({ details }: ApiError, words: Parameters<typeof faultText>[1]): Texts {
  const faults: Record<string, string> = {};
  for (const { path, message: said } of details) {
    const message = faultText(said, words);
    const [, field = "", ...rest] = path.split("/");
    const text = rest.length === 0 ? message : `${rest.join("/")}: ${message}`;
    faults[field] = faults[field] === undefined ? text : `${faults[field]}; ${text}`;
  }
  return faults;
}

/** Fields that are needed or filled in stay open; the rest only while there are few. */
function divided(fields: readonly FormField[], initial: Item) {
  if (fields.length <= OPEN_MAX + 1) return { open: fields, folded: [] };
  const isChange = !fields.some(({ required }) => required);
  const filled = ({ name }: FormField) => !isChange && textOf(initial[name]) !== "";
  const needed = fields.filter((field) => field.required || filled(field));
  const rest = fields.filter((field) => !needed.includes(field));
  // What is written as JSON is asked for last: few need it.
  const isPlain = ({ schema }: FormField) => schema.type !== "object";
  const others = [...rest.filter(isPlain), ...rest.filter((field) => !isPlain(field))];
  const extra = others.slice(0, Math.max(0, OPEN_MAX - needed.length));
  const open = fields.filter((field) => needed.includes(field) || extra.includes(field));
  return { open, folded: fields.filter((field) => !open.includes(field)) };
}

export function OperationForm(props: Props) {
  return (
    <WordsOf service={props.operation.name.split(".")[0] ?? ""}>
      <AskedFields {...props} />
    </WordsOf>
  );
}

function AskedFields(props: Props) {
  const { t } = useWords();
  const form = useForm(props);
  const { fields, texts, set, faults, error, busy, read, submit, tried } = form;
  const { operation, fixed = {}, submitText, disabled = false, cancel } = props;
  const { open, folded } = divided(fields, props.initial ?? {});
  const asked = (field: FormField) => (
    <AskedField
      key={field.name}
      {...{ field, set }}
      text={texts[field.name] ?? ""}
      fault={faults[field.name]}
      unmarked={!fields.some(({ required }) => required)}
    />
  );
  const trier = dryRunOf(operation);
  const hasDryRun = trier !== undefined || Object.hasOwn(operation.input.properties, DRY_RUN);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!disabled) void submit({ dryRun: false });
      }}
    >
      <Form
        errorText={error === undefined ? undefined : <Failure error={error} />}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            {cancel === undefined ? null : (
              <Button variant="link" formAction="none" onClick={cancel}>
                {t("cancel")}
              </Button>
            )}
            {hasDryRun ? (
              <Button formAction="none" onClick={() => void submit({ dryRun: true })}>
                {t(trier === undefined ? "dryRun" : "tryOnLastHour")}
              </Button>
            ) : null}
            <Button variant="primary" loading={busy} disabled={disabled}>
              {submitText}
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          {open.map(asked)}
          {folded.length === 0 ? null : (
            <ExpandableSection
              headerText={t("moreSettings", { count: folded.length })}
              {...(folded.some(({ name }) => faults[name] !== undefined) ? { expanded: true } : {})}
            >
              <SpaceBetween size="l">{folded.map(asked)}</SpaceBetween>
            </ExpandableSection>
          )}
          {tried === undefined ? null : (
            <Suspense fallback={t("loading")}>
              <DryRunResult result={tried} />
            </Suspense>
          )}
          {operation.authentication === "none" ? null : (
            <AsCall
              operation={operation}
              input={{ ...fixed, ...("input" in read ? read.input : {}) }}
            />
          )}
        </SpaceBetween>
      </Form>
    </form>
  );
}

/** The same as a command and as a request; loaded when somebody opens it. */
function AsCall({ operation, input }: { operation: Operation; input: Item }) {
  const { t } = useWords();
  const [open, setOpen] = useState(false);
  return (
    <ExpandableSection
      headerText={t("showAs")}
      expanded={open}
      onChange={({ detail }) => setOpen(detail.expanded)}
    >
      <Suspense fallback={t("loading")}>
        {open ? <CallText operation={operation} input={input} /> : null}
      </Suspense>
    </ExpandableSection>
  );
}
