-- Access keys sign requests. The secret must be recoverable to check a signature, so it is kept
-- sealed by the key daemon and opened only by the authenticator.
create table access_key (
  account_id    text not null references account,
  access_key_id text primary key,
  user_id       text not null references iam_user on delete cascade,
  sealed_secret bytea not null,
  enabled       boolean not null default true,
  -- Empty = from anywhere.
  source_cidrs  text[] not null default '{}',
  create_time   timestamptz not null,
  last_use_time timestamptz,
  expire_time   timestamptz
);
create index access_key_by_user on access_key (account_id, user_id);

-- Policies: a document may be Cedar text, then `compiled` holds its JSON form.
alter table policy add column compiled jsonb;
alter table policy add column version integer not null default 1;
-- Who may read everything may also ask why.
update policy set document = jsonb_set(document, '{statement,0,action}',
    (document #> '{statement,0,action}') || '["iam:ExplainDecision", "iam:ValidatePolicy"]')
  where managed and name = 'Auditor';
create table policy_version (
  account_id  text not null references account,
  policy_id   text not null references policy on delete cascade,
  version     integer not null,
  document    jsonb not null,
  compiled    jsonb,
  created_by  text not null,
  create_time timestamptz not null,
  primary key (policy_id, version)
);
insert into policy_version (account_id, policy_id, version, document, created_by, create_time)
  select account_id, policy_id, 1, document, '', update_time from policy;

alter table iam_user
  add column description text not null default '',
  add column tags jsonb not null default '{}',
  add column boundary_policy_id text references policy,
  add column password_change_time timestamptz,
  add column external_id text,
  add column oidc_provider_id text,
  add column oidc_subject text;

create table iam_group (
  account_id  text not null references account,
  group_id    text primary key,
  name        text not null,
  description text not null default '',
  external_id text,
  create_time timestamptz not null,
  constraint group_name_unique unique (account_id, name)
);
create table group_member (
  account_id text not null references account,
  group_id   text not null references iam_group on delete cascade,
  user_id    text not null references iam_user on delete cascade,
  primary key (group_id, user_id)
);
create index group_member_by_user on group_member (user_id);
create table group_policy (
  account_id text not null references account,
  group_id   text not null references iam_group on delete cascade,
  policy_id  text not null references policy,
  primary key (group_id, policy_id)
);

create table iam_role (
  account_id         text not null references account,
  role_id            text primary key,
  name               text not null,
  description        text not null default '',
  -- Who may assume it: statements with a principal and conditions.
  trust              jsonb not null,
  boundary_policy_id text references policy,
  session_seconds_max integer not null,
  -- Sessions issued before this time are refused.
  revoke_before_time timestamptz,
  create_time        timestamptz not null,
  constraint role_name_unique unique (account_id, name)
);
create table role_policy (
  account_id text not null references account,
  role_id    text not null references iam_role on delete cascade,
  policy_id  text not null references policy,
  primary key (role_id, policy_id)
);
create table role_session (
  account_id       text not null references account,
  role_session_id  text primary key,
  role_id          text not null references iam_role on delete cascade,
  name             text not null,
  -- The access key, its sealed secret, and the hashes of the two tokens that may come with it.
  access_key_id    text not null unique,
  sealed_secret    bytea not null,
  session_token_hash bytea not null,
  bearer_hash      bytea not null unique,
  session_policy   jsonb,
  tags             jsonb not null default '{}',
  source_account_id   text not null references account,
  source_principal_id text not null,
  mfa_time         timestamptz,
  create_time      timestamptz not null,
  last_use_time    timestamptz,
  expire_time      timestamptz not null
);

-- A policy that lies on a resource; its statements name principals.
create table resource_policy (
  account_id  text not null references account,
  resource    text not null,
  document    jsonb not null,
  update_time timestamptz not null,
  primary key (account_id, resource)
);
create table resource_tag (
  account_id text not null references account,
  resource   text not null,
  tags       jsonb not null,
  primary key (account_id, resource)
);

-- Above accounts: what is not allowed by every guardrail of an account is allowed to nobody in it.
create table guardrail (
  guardrail_id text primary key,
  name         text not null constraint guardrail_name_unique unique,
  description  text not null,
  document     jsonb not null,
  -- Empty = every account but the operator's.
  accounts     text[] not null,
  create_time  timestamptz not null,
  update_time  timestamptz not null
);

alter table session
  add column mfa_time timestamptz,
  add column method text not null default 'password';
create table totp (
  account_id    text not null references account,
  user_id       text primary key references iam_user on delete cascade,
  sealed_secret bytea not null,
  confirm_time  timestamptz,
  -- The last time step whose code was used: a code works once (RFC 6238 section 5.2).
  last_step     bigint not null default -1,
  create_time   timestamptz not null
);
create table backup_code (
  account_id text not null references account,
  user_id    text not null references iam_user on delete cascade,
  code_hash  bytea not null,
  primary key (user_id, code_hash)
);
create table passkey (
  account_id    text not null references account,
  passkey_id    text primary key,
  user_id       text not null references iam_user on delete cascade,
  name          text not null,
  credential_id text not null unique,
  public_key    bytea not null,
  counter       bigint not null,
  transports    text[] not null,
  create_time   timestamptz not null,
  last_use_time timestamptz
);
-- Something begun that its answer must refer to, once: a sign-in after the password, a passkey
-- ceremony, a sign-in at an OIDC provider.
create table ceremony (
  token_hash  bytea primary key,
  kind        text not null,
  account_id  text references account,
  user_id     text references iam_user on delete cascade,
  data        jsonb not null,
  attempts    integer not null default 0,
  expire_time timestamptz not null
);
-- Browsers that a user signed in with before: failures from elsewhere do not lock them out.
create table known_device (
  account_id  text not null references account,
  user_id     text not null references iam_user on delete cascade,
  token_hash  bytea not null,
  last_use_time timestamptz not null,
  primary key (user_id, token_hash)
);
create table sign_in_failure (
  key_hash    bytea primary key,
  failures    integer not null,
  last_time   timestamptz not null,
  locked_until timestamptz not null
);
create table account_security (
  account_id text primary key references account,
  settings   jsonb not null
);
create table password_history (
  account_id    text not null references account,
  user_id       text not null references iam_user on delete cascade,
  password_hash text not null,
  create_time   timestamptz not null
);
create table oidc_provider (
  account_id    text not null references account,
  oidc_provider_id text primary key,
  name          text not null,
  issuer        text not null,
  client_id     text not null,
  sealed_client_secret bytea not null,
  rules         jsonb not null,
  enabled       boolean not null,
  create_time   timestamptz not null,
  constraint oidc_provider_name_unique unique (account_id, name)
);
create unique index user_oidc_subject on iam_user (oidc_provider_id, oidc_subject);
create unique index user_external_id on iam_user (account_id, external_id);

-- Row-level security for the tables made here that name their account.
do $$
declare t text;
begin
  foreach t in array array['access_key', 'policy_version', 'iam_group', 'group_member',
    'group_policy', 'iam_role', 'role_policy', 'role_session', 'resource_policy', 'resource_tag',
    'totp', 'backup_code', 'passkey', 'known_device', 'account_security', 'password_history',
    'oidc_provider']
  loop
    execute format('alter table %I enable row level security', t);
    execute format('alter table %I force row level security', t);
    execute format('create policy of_account on %I to cordon_account
      using (account_id = current_setting(''cordon.account_id'', true))
      with check (account_id = current_setting(''cordon.account_id'', true))', t);
    execute format('create policy of_system on %I to cordon_system using (true) with check (true)', t);
    execute format('grant select, insert, update, delete on %I to cordon_account, cordon_system', t);
  end loop;
end $$;
grant select, insert, update, delete on guardrail, ceremony, sign_in_failure to cordon_system;
