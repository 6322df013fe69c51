/**
 * Commands made from the contracts: `cordon <service> <noun> <verb> [--field value …]`. What a
 * contract declares can be called here without a line of code for it.
 */
import { contracts } from "../catalog.ts";
import type { Contract, Operation } from "../kernel/operation.ts";
import { commandWords, dashed } from "../lib/command-words.ts";
import { call } from "./api-client.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";
import { readFlags } from "./flags.ts";
import type { GeneratedCommand } from "./generated-command.ts";
import { printResult } from "./print-result.ts";

/** Splits `createSite` into noun `site` and verb `create`. */
export function commandOf(contract: Contract, key: string, operation: Operation): GeneratedCommand {
  return { contract, operation, ...commandWords(key, operation.path, contract.service) };
}

/** Every generated command. */
export function generatedCommands(): GeneratedCommand[] {
  return contracts.flatMap((contract) =>
    Object.entries(contract.operations)
      // A console session lives in a browser's cookie; here `cordon sign-in` gives a key instead.
      .filter(([, { path }]) => !path.startsWith("/session:") && !path.startsWith("/own/"))
      .map(([key, operation]) => commandOf(contract, key, operation)),
  );
}

/** Runs one. */
export async function operations(args: readonly string[]): Promise<ExitStatus> {
  const [service = "", noun = "", verb = "", ...rest] = args;
  const ofService = generatedCommands().filter((one) => one.contract.service === service);
  if (ofService.length === 0) {
    const known = contracts.map((contract) => contract.service).join(", ");
    throw new CommandError(`There is no command "${service}"`, {
      fix: `services are ${known}; ./cordon help lists the rest`,
      status: EXIT.usage,
    });
  }
  const command = ofService.find((one) => one.noun === noun && one.verb === verb);
  if (command === undefined) {
    process.stdout.write(usageOf(ofService));
    return noun === "" || noun === "help" ? EXIT.ok : EXIT.usage;
  }
  if (rest.includes("--help")) {
    process.stdout.write(helpOf(command));
    return EXIT.ok;
  }
  const flags = readFlags(command.operation, rest);
  if (command.operation.dangerous === true && !flags.yes) {
    throw new CommandError(`"${service} ${noun} ${verb}" cannot be undone`, {
      fix: "add --yes when you mean it",
      status: EXIT.usage,
    });
  }
  const streamed = command.operation.stream !== undefined;
  const onLine = streamed ? (line: string) => printLine(line) : undefined;
  const result = await call(command.contract, command.operation, flags.input, onLine);
  if (!streamed) printResult(command, result, flags.output);
  return EXIT.ok;
}

/** Lines of a stream: JSON as it is, and the data of Server-Sent Events. */
function printLine(line: string): void {
  const data = line.startsWith("data: ") ? line.slice("data: ".length) : line;
  if (data !== "" && !data.startsWith(":")) process.stdout.write(`${data}\n`);
}

function usageOf(commands: readonly GeneratedCommand[]): string {
  const lines = commands.map(
    ({ contract, noun, verb, operation }) =>
      `  ${`${contract.service} ${noun} ${verb}`.padEnd(36)} ${operation.summary}`,
  );
  return `${lines.join("\n")}\n`;
}

function helpOf({ contract, noun, verb, operation }: GeneratedCommand): string {
  const required = new Set(operation.input.required ?? []);
  const lines = Object.entries(operation.input.properties).map(([name, schema]) => {
    const description = "description" in schema ? String(schema.description) : "";
    const mark = required.has(name) ? "required" : "";
    const taken = operation.defaults?.[name];
    const fallback = taken === undefined ? "" : `default ${JSON.stringify(taken)}`;
    return `  --${dashed(name)} ${mark.padEnd(9)} ${description} ${fallback}`.trimEnd();
  });
  const head = `cordon ${contract.service} ${noun} ${verb}: ${operation.summary}`;
  return `${[head, ...lines, "  --output json|table", ""].join("\n")}\n`;
}
