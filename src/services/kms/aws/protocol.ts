/**
 * The AWS key management protocol (JSON 1.1, Signature Version 4) on the API's listener: each
 * command is one operation of ours, and the pipeline authenticates, decides and records.
 */
import type { ForeignProtocol } from "../../../kernel/http/foreign-protocol.ts";
import type { ForeignMatch, Route } from "../../../kernel/http/route.ts";
import { credentialOf } from "../../../kernel/identity/authenticate.ts";
import type { SignedRequest } from "../../../kernel/identity/signed-request.ts";
import { Problem } from "../../../kernel/problem.ts";
import type { Service } from "../../../kernel/service.ts";
import type { KeyDirectory } from "../key-directory.ts";
import type { AwsCall, Fields } from "./call.ts";
import { awsCommands } from "./commands.ts";
import type { AwsCommand } from "./declare.ts";
import { exceptionOf, statusOf } from "./exceptions.ts";

const TARGET = /^TrentService\.([A-Za-z]{1,64})$/;
const CONTENT_TYPE = "application/x-amz-json-1.1";

/** The protocol over the service whose operations it speaks for. */
export function awsProtocol(
  { contract, handlers, access }: Service,
  { directory, clock }: { readonly directory: KeyDirectory; readonly clock: () => number },
): ForeignProtocol {
  const routes = new Map<string, Route>();
  for (const [key, operation] of Object.entries(contract.operations)) {
    const handler = handlers[key];
    if (handler === undefined) continue;
    routes.set(operation.name, { operation, contract, handler, pathParameters: [], access });
  }
  return {
    path: "/",
    scheme: "aws4",
    match(request) {
      const command = commandOf(request);
      const route = routes.get(command.native);
      if (route === undefined) throw new Error(`"${command.native}" is no operation`);
      return matched(command, { request, route, directory, nowMs: clock() });
    },
    answer: (requestId, result) => ({
      code: 200,
      headers: { "content-type": CONTENT_TYPE, "x-amzn-requestid": requestId },
      body: JSON.stringify(result),
    }),
    refuse(requestId, { reason, code, message, details }) {
      const name = exceptionOf(reason);
      const told = details.map(({ path, message: text }) => `${path} ${text}`).join("; ");
      return {
        code: statusOf(code),
        headers: {
          "content-type": CONTENT_TYPE,
          "x-amzn-requestid": requestId,
          "x-amzn-errortype": name,
        },
        body: JSON.stringify({
          __type: name,
          message: told === "" ? message : `${message}: ${told}`,
        }),
      };
    },
  };
}

type Supported = Exclude<AwsCommand, { unsupported: string }>;

/** @throws Problem kms.commandUnknown or kms.commandUnsupported. */
function commandOf(request: SignedRequest): Supported {
  const name = TARGET.exec(request.headers["x-amz-target"] ?? "")?.[1] ?? "";
  const command = awsCommands.get(name);
  if (command === undefined || request.query !== "") throw new Problem("kms.commandUnknown");
  if (!("unsupported" in command)) return command;
  const details = [{ path: name, message: command.unsupported }];
  throw new Problem("kms.commandUnsupported", { details });
}

function matched(
  command: Supported,
  parts: { request: SignedRequest; route: Route; directory: KeyDirectory; nowMs: number },
): ForeignMatch {
  const { request, route, directory, nowMs } = parts;
  let made: AwsCall | undefined;
  return {
    route,
    parameters: {},
    service: "kms",
    translation: {
      async input(_transaction, caller) {
        const body = bodyOf(request.body);
        const destination = undefined;
        made = {
          ...{ body, ...caller, region: regionOf(request), reference: undefined, destination },
          ...{ directory, nowMs },
        };
        return { ...(await command.input(made)) };
      },
      answer(result) {
        if (made === undefined) throw new Error("A request was answered before it was read");
        // The pipeline gives what the operation's handler gave, of which `answer` is written.
        return command.answer(result as never, made);
      },
    },
  };
}

/** The region of the signature's scope, which the signature covers. */
function regionOf({ headers }: SignedRequest): string {
  const credential = credentialOf({ authorization: headers.authorization });
  return credential.kind === "signed" ? credential.authorization.scope.region : "";
}

function bodyOf(body: Buffer): Fields {
  if (body.length === 0) return {};
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Said below.
  }
  throw new Problem("kernel.inputInvalid", {
    details: [{ path: "/", message: "must be an object" }],
  });
}
