/** One asked field: its label, what may stand in it, its fault, and the control for its type. */
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Link from "@cloudscape-design/components/link";
import Multiselect from "@cloudscape-design/components/multiselect";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { lazy, Suspense } from "react";
import { useWords } from "../language.tsx";
import { faultsByRow } from "./condition-fault.ts";
import { isCondition } from "./condition-tree.ts";
import {
  type FormField as Field,
  isNested,
  isWordList,
  textOf,
  variantsOf,
} from "./field-schema.ts";
import { resourceOfField } from "./id-field-of.ts";
import { resourceAt } from "./resources.ts";

const IdField = lazy(() => import("./id-field.tsx"));
const FileField = lazy(() => import("./file-field.tsx"));
const ConditionField = lazy(() => import("./condition-field.tsx"));
const NestedField = lazy(() => import("./nested-field.tsx"));
const VariantField = lazy(() => import("./variant-field.tsx"));
const SECRET_FIELD = /password|secret|token/i;
/** Long, but one line all the same. */
const ONE_LINE_FIELD = /^(?:url|issuer|directoryUrl)$/;
/** Where one makes what a field needs; its hint ends with a link there. */
const MADE_AT: Readonly<Record<string, string>> = { geo: "geo-databases" };
/** Lines of a field that takes JSON: all that it holds, within these. */
const JSON_LINES = { min: 4, max: 24 } as const;

type Props = {
  readonly field: Field;
  readonly text: string;
  readonly fault: string | undefined;
  /** True where every field is optional, so that saying it of each says nothing. */
  readonly unmarked?: boolean;
  set(name: string, text: string): void;
};

/** The range of a number, of times and sizes in words as well; how long a new password must be. */
function useRange({ name, schema: { minimum, maximum, format, minLength = 0 } }: Field): string {
  const { t, numberText, quantityText } = useWords();
  if (format === "password" && minLength > 1) return t("charactersMin", { count: minLength });
  if (minimum === undefined || maximum === undefined) return "";
  const range = `${numberText(minimum)} – ${numberText(maximum)}`;
  const least = quantityText(name, minimum);
  const most = quantityText(name, maximum);
  if (most === "") return range;
  return `${range} (${least === "" ? t("atMost", { value: most }) : `${least} – ${most}`})`;
}

export function AskedField(props: Props) {
  const { t, label, hint } = useWords();
  const { field, fault, unmarked = false } = props;
  const { name, required, schema } = field;
  const isLines =
    schema.type === "array" &&
    !isNested(schema) &&
    !isWordList(schema) &&
    schema.items?.type !== "object" &&
    schema.items?.anyOf === undefined &&
    resourceOfField(name) === undefined;
  const range = useRange(field);
  const description = [hint(name), isLines ? t("onePerLine") : ""].filter(Boolean).join(" · ");
  const title = required || unmarked ? label(name) : t("optionalOf", { label: label(name) });
  if (isCondition(schema)) {
    // Not inside: a field's label would take the place of those of its many controls.
    return (
      <SpaceBetween size="xxs">
        <FormField label={title} description={description} errorText={faultsByRow(fault).get("")} />
        <Control {...props} />
      </SpaceBetween>
    );
  }
  if (isNested(schema) && schema.type === "object") {
    // A box of its own: one sees which fields belong together, and a fault of one is not all's.
    return (
      // biome-ignore lint/a11y/useSemanticElements: a fieldset would take its look.
      <div role="group" aria-label={title}>
        <Container
          header={
            <Header variant="h3" description={<Description name={name} text={description} />}>
              {title}
            </Header>
          }
        >
          <SpaceBetween size="s">
            {fault === undefined ? null : <FormField errorText={fault} />}
            <Control {...props} />
          </SpaceBetween>
        </Container>
      </div>
    );
  }
  return (
    <FormField
      label={title}
      description={description === "" ? undefined : description}
      constraintText={range}
      errorText={fault}
      stretch={schema.type === "object" || isNested(schema)}
    >
      <Control {...props} />
    </FormField>
  );
}

/** In a tab of its own, so that what is written in the form stays. */
function Description({ name, text }: { readonly name: string; readonly text: string }) {
  const { resourceTitle } = useWords();
  const shown = resourceAt(MADE_AT[name] ?? "");
  if (shown === undefined) return text;
  return (
    <>
      {text}{" "}
      <Link href={`/${shown.path}`} target="_blank">
        {resourceTitle(shown.resource.name)}
      </Link>
    </>
  );
}

function Control(props: Props) {
  const { field, text, set } = props;
  const { label } = useWords();
  const { name, required, schema } = field;
  // What is made has no id yet: a name that is an id is written.
  const named = field.own === true ? undefined : resourceOfField(name);
  if (named !== undefined) {
    const several = schema.type === "array";
    return (
      <Suspense fallback={<Input value={text} disabled ariaLabel={label(name)} />}>
        <IdField {...{ shown: named, several, required, text }} set={(next) => set(name, next)} />
      </Suspense>
    );
  }
  if (schema.contentEncoding === "base64" && schema.contentMediaType !== undefined) {
    return (
      <Suspense fallback={<Input value="" disabled ariaLabel={label(name)} />}>
        <FileField accept={schema.contentMediaType} set={(next) => set(name, next)} />
      </Suspense>
    );
  }
  if (isStructured(schema)) {
    return (
      <Suspense fallback={<Input value="" disabled ariaLabel={label(name)} />}>
        <Structured {...props} />
      </Suspense>
    );
  }
  if (schema.enum !== undefined || schema.type === "boolean") return <Choice {...props} />;
  if (isWordList(schema)) return <Choices {...props} />;
  const isJson = schema.type === "object" || schema.anyOf !== undefined;
  const isLong = (schema.maxLength ?? 0) > 2_000 && !ONE_LINE_FIELD.test(name);
  if (schema.type === "array" || isJson || isLong) {
    const lines = text.split("\n").length + 1;
    return (
      <div className={isJson ? "json-text" : undefined}>
        <Textarea
          value={text}
          rows={isJson ? Math.min(JSON_LINES.max, Math.max(JSON_LINES.min, lines)) : 3}
          spellcheck={false}
          placeholder={textOf(field.fallback)}
          onChange={({ detail }) => set(name, detail.value)}
        />
      </div>
    );
  }
  const isSecret = schema.format === "password" || SECRET_FIELD.test(name);
  // Passwords are hidden, how long they must be is not.
  const secret = isSecret && schema.type === "string";
  return (
    <Input
      value={text}
      name={name}
      type={secret ? "password" : "text"}
      inputMode={schema.type === "integer" ? "numeric" : "text"}
      placeholder={textOf(field.fallback)}
      onChange={({ detail }) => set(name, detail.value)}
    />
  );
}

const isStructured = (schema: Field["schema"]): boolean =>
  isCondition(schema) || isNested(schema) || variantsOf(schema).length > 0;

/** What is more than one control: conditions, things of several kinds, groups and rows. */
function Structured({ field: { name, schema }, text, fault, set }: Props) {
  const shared = { schema, text, set: (next: string) => set(name, next) };
  if (isCondition(schema)) return <ConditionField {...shared} fault={fault} />;
  if (isNested(schema)) return <NestedField {...shared} Asked={AskedField} />;
  return <VariantField {...shared} name={name} Asked={AskedField} />;
}

function Choice({ field: { name, required, schema, fallback }, text, set }: Props) {
  const { t, valueText } = useWords();
  const choices = schema.enum ?? ["true", "false"];
  const textFor = (value: string) =>
    schema.enum === undefined ? t(value === "true" ? "yes" : "no") : valueText(value);
  const options = choices.map((value) => ({ value, label: textFor(value) }));
  const none =
    fallback === undefined ? t("none") : t("defaultOf", { value: textFor(String(fallback)) });
  return (
    <Select
      options={required ? options : [{ value: "", label: none }, ...options]}
      selectedOption={options.find(({ value }) => value === text) ?? null}
      onChange={({ detail }) => set(name, detail.selectedOption.value ?? "")}
      placeholder={required ? t("choose") : none}
    />
  );
}

/** Several of an enumeration's words. */
function Choices({ field: { name, schema }, text, set }: Props) {
  const { t, valueText } = useWords();
  const options = (schema.items?.enum ?? []).map((value) => ({ value, label: valueText(value) }));
  const chosen = new Set(text.split("\n"));
  return (
    <Multiselect
      options={options}
      selectedOptions={options.filter(({ value }) => chosen.has(value))}
      onChange={({ detail }) =>
        set(name, detail.selectedOptions.map(({ value = "" }) => value).join("\n"))
      }
      placeholder={t("choose")}
    />
  );
}
