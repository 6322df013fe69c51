/** Makes the inspector of an intent: the rule engine behind the seam of inspect.ts. */
import { type Inspector, noInspector } from "./inspect.ts";
import type { GatewayIntent } from "./intent.ts";

/** Compiles the rule sets of an intent. Until the rule engine is wired, no site has rules. */
export const inspectorOf = (_intent: GatewayIntent): Inspector => noInspector;
