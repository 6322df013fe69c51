/**
 * The lake's tables. Of an event `raw` is what was recorded; the rest is for search. Requests that
 * were kept whole have a table of their own, and each row its own end: no query over events meets
 * them.
 */

const DAYS_KEPT = 90;
const RAW_DAYS_KEPT = 30;

/** Statements that make the table; safe to repeat. */
export const schemaStatements: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS event (
    account LowCardinality(String),
    uid String,
    time DateTime64(3, 'UTC'),
    class_uid UInt32,
    severity_id UInt8,
    activity LowCardinality(String),
    disposition LowCardinality(String),
    source_ip String,
    site_id LowCardinality(String),
    method LowCardinality(String),
    host LowCardinality(String),
    path String,
    status UInt16,
    user_agent String,
    user_name LowCardinality(String),
    score UInt32,
    rule_ids Array(UInt32),
    message String,
    latency_ms UInt32,
    raw String CODEC(ZSTD(3)) TTL toDateTime(time) + INTERVAL ${RAW_DAYS_KEPT} DAY
  ) ENGINE = ReplacingMergeTree
  PARTITION BY toDate(time)
  ORDER BY (account, class_uid, time, uid)
  TTL toDateTime(time) + INTERVAL ${DAYS_KEPT} DAY
  SETTINGS fsync_after_insert = 1`,
  `CREATE TABLE IF NOT EXISTS request_record (
    account LowCardinality(String),
    site_id LowCardinality(String),
    uid String,
    request_id String,
    time DateTime64(3, 'UTC'),
    expires DateTime('UTC'),
    record String CODEC(ZSTD(3))
  ) ENGINE = ReplacingMergeTree
  PARTITION BY toDate(expires)
  ORDER BY (account, site_id, uid)
  TTL expires
  SETTINGS fsync_after_insert = 1, ttl_only_drop_parts = 1, merge_with_ttl_timeout = 3600`,
  "ALTER TABLE event ADD COLUMN IF NOT EXISTS ja4 LowCardinality(String) AFTER user_name",
];
