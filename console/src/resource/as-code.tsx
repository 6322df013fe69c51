/** One resource as what a script needs: the calls that read it, make it and change it. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { Operation } from "../../../src/kernel/operation.ts";
import { useWords } from "../language.tsx";
import CallText from "./call-text.tsx";
import { type Item, operationOf, type Shown } from "./resources.ts";

/** The fields of an item that an operation takes; what is null is not set. */
function taken(operation: Operation, item: Item): Item {
  return Object.fromEntries(
    Object.keys(operation.input.properties)
      .filter((name) => item[name] !== undefined && item[name] !== null)
      .map((name) => [name, item[name]]),
  );
}

export function AsCode({ shown, id, item }: { shown: Shown; id: string; item: Item }) {
  const { operationTitle } = useWords();
  const fixed = { [shown.resource.idField]: id };
  const kinds = ["get", "create", "update"] as const;
  return (
    <SpaceBetween size="l">
      {kinds.map((kind) => {
        const operation = operationOf(shown, kind);
        if (operation === undefined) return null;
        const input = kind === "get" ? fixed : taken(operation, { ...item, ...fixed });
        return (
          <Container key={kind} header={<Header variant="h2">{operationTitle(operation)}</Header>}>
            <CallText operation={operation} input={input} />
          </Container>
        );
      })}
    </SpaceBetween>
  );
}
