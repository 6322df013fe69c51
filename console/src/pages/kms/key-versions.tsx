/** The versions of a key. Old ones still decrypt and verify. */
import { useQuery } from "@tanstack/react-query";
import { catalog } from "../../../../src/catalog.ts";
import { call } from "../../api/client.ts";
import { useWords } from "../../language.tsx";
import { Rows } from "../../resource/rows.tsx";
import { Failure } from "../../shell/failure.tsx";

const COLUMNS = ["version", "state", "origin", "rotation", "expireTime", "createTime"];
/** The most that a list gives at once. */
const VERSIONS_MAX = 100;

export function KeyVersions({ keyId }: { keyId: string }) {
  const { resourceTitle } = useWords();
  const query = useQuery({
    queryKey: ["keyVersion", keyId],
    queryFn: () => call(catalog.kms.operations.listKeyVersions, { keyId, pageSize: VERSIONS_MAX }),
  });
  if (query.isError) return <Failure error={query.error} />;
  const items = query.data?.keyVersions ?? [];
  return <Rows title={resourceTitle("keyVersion")} items={items} columns={COLUMNS} />;
}
