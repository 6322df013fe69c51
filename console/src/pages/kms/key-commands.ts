/** Calls that use a key, as text to copy: what follows holds ids and an address, and no secret. */

export type KeyUse = {
  readonly keyId: string;
  readonly usage: string;
  readonly spec: string;
  readonly algorithms: readonly string[];
  /** Where Cordon is reached, such as `https://cordon.example:9443`. */
  readonly origin: string;
};

export type KeyCommands = { readonly curl: string; readonly sdk: string };

/** Sent in clear in every example. */
const TEXT = "hello";
/** The same, base64. */
const TEXT_BASE64 = "aGVsbG8=";

/** Undefined for a usage that this page does not know. */
export function keyCommands(use: KeyUse): KeyCommands | undefined {
  const [algorithm = ""] = use.algorithms;
  if (use.usage === "ENCRYPT_DECRYPT") return encrypting(use, algorithm);
  if (use.usage === "SIGN_VERIFY") return signing(use, algorithm);
  if (use.usage === "GENERATE_VERIFY_MAC") return macking(use, algorithm);
  if (use.usage === "KEY_AGREEMENT") return agreeing(use, algorithm);
  if (use.usage === "ENCAPSULATE_DECAPSULATE") return encapsulating(use, algorithm);
  return undefined;
}

/** What each shell needs first. The bearer key and the access key are the reader's own. */
export function preparation({ origin }: Pick<KeyUse, "origin">): KeyCommands {
  return {
    curl: [
      `export CORDON=${origin} CA=data/keys/authority.pem`,
      "read -rs KEY                  # a bearer key of yours; it is not shown",
    ].join("\n"),
    sdk: [
      `export AWS_ENDPOINT_URL_KMS=${origin} AWS_REGION=local`,
      "export NODE_EXTRA_CA_CERTS=data/keys/authority.pem",
      "read -r AWS_ACCESS_KEY_ID      # an access key of yours: its id,",
      "read -rs AWS_SECRET_ACCESS_KEY # and its secret, which is not shown",
      "export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY",
    ].join("\n"),
  };
}

function curl({ keyId }: KeyUse, verb: string, body: string): string {
  return [
    `curl -sS --cacert "$CA" -H "Authorization: Bearer $KEY" \\`,
    `  -H 'Content-Type: application/json' "$CORDON/v1/kms/keys/${keyId}:${verb}" \\`,
    `  -d ${body}`,
  ].join("\n");
}

/** One field of a JSON answer, without any program beside sed. */
const field = (name: string) => `sed -n 's/.*"${name}":"\\([^"]*\\)".*/\\1/p'`;

function program(commands: readonly string[], lines: readonly string[]): string {
  return [
    `import { KMSClient, ${commands.join(", ")} } from "@aws-sdk/client-kms";`,
    "const kms = new KMSClient({ endpoint: process.env.AWS_ENDPOINT_URL_KMS });",
    ...lines,
  ].join("\n");
}

function encrypting(use: KeyUse, algorithm: string): KeyCommands {
  const isDefault = algorithm === "" || algorithm === "SYMMETRIC_DEFAULT";
  const json = isDefault ? "" : `,"algorithm":"${algorithm}"`;
  const argument = isDefault ? "" : `, EncryptionAlgorithm: "${algorithm}"`;
  return {
    curl: [
      `CIPHERTEXT=$(${curl(use, "encrypt", `'{"plaintext":"${TEXT_BASE64}"${json}}'`)} \\`,
      `  | ${field("ciphertext")})`,
      `${curl(use, "decrypt", `"{\\"ciphertext\\":\\"$CIPHERTEXT\\"${escaped(json)}}"`)} \\`,
      `  | ${field("plaintext")} | base64 -d    # ${TEXT}`,
    ].join("\n"),
    sdk: program(
      ["EncryptCommand", "DecryptCommand"],
      [
        `const KeyId = "${use.keyId}";`,
        `const Plaintext = Buffer.from("${TEXT}");`,
        "const { CiphertextBlob } = await kms.send(",
        `  new EncryptCommand({ KeyId, Plaintext${argument} }),`,
        ");",
        "const opened = await kms.send(",
        `  new DecryptCommand({ KeyId, CiphertextBlob${argument} }),`,
        ");",
        "console.log(Buffer.from(opened.Plaintext).toString());",
      ],
    ),
  };
}

function signing(use: KeyUse, algorithm: string): KeyCommands {
  const body = `"message":"${TEXT_BASE64}","algorithm":"${algorithm}"`;
  return {
    curl: [
      `SIGNATURE=$(${curl(use, "sign", `'{${body}}'`)} \\`,
      `  | ${field("signature")})`,
      curl(use, "verify", `"{${escaped(body)},\\"signature\\":\\"$SIGNATURE\\"}"`),
    ].join("\n"),
    sdk: program(
      ["SignCommand", "VerifyCommand"],
      [
        `const KeyId = "${use.keyId}";`,
        `const Message = Buffer.from("${TEXT}");`,
        `const SigningAlgorithm = "${algorithm}";`,
        "const { Signature } = await kms.send(",
        "  new SignCommand({ KeyId, Message, SigningAlgorithm }),",
        ");",
        "const verified = await kms.send(",
        "  new VerifyCommand({ KeyId, Message, Signature, SigningAlgorithm }),",
        ");",
        "console.log(verified.SignatureValid);",
      ],
    ),
  };
}

function macking(use: KeyUse, algorithm: string): KeyCommands {
  const body = `"message":"${TEXT_BASE64}","algorithm":"${algorithm}"`;
  return {
    curl: [
      `MAC=$(${curl(use, "generateMac", `'{${body}}'`)} \\`,
      `  | ${field("mac")})`,
      curl(use, "verifyMac", `"{${escaped(body)},\\"mac\\":\\"$MAC\\"}"`),
    ].join("\n"),
    sdk: program(
      ["GenerateMacCommand", "VerifyMacCommand"],
      [
        `const KeyId = "${use.keyId}";`,
        `const Message = Buffer.from("${TEXT}");`,
        `const MacAlgorithm = "${algorithm}";`,
        "const { Mac } = await kms.send(",
        "  new GenerateMacCommand({ KeyId, Message, MacAlgorithm }),",
        ");",
        "const verified = await kms.send(",
        "  new VerifyMacCommand({ KeyId, Message, Mac, MacAlgorithm }),",
        ");",
        "console.log(verified.MacValid);",
      ],
    ),
  };
}

/** OpenSSL's and Node's name of a curve, by the key's spec. */
const CURVES: Readonly<Record<string, string>> = {
  ECC_NIST_P256: "prime256v1",
  ECC_NIST_P384: "secp384r1",
  ECC_NIST_P521: "secp521r1",
};

/** The other party is a key pair of the reader's machine; both sides print the same secret. */
function agreeing(use: KeyUse, algorithm: string): KeyCommands {
  const curve = CURVES[use.spec] ?? "";
  const path = `"$CORDON/v1/kms/keys/${use.keyId}/publicKey"`;
  return {
    curl: [
      `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:${curve} -out other.pem`,
      "OTHER=$(openssl pkey -in other.pem -pubout -outform DER | openssl base64 -A)",
      `${curl(use, "deriveSharedSecret", '"{\\"publicKey\\":\\"$OTHER\\"}"')} \\`,
      `  | ${field("sharedSecret")}; echo    # here`,
      `curl -sS --cacert "$CA" -H "Authorization: Bearer $KEY" ${path} \\`,
      `  | ${field("publicKey")} | base64 -d > key.der`,
      "openssl pkey -pubin -inform DER -in key.der -out key.pem",
      "openssl pkeyutl -derive -inkey other.pem -peerkey key.pem \\",
      "  | openssl base64 -A; echo    # the other party",
    ].join("\n"),
    sdk: [
      'import { createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";',
      program(
        ["DeriveSharedSecretCommand", "GetPublicKeyCommand"],
        [
          `const KeyId = "${use.keyId}";`,
          `const other = generateKeyPairSync("ec", { namedCurve: "${curve}" });`,
          'const PublicKey = other.publicKey.export({ type: "spki", format: "der" });',
          "const { SharedSecret } = await kms.send(",
          "  new DeriveSharedSecretCommand({",
          `    KeyId, PublicKey, KeyAgreementAlgorithm: "${algorithm}",`,
          "  }),",
          ");",
          "const half = await kms.send(new GetPublicKeyCommand({ KeyId }));",
          "const key = Buffer.from(half.PublicKey);",
          'const publicKey = createPublicKey({ key, type: "spki", format: "der" });',
          "const theirs = diffieHellman({ privateKey: other.privateKey, publicKey });",
          "console.log(theirs.equals(SharedSecret));",
        ],
      ),
    ].join("\n"),
  };
}

function encapsulating(use: KeyUse, algorithm: string): KeyCommands {
  return {
    curl: [
      `ANSWER=$(${curl(use, "encapsulate", "'{}'")})`,
      `printf %s "$ANSWER" | ${field("sharedSecret")}; echo    # the sender's secret`,
      `CIPHERTEXT=$(printf %s "$ANSWER" | ${field("ciphertext")})`,
      `${curl(use, "decapsulate", '"{\\"ciphertext\\":\\"$CIPHERTEXT\\"}"')} \\`,
      `  | ${field("sharedSecret")}; echo    # the receiver's`,
    ].join("\n"),
    sdk: program(
      ["EncapsulateCommand", "DecapsulateCommand"],
      [
        `const KeyId = "${use.keyId}";`,
        `const EncapsulationAlgorithm = "${algorithm}";`,
        "const { SharedSecret, SharedSecretCiphertextBlob } = await kms.send(",
        "  new EncapsulateCommand({ KeyId, EncapsulationAlgorithm }),",
        ");",
        "const opened = await kms.send(",
        "  new DecapsulateCommand({",
        "    KeyId, EncapsulationAlgorithm, SharedSecretCiphertextBlob,",
        "  }),",
        ");",
        "console.log(Buffer.from(SharedSecret).equals(opened.SharedSecret));",
      ],
    ),
  };
}

/** JSON inside a text in double quotes of the shell. */
const escaped = (json: string) => json.replaceAll('"', '\\"');
