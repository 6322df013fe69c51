/** One rule that a request met: the rule, the variable, and the bytes that matched. */
import type { RuleMatch } from "../../../src/services/waf/contract.ts";

export function MatchedBytes({ match }: { match: RuleMatch }) {
  const { ruleId, message, variable, value = "", matchStart, matchEnd } = match;
  return (
    <div>
      <strong>{ruleId}</strong> {message}
      <div>
        <code>{variable}</code>
      </div>
      <div className="bytes">
        {value.slice(0, matchStart)}
        <mark>{value.slice(matchStart, matchEnd)}</mark>
        {value.slice(matchEnd)}
      </div>
    </div>
  );
}
