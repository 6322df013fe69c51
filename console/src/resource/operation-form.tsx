/** A form made from an operation's input schema, with the server's faults beside the fields. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";
import type { Operation } from "../../../src/kernel/operation.ts";
import { ApiError, callAny, requestOf } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { Failure } from "../shell/failure.tsx";
import { type FormField as Field, fieldsOf, readForm, type Texts, textOf } from "./field-schema.ts";
import type { Item } from "./resources.ts";

type Props = {
  readonly operation: Operation;
  /** Fields whose values are known and not asked for. */
  readonly fixed?: Item;
  readonly initial?: Item;
  readonly submitText: string;
  readonly cancel?: () => void;
  done(result: Item): void;
};

function useForm({ operation, fixed = {}, initial = {}, done }: Props) {
  const { t } = useWords();
  const fields = fieldsOf(operation).filter(({ name }) => !Object.hasOwn(fixed, name));
  const [texts, setTexts] = useState<Texts>(() =>
    Object.fromEntries(fields.map(({ name }) => [name, textOf(initial[name])])),
  );
  const [faults, setFaults] = useState<Texts>({});
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const read = readForm(fields, texts);
  const submit = async (): Promise<void> => {
    setError(undefined);
    if ("faults" in read) {
      setFaults(
        Object.fromEntries(Object.entries(read.faults).map(([at, fault]) => [at, t(fault)])),
      );
      return;
    }
    setFaults({});
    setBusy(true);
    try {
      done(await callAny(operation, { ...fixed, ...read.input }));
    } catch (caught) {
      setError(caught);
      if (caught instanceof ApiError) setFaults(faultsByField(caught));
    }
    setBusy(false);
  };
  const set = (name: string, text: string) => setTexts((all) => ({ ...all, [name]: text }));
  return { fields, texts, set, faults, error, busy, read, submit };
}

function faultsByField({ details }: ApiError): Texts {
  const faults: Record<string, string> = {};
  for (const { path, message } of details) {
    const [, field = "", ...rest] = path.split("/");
    const text = rest.length === 0 ? message : `${rest.join("/")}: ${message}`;
    faults[field] = faults[field] === undefined ? text : `${faults[field]}; ${text}`;
  }
  return faults;
}

export function OperationForm(props: Props) {
  const { t } = useWords();
  const { fields, texts, set, faults, error, busy, read, submit } = useForm(props);
  const { operation, fixed = {}, submitText, cancel } = props;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
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
            <Button variant="primary" loading={busy}>
              {submitText}
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          {fields.map((field) => (
            <AskedField
              key={field.name}
              {...{ field, set }}
              text={texts[field.name] ?? ""}
              fault={faults[field.name]}
            />
          ))}
          {"input" in read && operation.authentication !== "none" ? (
            <ExpandableSection headerText={t("showAsApi")}>
              <ApiCall operation={operation} input={{ ...fixed, ...read.input }} />
            </ExpandableSection>
          ) : null}
        </SpaceBetween>
      </Form>
    </form>
  );
}

function ApiCall({ operation, input }: { operation: Operation; input: Item }) {
  const secret = operation.secretInput ?? [];
  const shown = Object.fromEntries(
    Object.entries(input).map(([name, value]) => [name, secret.includes(name) ? "***" : value]),
  );
  const { method, url, body } = requestOf(operation, shown);
  return (
    <Box variant="code">
      <pre className="json">{`${method} ${url}\n${JSON.stringify(body, null, 2)}`}</pre>
    </Box>
  );
}

type AskedProps = {
  readonly field: Field;
  readonly text: string;
  readonly fault: string | undefined;
  set(name: string, text: string): void;
};

function AskedField({ field, text, fault, set }: AskedProps) {
  const { t, label } = useWords();
  const { name, required, schema } = field;
  const several = schema.type === "array";
  return (
    <FormField
      label={required ? label(name) : `${label(name)} (${t("optional")})`}
      description={several ? t("onePerLine") : undefined}
      errorText={fault}
      stretch={schema.type === "object"}
    >
      <Control {...{ field, text, set }} />
    </FormField>
  );
}

function Control({ field: { name, schema }, text, set }: Omit<AskedProps, "fault">) {
  const { t, valueText } = useWords();
  const choices = schema.enum ?? (schema.type === "boolean" ? ["true", "false"] : undefined);
  if (choices !== undefined) {
    const options = choices.map((value) => ({
      value,
      label: schema.type === "boolean" ? t(value === "true" ? "yes" : "no") : valueText(value),
    }));
    return (
      <Select
        options={options}
        selectedOption={options.find(({ value }) => value === text) ?? null}
        onChange={({ detail }) => set(name, detail.selectedOption.value ?? "")}
        placeholder={t("none")}
      />
    );
  }
  if (schema.type === "array" || schema.type === "object") {
    const rows = schema.type === "object" ? 18 : 3;
    return (
      <Textarea
        value={text}
        rows={rows}
        spellcheck={false}
        onChange={({ detail }) => set(name, detail.value)}
      />
    );
  }
  return (
    <Input
      value={text}
      name={name}
      type={schema.format === "password" || name === "password" ? "password" : "text"}
      inputMode={schema.type === "integer" ? "numeric" : "text"}
      onChange={({ detail }) => set(name, detail.value)}
    />
  );
}
