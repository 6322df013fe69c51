/** Every command of the protocol, by name: what it is here, or why it is not. */
import type { AwsCommand } from "./declare.ts";
import { aliasCommands, grantCommands, policyCommands } from "./grant-commands.ts";
import { importCommands, unsupportedCommands } from "./import-commands.ts";
import { keyCommands, rotationCommands } from "./key-commands.ts";
import {
  agreementCommands,
  cipherCommands,
  dataKeyCommands,
  signatureCommands,
} from "./use-commands.ts";

export const awsCommands: ReadonlyMap<string, AwsCommand> = new Map(
  Object.entries({
    ...keyCommands,
    ...rotationCommands,
    ...cipherCommands,
    ...dataKeyCommands,
    ...signatureCommands,
    ...agreementCommands,
    ...aliasCommands,
    ...policyCommands,
    ...grantCommands,
    ...importCommands,
    ...unsupportedCommands,
  }),
);
