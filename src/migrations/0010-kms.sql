-- The key management service. Material is here only as keyd wrapped it.

-- The state of an account's keys as keyd records it as well: an older database shows an older head.
create table kms_head (
  account_id text primary key references account,
  epoch      bigint not null,
  hash       text not null
);

create table kms_key (
  account_id    text not null references account,
  key_id        text primary key,
  -- What wrapped material and ciphertexts name. Replicas in other regions share it.
  material_id   text not null,
  region        text not null,
  description   text not null,
  spec          text not null,
  usage         text not null,
  origin        text not null,
  state         text not null,
  -- none, primary or replica
  multi_region  text not null,
  -- The version that encrypts and signs; null while there is none.
  current_version integer,
  policy        jsonb not null,
  -- The policy as a foreign client wrote it, given back as it came.
  policy_text   text,
  tags          jsonb not null,
  rotation_period_days integer,
  next_rotation_time   timestamptz,
  create_time   timestamptz not null,
  delete_time   timestamptz,
  -- SHA-256 of all that decides about the use of the key; covered by the head.
  seal          text not null default ''
);
create index kms_key_by_account on kms_key (account_id, key_id);
create unique index kms_key_material_region on kms_key (account_id, material_id, region);

create table kms_key_version (
  account_id  text not null references account,
  material_id text not null,
  version     integer not null,
  -- enabled, disabled, pendingDeletion, destroyed; pendingImport while material is absent
  state       text not null,
  origin      text not null,
  -- automatic, onDemand or null for the first
  rotation    text,
  wrapped     bytea,
  public_key  bytea,
  -- Tells whether material brought in again is the same; says nothing about it.
  material_mark text,
  material_description text not null default '',
  expire_time timestamptz,
  delete_time timestamptz,
  create_time timestamptz not null,
  primary key (account_id, material_id, version)
);

create table kms_alias (
  account_id  text not null references account,
  name        text not null,
  key_id      text not null references kms_key on delete cascade,
  create_time timestamptz not null,
  update_time timestamptz not null,
  primary key (account_id, name)
);
create index kms_alias_by_key on kms_alias (key_id);

create table kms_grant (
  account_id   text not null references account,
  grant_id     text primary key,
  key_id       text not null references kms_key on delete cascade,
  name         text not null,
  grantee      text not null,
  retiring     text,
  operations   text[] not null,
  -- {"equals": {...}} or {"subset": {...}} of the encryption context
  constraints  jsonb not null,
  token_hash   bytea not null,
  issuer       text not null,
  create_time  timestamptz not null
);
create index kms_grant_by_key on kms_grant (key_id);

create table kms_key_use (
  account_id text not null references account,
  key_id     text primary key references kms_key on delete cascade,
  operation  text not null,
  request_id text not null,
  use_time   timestamptz not null
);

create table kms_secret (
  account_id  text not null references account,
  secret_id   text primary key,
  name        text not null,
  description text not null,
  -- Null = sealed by keyd for the account; else a key of the account encrypts every version.
  key_id      text references kms_key,
  enabled     boolean not null,
  tags        jsonb not null,
  current_version integer not null,
  rotation_period_days integer,
  next_rotation_time   timestamptz,
  -- What an automatic rotation puts in: null = nothing, it only reminds.
  generate    jsonb,
  delete_time timestamptz,
  create_time timestamptz not null,
  update_time timestamptz not null,
  constraint kms_secret_name_unique unique (account_id, name)
);
create table kms_secret_version (
  account_id  text not null references account,
  secret_id   text not null references kms_secret on delete cascade,
  version     integer not null,
  enabled     boolean not null,
  sealed      bytea not null,
  create_time timestamptz not null,
  expire_time timestamptz,
  last_use_time timestamptz,
  primary key (secret_id, version)
);

select keep_by_account('kms_head', 'kms_key', 'kms_key_version', 'kms_alias', 'kms_grant',
  'kms_key_use', 'kms_secret', 'kms_secret_version');
