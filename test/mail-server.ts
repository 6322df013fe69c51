/** A real SMTP server for one test, with what a channel needs to reach it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SMTPServer } from "smtp-server";
import { openAuthority } from "../src/kernel/pki/authority.ts";

/** An SMTP server with a certificate of an authority of its own. */
export async function startMailServer(secure: boolean) {
  const folder = mkdtempSync(join(tmpdir(), "cordon-mail-"));
  const authority = await openAuthority(folder, Date.now);
  const issued = await authority.issueServer(["127.0.0.1", "localhost"]);
  const mails: { text: string; user: string; isSecure: boolean }[] = [];
  const server = new SMTPServer({
    secure,
    cert: issued.certificatePem,
    key: issued.privateKeyPem,
    logger: false,
    onAuth(auth, _session, done) {
      const good = auth.username === "cordon" && auth.password === "mail-password-1";
      done(good ? null : new Error("wrong password mail-password-2"), { user: auth.username });
    },
    onData(stream, session, done) {
      let text = "";
      stream.on("data", (piece: Buffer) => {
        text += piece.toString("utf8");
      });
      stream.on("end", () => {
        mails.push({ text, user: String(session.user), isSecure: session.secure });
        done();
      });
    },
  });
  server.on("error", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address = server.server.address();
  const trustPem = authority.certificatePem;
  const settings = {
    ...{
      kind: "email",
      smtpHost: "localhost",
      smtpPort: typeof address === "object" ? address?.port : 0,
      trustPem,
    },
    ...{ smtpUser: "cordon", smtpPassword: "mail-password-1" },
    ...{ from: "cordon@shop.test", to: ["ada@shop.test", "bob@shop.test"] },
    smtpSecurity: secure ? "tls" : "startTls",
  };
  return {
    mails,
    settings,
    async close() {
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
