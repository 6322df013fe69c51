/** Certificate and key as files for nginx, Apache, Tomcat and IIS, with the lines to configure. */
import { readPem } from "../../engines/x509/pem.ts";
import { Problem } from "../../kernel/problem.ts";
import type { CertificateRow } from "./domain.ts";
import { writePkcs12 } from "./pkcs12.ts";
import type { DownloadFile } from "./resources.ts";

type Wanted = {
  readonly server: "nginx" | "apache" | "tomcat" | "iis";
  readonly passphrase?: string | undefined;
  readonly legacy?: boolean | undefined;
  readonly keyPem: string;
};

export type Download = { readonly files: DownloadFile[]; readonly configuration: string };

/** The files; for Tomcat and IIS one PKCS #12 file. */
export async function downloadOf(row: CertificateRow, wanted: Wanted): Promise<Download> {
  const [leaf, ...issuers] = readPem(row.fullChainPem).map(({ text }) => text);
  const base = fileBase(row);
  switch (wanted.server) {
    case "nginx":
      return {
        files: [
          pemFile(`${base}.fullchain.pem`, row.fullChainPem),
          pemFile(`${base}.key`, wanted.keyPem),
        ],
        configuration: `ssl_certificate ${base}.fullchain.pem;\nssl_certificate_key ${base}.key;\n`,
      };
    case "apache":
      return {
        files: [
          pemFile(`${base}.crt`, leaf ?? ""),
          pemFile(`${base}.chain.crt`, issuers.join("")),
          pemFile(`${base}.key`, wanted.keyPem),
        ],
        configuration:
          `SSLCertificateFile ${base}.crt\nSSLCertificateKeyFile ${base}.key\n` +
          `SSLCertificateChainFile ${base}.chain.crt\n`,
      };
    case "tomcat":
      return {
        files: [await pkcs12File(`${base}.p12`, row, wanted)],
        configuration:
          `<SSLHostConfig><Certificate certificateKeystoreFile="${base}.p12"\n` +
          '  certificateKeystoreType="PKCS12" certificateKeystorePassword="…" /></SSLHostConfig>\n',
      };
    case "iis":
      return {
        files: [await pkcs12File(`${base}.pfx`, row, wanted)],
        configuration: `Import-PfxCertificate -FilePath ${base}.pfx -CertStoreLocation Cert:\\LocalMachine\\My\n`,
      };
  }
}

/** An SM2 pair for a server that speaks TLCP (GB/T 38636), in the words of Tongsuo and Tengine. */
export function pairDownload(
  halves: readonly { readonly row: CertificateRow; readonly keyPem: string }[],
): Download {
  const files: DownloadFile[] = [];
  const lines = ["enable_ntls on;"];
  for (const { row, keyPem } of halves) {
    const half = row.keyUse === "sm2Signing" ? "sign" : "enc";
    const base = `${fileBase(row)}.${half}`;
    files.push(pemFile(`${base}.pem`, row.fullChainPem), pemFile(`${base}.key`, keyPem));
    lines.push(`ssl_${half}_certificate ${base}.pem;`, `ssl_${half}_certificate_key ${base}.key;`);
  }
  return { files, configuration: `${lines.join("\n")}\n` };
}

/** A name for files: the first name of the certificate, safe on every file system. */
function fileBase({ names, certificateId }: CertificateRow): string {
  const name = (names[0] ?? certificateId).replace(/^\*\./, "wildcard.");
  return name.replace(/[^a-z0-9.-]/g, "-").slice(0, 100);
}

function pemFile(name: string, text: string): DownloadFile {
  const contentBase64 = Buffer.from(text).toString("base64");
  return { name, mediaType: "application/x-pem-file", contentBase64 };
}

async function pkcs12File(name: string, row: CertificateRow, wanted: Wanted) {
  if (wanted.passphrase === undefined) throw new Problem("certificates.passphraseMissing");
  const content = await writePkcs12(wanted.keyPem + row.fullChainPem, {
    name: fileBase(row),
    passphrase: wanted.passphrase,
    legacy: wanted.legacy ?? false,
  });
  return {
    name,
    mediaType: "application/x-pkcs12",
    contentBase64: content.toString("base64"),
  };
}
