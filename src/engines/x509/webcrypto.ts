/** `@peculiar/x509` on Node's WebCrypto; everything in this folder takes the library from here. */
import { webcrypto } from "node:crypto";
// The library builds on decorators that need this polyfill before anything of it is loaded.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto);

export { webcrypto, x509 };
