-- People who sign in elsewhere, people kept by a directory, principals that are programs, the
-- sealed root user, and invitations.
alter table iam_user
  -- person | service: a service has keys and no password, no factors and no console session.
  add column kind text not null default 'person',
  -- The account's first administrator. Sealed, it cannot be used until somebody opens it.
  add column root boolean not null default false,
  add column sealed boolean not null default false,
  add column unsealed_until timestamptz,
  -- Kept by a directory over SCIM; what the directory says of it beside what Cordon uses.
  add column directory boolean not null default false,
  add column directory_attributes jsonb not null default '{}',
  add column update_time timestamptz;
update iam_user set root = true where user_id in (
  select distinct on (account_id) user_id from iam_user order by account_id, create_time);
alter table iam_group
  add column directory boolean not null default false,
  add column update_time timestamptz;
create unique index group_external_id on iam_group (account_id, external_id);

-- Where a session that began at a provider ends there as well.
alter table session add column provider_sign_out_url text;
-- Empty = from anywhere.
alter table bearer_key add column source_cidrs text[] not null default '{}';
-- A public client has no secret and relies on PKCE.
alter table oidc_provider alter column sealed_client_secret drop not null;
alter table oidc_provider add column trust_pem text;

create table invitation (
  account_id    text not null references account,
  invitation_id text primary key,
  user_id       text not null unique references iam_user on delete cascade,
  token_hash    bytea not null unique,
  created_by    text not null,
  create_time   timestamptz not null,
  expire_time   timestamptz not null
);
create table scim_credential (
  account_id         text not null references account,
  scim_credential_id text primary key,
  name               text not null,
  secret_hash        bytea not null unique,
  source_cidrs       text[] not null default '{}',
  -- People it makes sign in at this provider.
  oidc_provider_id   text references oidc_provider on delete set null,
  create_time        timestamptz not null,
  last_use_time      timestamptz,
  expire_time        timestamptz
);

select keep_by_account('invitation', 'scim_credential');
