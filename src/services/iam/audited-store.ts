/** Requests of the past as the searchable copy of the audit log has them. Read only. */
import type { Sql } from "../../kernel/store/database.ts";

export type AuditedRequest = {
  readonly time: string;
  readonly principalType: string;
  readonly principalId: string;
  readonly principalName: string;
  readonly action: string;
  readonly resource: string;
  readonly sourceIp: string;
  readonly decision: string;
  readonly decidedBy: string | null;
  readonly determiningPolicyIds: string[];
  readonly mfaAgeSeconds: number | null;
  /** It came with an encryption context; the record has only its hash. */
  readonly hasContext: boolean;
  /** Tags of the resource that policies asked for then; null = none asked, or not recorded. */
  readonly resourceTags: Readonly<Record<string, string>> | null;
  /** The tags that it brought; null = none, or its input was too large for the record. */
  readonly requestTags: unknown;
  readonly inputTruncated: boolean;
};

/** Fields of inputs that hold a context. */
const CONTEXTS = ["encryptionContext", "sourceEncryptionContext", "destinationEncryptionContext"];

export function auditedStore(sql: Sql) {
  return {
    async byRequest(accountId: string, requestId: string): Promise<AuditedRequest | undefined> {
      const [row] = await sql<AuditedRequest>`
        select time, entry->>'principalType' as principal_type, principal_id, principal_name,
          entry->>'action' as action, resource, source_ip, decision,
          entry->>'decidedBy' as decided_by,
          array(select jsonb_array_elements_text(entry->'determiningPolicyIds'))
            as determining_policy_ids,
          (entry->>'mfaAgeSeconds')::integer as mfa_age_seconds,
          coalesce(entry->'input' ?| ${CONTEXTS}::text[], false) as has_context,
          entry->'resourceTags' as resource_tags, entry->'input'->'tags' as request_tags,
          coalesce(entry->'input'->'truncated' = 'true', false) as input_truncated
        from audit_entry where account_id = ${accountId} and request_id = ${requestId}
        order by index desc limit 1`;
      return row;
    },

    /** Requests that policies decided, newest first. */
    since: (accountId: string, since: string, max: number) => sql<AuditedRequest>`
      select time, entry->>'principalType' as principal_type, principal_id, principal_name,
        entry->>'action' as action, resource, source_ip, decision,
        entry->>'decidedBy' as decided_by, '{}'::text[] as determining_policy_ids,
        (entry->>'mfaAgeSeconds')::integer as mfa_age_seconds,
        coalesce(entry->'input' ?| ${CONTEXTS}::text[], false) as has_context,
        entry->'resourceTags' as resource_tags, entry->'input'->'tags' as request_tags,
        coalesce(entry->'input'->'truncated' = 'true', false) as input_truncated
      from audit_entry
      where account_id = ${accountId} and time >= ${since} and decision in ('allow', 'deny')
      order by time desc limit ${max}`,

    async usedActions(accountId: string, principalId: string, since: string): Promise<string[]> {
      const rows = await sql<{ action: string }>`
        select distinct entry->>'action' as action from audit_entry
        where account_id = ${accountId} and principal_id = ${principalId} and time >= ${since}
          and decision = 'allow'`;
      return rows.map((row) => row.action);
    },
  };
}
