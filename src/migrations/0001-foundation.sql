-- Two roles stand between the program and the rows: cordon_account sees one account, named by the
-- setting cordon.account_id; cordon_system sees all and is used only by sign-in, jobs and intent.
do $$
begin
  if not exists (select from pg_roles where rolname = 'cordon_account') then
    create role cordon_account nologin;
  end if;
  if not exists (select from pg_roles where rolname = 'cordon_system') then
    create role cordon_system nologin;
  end if;
  execute format('grant cordon_account, cordon_system to %I', current_user);
end $$;

create table account (
  account_id  text primary key check (account_id ~ '^acc-[0-9a-z]{10}$'),
  name        text not null constraint account_name_unique unique,
  operator    boolean not null default false,
  create_time timestamptz not null
);

create table setup_token (
  token_hash  bytea primary key,
  expire_time timestamptz not null
);

create table iam_user (
  account_id        text not null references account,
  user_id           text primary key,
  name              text not null,
  password_hash     text not null,
  enabled           boolean not null default true,
  last_sign_in_time timestamptz,
  create_time       timestamptz not null,
  constraint user_name_unique unique (account_id, name)
);

create table policy (
  account_id  text not null references account,
  policy_id   text primary key,
  name        text not null,
  description text not null default '',
  managed     boolean not null default false,
  document    jsonb not null,
  create_time timestamptz not null,
  update_time timestamptz not null,
  constraint policy_name_unique unique (account_id, name)
);

create table user_policy (
  account_id text not null references account,
  user_id    text not null references iam_user on delete cascade,
  policy_id  text not null references policy,
  primary key (user_id, policy_id)
);

create table session (
  account_id    text not null references account,
  session_id    text primary key,
  user_id       text not null references iam_user on delete cascade,
  token_hash    bytea not null unique,
  source_ip     text not null,
  user_agent    text not null,
  create_time   timestamptz not null,
  last_use_time timestamptz not null,
  expire_time   timestamptz not null
);

create table bearer_key (
  account_id    text not null references account,
  bearer_key_id text primary key,
  user_id       text not null references iam_user on delete cascade,
  name          text not null,
  secret_hash   bytea not null unique,
  create_time   timestamptz not null,
  last_use_time timestamptz,
  expire_time   timestamptz
);

create table idempotency_key (
  account_id   text not null references account,
  principal_id text not null,
  key          text not null,
  request_hash bytea not null,
  answer       jsonb not null,
  create_time  timestamptz not null,
  primary key (account_id, principal_id, key)
);

-- Derived from the audit log's files, which are the truth; can be rebuilt at any time.
create table audit_entry (
  account_id text not null,
  index      bigint primary key,
  time       timestamptz not null,
  request_id text not null,
  operation  text not null,
  resource   text not null,
  principal_id   text not null,
  principal_name text not null,
  source_ip  text not null,
  decision   text not null,
  code       integer not null,
  entry      jsonb not null
);
create index audit_entry_by_time on audit_entry (account_id, time desc, index desc);

create table outbox (
  position   bigint generated always as identity primary key,
  account_id text not null,
  event      jsonb not null
);

create table intent (
  plane       text primary key,
  version     bigint not null,
  document    jsonb not null,
  update_time timestamptz not null
);
create table intent_change (
  position bigint generated always as identity primary key,
  plane    text not null
);

create table join_token (
  token_hash  bytea primary key,
  name        text not null,
  plane       text not null,
  expire_time timestamptz not null
);
create table node (
  node_id         text primary key,
  name            text not null,
  plane           text not null,
  certificate_fingerprint text not null unique,
  running_version bigint not null default 0,
  status          jsonb not null default '{}',
  last_seen_time  timestamptz,
  create_time     timestamptz not null
);

create table spool_cursor (
  consumer text not null,
  source   text not null,
  cursor   jsonb not null,
  primary key (consumer, source)
);

create table site (
  account_id             text not null references account,
  site_id                text primary key,
  upstreams              text[] not null,
  mode                   text not null,
  paranoia_level         integer not null,
  inbound_threshold      integer not null,
  outbound_threshold     integer not null,
  request_body_bytes_max bigint not null,
  fail_open              boolean not null,
  redirect_to_https      boolean not null,
  trusted_proxies        text[] not null,
  create_time            timestamptz not null,
  update_time            timestamptz not null
);
create table site_domain (
  account_id text not null references account,
  site_id    text not null references site on delete cascade,
  domain     text not null constraint site_domain_unique unique,
  position   integer not null,
  primary key (site_id, domain)
);
-- Owned by the system: the private key of a site never travels through an account's own queries.
create table site_certificate (
  site_id         text primary key references site on delete cascade,
  domains         text[] not null,
  certificate_pem text not null,
  private_key_pem text not null,
  expire_time     timestamptz not null
);
create table exclusion (
  account_id   text not null references account,
  exclusion_id text primary key,
  site_id      text not null references site on delete cascade,
  path_prefix  text not null,
  rule_id      integer not null,
  variable     text,
  note         text not null,
  created_by   text not null,
  create_time  timestamptz not null,
  constraint exclusion_unique unique nulls not distinct (site_id, path_prefix, rule_id, variable)
);
create table list_entry (
  account_id    text not null references account,
  list_entry_id text primary key,
  site_id       text references site on delete cascade,
  cidr          text not null,
  action        text not null,
  note          text not null,
  expire_time   timestamptz,
  create_time   timestamptz not null
);

create table incident (
  account_id    text not null references account,
  incident_id   text primary key,
  site_id       text not null,
  source_ip     text not null,
  title         text not null,
  status        text not null,
  severity      text not null,
  score_total   bigint not null,
  event_count   bigint not null,
  blocked_count bigint not null,
  categories    text[] not null,
  first_time    timestamptz not null,
  last_time     timestamptz not null
);
create unique index incident_open_unique on incident (account_id, site_id, source_ip)
  where status in ('open', 'acknowledged');
create table finding (
  account_id    text not null references account,
  finding_id    text primary key,
  incident_id   text not null references incident on delete cascade,
  site_id       text not null,
  source_ip     text not null,
  category      text not null,
  title         text not null,
  severity      text not null,
  rule_ids      integer[] not null,
  event_count   bigint not null,
  blocked_count bigint not null,
  score_max     integer not null,
  first_time    timestamptz not null,
  last_time     timestamptz not null,
  event_uids    text[] not null,
  constraint finding_unique unique (incident_id, category)
);
create table timeline_entry (
  account_id  text not null references account,
  position    bigint generated always as identity primary key,
  incident_id text not null references incident on delete cascade,
  time        timestamptz not null,
  kind        text not null,
  title       text not null,
  detail      text not null,
  actor       text not null,
  finding_id  text,
  response_id text
);
create table response (
  account_id  text not null references account,
  response_id text primary key,
  kind        text not null,
  cidr        text not null,
  site_id     text,
  incident_id text references incident on delete set null,
  reason      text not null,
  automatic   boolean not null,
  created_by  text not null,
  create_time timestamptz not null,
  expire_time timestamptz not null,
  revoke_time timestamptz,
  expired     boolean not null default false
);
create table automatic_response (
  account_id      text primary key references account,
  enabled         boolean not null,
  score_threshold integer not null,
  window_seconds  integer not null,
  block_seconds   integer not null
);

create table source_score (
  account_id text not null references account,
  site_id    text not null,
  source_ip  text not null,
  time       timestamptz not null,
  score      integer not null
);
create index source_score_by_source on source_score (account_id, site_id, source_ip, time);

-- Row-level security: every table with an account column, for the account's own role.
do $$
declare t text;
begin
  for t in select table_name from information_schema.columns
           where table_schema = current_schema() and column_name = 'account_id'
  loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy of_account on %I to cordon_account
      using (account_id = current_setting(''cordon.account_id'', true))
      with check (account_id = current_setting(''cordon.account_id'', true))', t);
    execute format('create policy of_system on %I to cordon_system using (true) with check (true)', t);
    execute format('grant select, insert, update, delete on %I to cordon_account', t);
  end loop;
end $$;
grant select, insert, update, delete on all tables in schema public to cordon_system;
grant usage on all sequences in schema public to cordon_system, cordon_account;
grant insert on intent_change to cordon_account;
revoke insert, update, delete on account, audit_entry from cordon_account;
revoke select, update, delete on outbox from cordon_account;
revoke all on migration from cordon_system;
