/** Where the embedded lake listens. */
import { join } from "node:path";
import type { Config } from "../config.ts";

export function lakeSocket(config: Config): string {
  return join(config.folders.run, "lake.sock");
}
