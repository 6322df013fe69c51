/** Filter, order and columns of a list under a name, kept in this browser and opened by address. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import { useWords } from "../language.tsx";
import { navigate, useAddress } from "../location.ts";
import { useStored } from "../preferences.ts";

type View = { readonly name: string; readonly search: string };
const VIEWS_MAX = 30;
const NAME_CHARS_MAX = 60;
/** What belongs to a moment and not to a view. */
const PASSING = ["row", "page", "event"];

function isViews(value: unknown): value is View[] {
  return (
    Array.isArray(value) &&
    value.every(
      (one) =>
        typeof one === "object" &&
        one !== null &&
        typeof one.name === "string" &&
        typeof one.search === "string",
    )
  );
}

function lasting(address: URL): string {
  const query = new URLSearchParams(address.search);
  for (const name of PASSING) query.delete(name);
  return query.toString();
}

export function SavedViews({ name }: { name: string }) {
  const { t } = useWords();
  const address = useAddress();
  const [views, setViews] = useStored<View[]>(`views.${name}`, { otherwise: [], isValid: isViews });
  const [naming, setNaming] = useState(false);
  const now = lasting(address);
  const current = views.find(({ search }) => search === now);
  const chosen = (id: string): void => {
    if (id === "save") return setNaming(true);
    if (id === "remove") return setViews(views.filter((view) => view !== current));
    const view = views[Number(id)];
    if (view !== undefined) navigate(`${address.pathname}?${view.search}`);
  };
  const items = [
    ...views.map((view, at) => ({ id: String(at), text: view.name })),
    { id: "save", text: t("saveView"), disabled: now === "" || views.length >= VIEWS_MAX },
    ...(current === undefined ? [] : [{ id: "remove", text: t("removeView") }]),
  ];
  return (
    <>
      <ButtonDropdown items={items} onItemClick={({ detail }) => chosen(detail.id)}>
        {current === undefined ? t("savedViews") : current.name}
      </ButtonDropdown>
      {naming ? (
        <NameView
          close={() => setNaming(false)}
          save={(viewName) =>
            setViews([
              ...views.filter((view) => view.name !== viewName),
              { name: viewName, search: now },
            ])
          }
        />
      ) : null}
    </>
  );
}

function NameView({ close, save }: { close(): void; save(name: string): void }) {
  const { t } = useWords();
  const [name, setName] = useState("");
  const done = (): void => {
    if (name.trim() === "") return;
    save(name.trim().slice(0, NAME_CHARS_MAX));
    close();
  };
  return (
    <Modal
      visible
      onDismiss={close}
      closeAriaLabel={t("close")}
      header={t("saveView")}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={close}>
              {t("cancel")}
            </Button>
            <Button variant="primary" disabled={name.trim() === ""} onClick={done}>
              {t("save")}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          done();
        }}
      >
        <FormField label={t("viewName")} description={t("viewHelp")}>
          <Input value={name} autoFocus onChange={({ detail }) => setName(detail.value)} />
        </FormField>
      </form>
    </Modal>
  );
}
