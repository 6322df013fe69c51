/** What tests of the engine share. */
import type { Connection } from "./engine.ts";

export const CONNECTION: Connection = {
  remoteAddress: "192.0.2.1",
  remotePort: 40_000,
  serverAddress: "192.0.2.2",
  serverPort: 80,
  uniqueId: "one",
  timeMs: 0,
};
