/** What a conformance run and the gateway it started tell each other over IPC. */
import Type from "typebox";
import { Compile } from "typebox/compile";

export const ConformanceSite = Type.Object({
  /** Folder of the rules. */
  rules: Type.String(),
  /** Port of the back end on this machine. */
  upstreamPort: Type.Integer(),
  /** Every host that a request names, in lower case. */
  hosts: Type.Array(Type.String()),
  /** Initial `TX` variables. */
  variables: Type.Array(Type.Tuple([Type.String(), Type.String()])),
});
export type ConformanceSite = Type.Static<typeof ConformanceSite>;

export const ConformanceReport = Type.Union([
  Type.Object({ kind: Type.Literal("listening"), port: Type.Integer() }),
  Type.Object({
    kind: Type.Literal("request"),
    clientPort: Type.Integer(),
    /** Why the gateway answered by itself; empty when the answer is the back end's. */
    reason: Type.String(),
    matches: Type.Array(
      Type.Object({ ruleId: Type.Number(), message: Type.String(), logData: Type.String() }),
    ),
  }),
]);
export type ConformanceReport = Type.Static<typeof ConformanceReport>;

const site = Compile(ConformanceSite);
const report = Compile(ConformanceReport);

/** The message when it is one, else null. */
export const readConformanceSite = (value: unknown): ConformanceSite | null =>
  site.Check(value) ? value : null;
export const readConformanceReport = (value: unknown): ConformanceReport | null =>
  report.Check(value) ? value : null;
