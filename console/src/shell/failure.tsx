/** An error as a person can act on it: what, the way out, faults by path, and the request id. */
import Link from "@cloudscape-design/components/link";
import { ApiError } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { addressOf } from "../location.ts";
import { faultText } from "../resource/fault-text.ts";

/** In the chosen language, by the problem's stable reason; the server's words otherwise. */
export function Failure({ error }: { error: unknown }) {
  const words = useWords();
  const { t, label, problemTexts } = words;
  if (!(error instanceof ApiError)) {
    return <>{error instanceof Error ? error.message : String(error)}</>;
  }
  const { message, fix } = problemTexts(error);
  return (
    <div className="failure">
      <strong>{message}</strong>
      <div>{fix}</div>
      {error.details.map(({ path, message: fault }) => (
        <div key={path + fault}>
          <code title={path}>{label(path.replace(/^\//, ""))}</code> {faultText(fault, words)}
        </div>
      ))}
      {error.reason === "kernel.forbidden" ? <Denied error={error} /> : null}
      <small>
        {error.reason} · {error.code}
        {error.requestId === "" ? null : ` · ${t("requestId", { id: error.requestId })}`}
      </small>
    </div>
  );
}

/** Names what is missing, in the words that a policy uses, and where to ask why. */
function Denied({ error: { needed, requestId } }: { error: ApiError }) {
  const { t } = useWords();
  const why = addressOf("/why", { request: requestId, ...needed });
  return (
    <div>
      {needed === undefined ? null : (
        <>
          {t("neededRight")} <code>{needed.action}</code> {t("onResource")}{" "}
          <code>{needed.resource}</code>.{" "}
        </>
      )}
      <Link href={why}>{t("askWhy")}</Link>
    </div>
  );
}
