/** What the firewall asks of others. */
import type { Static } from "typebox";
import type { Ruleset } from "../../engines/seclang/compiled.ts";
import type { Lake } from "../../kernel/lake/client.ts";
import type { InputOf } from "../../kernel/operation.ts";
import type { Database } from "../../kernel/store/database.ts";
import type { Exclusion, Rule, RuleSet, wafContract } from "./contract.ts";
import type { geoDatabaseStates, siteState } from "./domain.ts";
import type { SiteRow } from "./store.ts";

/** What the gateways report; the fleet's part, read when a site is shown. */
export type GatewayReport = Parameters<typeof siteState>[1] &
  Parameters<typeof geoDatabaseStates>[1];

export type ExplainInput = InputOf<typeof wafContract.operations.explainRequest>;

/** A request as rules are given it: latin1 texts, one char a byte. */
export type RequestBytes = {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** False: the body goes on, so that what does not end in it is no fault. */
  readonly isWhole?: boolean;
  readonly protocol?: string;
  readonly requestLine?: string;
  readonly client?: Endpoint;
  readonly server?: Endpoint;
};
type Endpoint = { readonly address: string; readonly port: number };

/** The rules as the control plane knows them: to list them and to explain a request. */
export type RuleLibrary = {
  /** Of the installed set, or of the one given. */
  rules(ruleset?: Ruleset): readonly Rule[];
  /** The installed set as a rule set; undefined when there is none. */
  installed(): Omit<RuleSet, "siteIds"> | undefined;
  explain(
    site: SiteRow & {
      readonly exclusions: readonly Exclusion[];
      readonly policy: { readonly applications: readonly string[] };
    },
    request: RequestBytes,
    imported?: Ruleset,
  ): Omit<Static<(typeof wafContract.operations.explainRequest)["output"]>, "replayed">;
};

export type WafParts = {
  readonly database: Database;
  readonly gateways: () => Promise<GatewayReport>;
  readonly library: RuleLibrary;
  readonly lake: Lake;
};
