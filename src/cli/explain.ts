/** `cordon explain request ID`: why a stored request was answered as it was, in sentences. */
import { eventsContract } from "../services/events/contract.ts";
import { call } from "./api-client.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";
import { wantsJson } from "./table.ts";

/** @param args the request's id, as the gateway's answer or `events event search` shows it. */
export async function explainRequest(args: readonly string[]): Promise<ExitStatus> {
  const [id, ...rest] = args;
  if (id === undefined || id.startsWith("-")) {
    throw new CommandError("explain request needs the id of a request", {
      fix: "take X-Request-Id of the answer, or a uid that events event search shows",
      status: EXIT.usage,
    });
  }
  const isJson = wantsJson(rest);
  const result = await call(eventsContract, eventsContract.operations.explainRequest, { id });
  const text = isJson ? JSON.stringify(result, undefined, 2) : sentencesOf(result).join("\n");
  process.stdout.write(`${text}\n`);
  return EXIT.ok;
}

function sentencesOf(result: unknown): string[] {
  const fields = typeof result === "object" && result !== null ? result : {};
  const sentences = "sentences" in fields ? fields.sentences : [];
  return Array.isArray(sentences) ? sentences.map(String) : [];
}
