-- Certificates: inventory, bindings to sites, own authorities with their ACME server, and the
-- ACME client. Private keys are sealed (column *_sealed) and never stand here in clear.
create table certificate (
  account_id       text not null references account,
  certificate_id   text primary key,
  name             text not null,
  origin           text not null,
  full_chain_pem   text not null,
  key_sealed       bytea,
  key_fingerprint  text not null,
  fingerprint      text not null,
  subject          text not null,
  issuer           text not null,
  serial_number    text not null,
  authority_key_id text not null,
  names            text[] not null,
  key_algorithm    text not null,
  anchor           text not null,
  root_seen        boolean not null,
  weaknesses       text[] not null,
  ocsp_urls        text[] not null,
  not_before_time  timestamptz not null,
  expire_time      timestamptz not null,
  revoke_time      timestamptz,
  replaced_by      text,
  -- How to get the next one: provider, challenge, profile; null for what is not renewed here.
  renewal          jsonb,
  renew_time       timestamptz,
  window_check_time timestamptz,
  warned_state     text not null default '',
  create_time      timestamptz not null,
  constraint certificate_unique unique (account_id, fingerprint)
);
create index certificate_by_renewal on certificate (renew_time) where renewal is not null;

create table certificate_binding (
  account_id         text not null references account,
  site_id            text primary key references site on delete cascade,
  certificate_id     text not null references certificate,
  state              text not null,
  state_reason       text not null,
  served_fingerprint text,
  check_time         timestamptz,
  create_time        timestamptz not null
);

create table certificate_authority (
  account_id      text not null references account,
  authority_id    text primary key,
  name            text not null,
  kind            text not null,
  parent_id       text references certificate_authority,
  certificate_pem text not null,
  key_sealed      bytea not null,
  key_algorithm   text not null,
  crl_number      bigint not null default 0,
  expire_time     timestamptz not null,
  create_time     timestamptz not null
);
create unique index certificate_authority_name_unique
  on certificate_authority (account_id, name, kind);

create table issuance_policy (
  account_id                text not null references account,
  issuance_policy_id        text primary key,
  name                      text not null,
  authority_id              text not null references certificate_authority,
  allowed_names             text[] not null,
  lifetime_seconds          bigint not null,
  external_account_required boolean not null,
  enabled                   boolean not null,
  create_time               timestamptz not null,
  update_time               timestamptz not null,
  constraint issuance_policy_name_unique unique (account_id, name)
);

create table external_account (
  account_id          text not null references account,
  external_account_id text primary key,
  issuance_policy_id  text not null references issuance_policy on delete cascade,
  name                text not null,
  mac_sealed          bytea not null,
  acme_account_id     text,
  create_time         timestamptz not null
);

create table acme_account (
  account_id          text not null references account,
  acme_account_id     text primary key,
  issuance_policy_id  text not null references issuance_policy on delete cascade,
  jwk                 jsonb not null,
  thumbprint          text not null,
  contacts            text[] not null,
  status              text not null,
  external_account_id text,
  create_time         timestamptz not null,
  constraint acme_account_key_unique unique (issuance_policy_id, thumbprint)
);

create table acme_order (
  account_id         text not null references account,
  acme_order_id      text primary key,
  issuance_policy_id text not null references issuance_policy on delete cascade,
  acme_account_id    text not null references acme_account on delete cascade,
  status             text not null,
  names              text[] not null,
  replaces           text,
  error              jsonb,
  serial_number      text,
  expire_time        timestamptz not null,
  create_time        timestamptz not null
);
create index acme_order_by_account on acme_order (acme_account_id, create_time);

create table acme_authorization (
  account_id            text not null references account,
  acme_authorization_id text primary key,
  acme_order_id         text not null references acme_order on delete cascade,
  acme_account_id       text not null references acme_account on delete cascade,
  name                  text not null,
  wildcard              boolean not null,
  status                text not null,
  token                 text not null,
  challenge_type        text,
  error                 jsonb,
  validate_time         timestamptz,
  expire_time           timestamptz not null
);
create index acme_authorization_by_order on acme_authorization (acme_order_id);

create table issued_certificate (
  account_id         text not null references account,
  authority_id       text not null references certificate_authority,
  serial_number      text not null,
  issuance_policy_id text,
  acme_account_id    text,
  certificate_pem    text not null,
  key_fingerprint    text not null,
  names              text[] not null,
  not_before_time    timestamptz not null,
  expire_time        timestamptz not null,
  revoke_time        timestamptz,
  revoke_reason      text,
  replaced           boolean not null default false,
  primary key (authority_id, serial_number)
);
create index issued_certificate_by_time on issued_certificate (account_id, not_before_time desc);

create table acme_provider (
  account_id          text not null references account,
  acme_provider_id    text primary key,
  name                text not null,
  directory_url       text not null,
  contacts            text[] not null,
  trust_pem           text not null,
  profile             text not null,
  external_key_id     text not null,
  external_mac_sealed bytea,
  account_key_sealed  bytea not null,
  account_url         text,
  create_time         timestamptz not null,
  constraint acme_provider_name_unique unique (account_id, name)
);

create table dns_provider (
  account_id      text not null references account,
  dns_provider_id text primary key,
  name            text not null,
  kind            text not null,
  settings        jsonb not null,
  secret_sealed   bytea not null,
  create_time     timestamptz not null,
  constraint dns_provider_name_unique unique (account_id, name)
);

create table certificate_order (
  account_id       text not null references account,
  order_id         text primary key,
  acme_provider_id text not null references acme_provider,
  names            text[] not null,
  challenge        text not null,
  dns_provider_id  text references dns_provider,
  key_algorithm    text not null,
  profile          text not null,
  auto_renew       boolean not null,
  state            text not null,
  state_reason     text not null,
  progress         jsonb not null,
  key_sealed       bytea,
  request_der      bytea,
  certificate_id   text references certificate on delete set null,
  renews_id        text references certificate on delete set null,
  failures         integer not null,
  next_time        timestamptz not null,
  create_time      timestamptz not null,
  update_time      timestamptz not null
);
create index certificate_order_due on certificate_order (next_time)
  where state not in ('issued', 'failed', 'canceled');

-- Answers that the gateway gives below /.well-known/acme-challenge/.
create table acme_challenge_answer (
  account_id        text not null references account,
  token             text primary key,
  order_id          text not null references certificate_order on delete cascade,
  domain            text not null,
  key_authorization text not null
);

do $$
declare t text;
begin
  foreach t in array array['certificate', 'certificate_binding', 'certificate_authority',
    'issuance_policy', 'external_account', 'acme_account', 'acme_order', 'acme_authorization',
    'issued_certificate', 'acme_provider', 'dns_provider', 'certificate_order',
    'acme_challenge_answer']
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
