/** One asked field: its label, what may stand in it, its fault, and the control for its type. */
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import Textarea from "@cloudscape-design/components/textarea";
import { lazy, Suspense } from "react";
import { useWords } from "../language.tsx";
import type { FormField as Field } from "./field-schema.ts";
import { resourceOfField } from "./id-field-of.ts";

const IdField = lazy(() => import("./id-field.tsx"));
const SECRET_FIELD = /password|secret|token/i;

type Props = {
  readonly field: Field;
  readonly text: string;
  readonly fault: string | undefined;
  set(name: string, text: string): void;
};

/** The range of a number, when the contract has one. */
function rangeOf({ minimum, maximum }: Field["schema"]): string {
  return minimum === undefined || maximum === undefined ? "" : `${minimum} – ${maximum}`;
}

export function AskedField(props: Props) {
  const { t, label } = useWords();
  const { field, fault } = props;
  const { name, required, schema } = field;
  const several = schema.type === "array" && resourceOfField(name) === undefined;
  return (
    <FormField
      label={required ? label(name) : `${label(name)} (${t("optional")})`}
      description={several ? t("onePerLine") : undefined}
      constraintText={rangeOf(schema)}
      errorText={fault}
      stretch={schema.type === "object"}
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
  if (schema.enum !== undefined || schema.type === "boolean") return <Choice {...props} />;
  if (schema.type === "array" || schema.type === "object" || (schema.maxLength ?? 0) > 2_000) {
    return (
      <Textarea
        value={text}
        rows={schema.type === "object" ? 18 : 3}
        spellcheck={false}
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
      onChange={({ detail }) => set(name, detail.value)}
    />
  );
}

function Choice({ field: { name, required, schema }, text, set }: Props) {
  const { t, valueText } = useWords();
  const choices = schema.enum ?? ["true", "false"];
  const options = choices.map((value) => ({
    value,
    label: schema.enum === undefined ? t(value === "true" ? "yes" : "no") : valueText(value),
  }));
  return (
    <Select
      options={required ? options : [{ value: "", label: t("none") }, ...options]}
      selectedOption={options.find(({ value }) => value === text) ?? null}
      onChange={({ detail }) => set(name, detail.selectedOption.value ?? "")}
      placeholder={t("none")}
    />
  );
}
