/** One asked field: its label, what may stand in it, its fault, and the control for its type. */
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import Textarea from "@cloudscape-design/components/textarea";
import { lazy, Suspense } from "react";
import { useWords } from "../language.tsx";
import { type FormField as Field, isNested, textOf } from "./field-schema.ts";
import { resourceOfField } from "./id-field-of.ts";

const IdField = lazy(() => import("./id-field.tsx"));
const NestedField = lazy(() => import("./nested-field.tsx"));
const SECRET_FIELD = /password|secret|token/i;

type Props = {
  readonly field: Field;
  readonly text: string;
  readonly fault: string | undefined;
  /** True where every field is optional, so that saying it of each says nothing. */
  readonly unmarked?: boolean;
  set(name: string, text: string): void;
};

/** The range of a number, when the contract has one. */
function rangeOf({ minimum, maximum }: Field["schema"]): string {
  return minimum === undefined || maximum === undefined ? "" : `${minimum} – ${maximum}`;
}

export function AskedField(props: Props) {
  const { t, label, hint } = useWords();
  const { field, fault, unmarked = false } = props;
  const { name, required, schema } = field;
  const isLines =
    schema.type === "array" && !isNested(schema) && resourceOfField(name) === undefined;
  const description = [hint(name), isLines ? t("onePerLine") : ""].filter(Boolean).join(" · ");
  return (
    <FormField
      label={required || unmarked ? label(name) : `${label(name)} (${t("optional")})`}
      description={description === "" ? undefined : description}
      constraintText={rangeOf(schema)}
      errorText={fault}
      stretch={schema.type === "object" || isNested(schema)}
    >
      <Control {...props} />
    </FormField>
  );
}

function Control(props: Props) {
  const { field, text, set } = props;
  const { name, required, schema } = field;
  const named = resourceOfField(name);
  if (named !== undefined) {
    const several = schema.type === "array";
    return (
      <Suspense fallback={<Input value={text} disabled />}>
        <IdField {...{ shown: named, several, required, text }} set={(next) => set(name, next)} />
      </Suspense>
    );
  }
  if (isNested(schema)) {
    return (
      <Suspense fallback={<Input value="" disabled />}>
        <NestedField {...{ schema, text }} Asked={AskedField} set={(next) => set(name, next)} />
      </Suspense>
    );
  }
  if (schema.enum !== undefined || schema.type === "boolean") return <Choice {...props} />;
  const isJson = schema.type === "object" || schema.anyOf !== undefined;
  if (schema.type === "array" || isJson || (schema.maxLength ?? 0) > 2_000) {
    return (
      <Textarea
        value={text}
        rows={isJson ? 10 : 3}
        spellcheck={false}
        placeholder={textOf(field.fallback)}
        onChange={({ detail }) => set(name, detail.value)}
      />
    );
  }
  const secret = schema.format === "password" || SECRET_FIELD.test(name);
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
      placeholder={none}
    />
  );
}
