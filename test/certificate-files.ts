/** Certificates for tests, made by openssl in a folder of their own. Test code only. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const hasProgram = (name: string, ...args: string[]): boolean =>
  spawnSync(name, args, { stdio: "ignore" }).error === undefined;

/** A folder with a root `root.pem`, and what is issued from it. */
export function certificateFolder() {
  const folder = mkdtempSync(join(tmpdir(), "cordon-certificates-"));
  const openssl = (line: string): string => {
    const { status, stdout, stderr } = spawnSync("openssl", line.split(" "), {
      cwd: folder,
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`openssl ${line}\n${stderr}`);
    return stdout + stderr;
  };
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  const ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
  openssl(`req -x509 ${ec} -keyout root.key -out root.pem -subj /CN=Root -days 400`);
  return {
    folder,
    openssl,
    read,
    /** A certificate `name.pem` with its key `name.key` for these hosts. */
    issue(name: string, hosts: readonly string[], { days = 90, key = ec } = {}) {
      const names = hosts.map((host) => `DNS:${host}`).join(",");
      openssl(
        `req ${key} -keyout ${name}.key -out ${name}.csr -subj /CN=${name} -addext subjectAltName=${names}`,
      );
      openssl(
        `x509 -req -in ${name}.csr -CA root.pem -CAkey root.key -copy_extensions copy -days ${days} -out ${name}.pem`,
      );
      return { certificatePem: read(`${name}.pem`), privateKeyPem: read(`${name}.key`) };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
