/** A field that names another resource: chosen from those there are, not typed from memory. */
import Multiselect from "@cloudscape-design/components/multiselect";
import Select, { type SelectProps } from "@cloudscape-design/components/select";
import { useWords } from "../language.tsx";
import { useNamed } from "./names.ts";
import { nameOf, type Shown } from "./resources.ts";

function useOptions(shown: Shown) {
  const { told } = useWords();
  const query = useNamed(shown);
  const options = (query.data ?? []).map((item) => {
    const value = String(item[shown.resource.idField]);
    return { value, label: nameOf(shown, item, told), description: value };
  });
  const statusType: SelectProps["statusType"] = query.isPending ? "loading" : "finished";
  return { options, statusType };
}

type Props = {
  readonly shown: Shown;
  readonly several: boolean;
  readonly required: boolean;
  readonly text: string;
  set(text: string): void;
};

export default function IdField({ shown, several, required, text, set }: Props) {
  const { t } = useWords();
  const { options, statusType } = useOptions(shown);
  const known = (value: string) =>
    options.find((option) => option.value === value) ?? { value, label: value };
  const shared = { options, statusType, filteringType: "auto" as const, empty: t("empty") };
  if (several) {
    return (
      <Multiselect
        {...shared}
        selectedOptions={text.split("\n").filter(Boolean).map(known)}
        onChange={({ detail }) =>
          set(detail.selectedOptions.map(({ value = "" }) => value).join("\n"))
        }
        placeholder={t("choose")}
      />
    );
  }
  const none = { value: "", label: t("none") };
  return (
    <Select
      {...shared}
      options={required ? options : [none, ...options]}
      selectedOption={text === "" ? null : known(text)}
      onChange={({ detail }) => set(detail.selectedOption.value ?? "")}
      placeholder={t("choose")}
    />
  );
}
