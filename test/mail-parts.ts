/** A mail's parts as another MIME parser than ours reads them: Python's. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const PYTHON = "/usr/bin/python3";
export const canParseMail = existsSync(PYTHON);

const SCRIPT = `
import sys, json, base64, email, email.policy
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
print(json.dumps({
  "subject": mail["subject"],
  "text": mail.get_body(("plain",)).get_content(),
  "files": [{
    "fileName": part.get_filename(),
    "mediaType": part.get_content_type(),
    "contentBase64": base64.b64encode(part.get_payload(decode=True)).decode(),
  } for part in mail.iter_attachments()],
}))
`;

export type MailParts = {
  readonly subject: string;
  readonly text: string;
  readonly files: readonly {
    readonly fileName: string;
    readonly mediaType: string;
    readonly contentBase64: string;
  }[];
};

/** Parses a mail as it came over SMTP. @throws Error when it is no mail. */
export function mailParts(mail: Buffer | string): MailParts {
  const { status, stdout, stderr } = spawnSync(PYTHON, ["-c", SCRIPT], { input: mail });
  if (status !== 0) throw new Error(`The mail cannot be parsed: ${stderr.toString("utf8")}`);
  return JSON.parse(stdout.toString("utf8")) as MailParts;
}
