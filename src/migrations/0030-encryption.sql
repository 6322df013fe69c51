-- The data encryption service: what is replaced by tokens, and the tokens with their sealed values.
create table encryption_token_profile (
  account_id            text not null references account,
  token_profile_id      text primary key,
  name                  text not null,
  kind                  text not null,
  mode                  text not null,
  format                text not null,
  checksum              text not null,
  keep_last             integer not null,
  ttl_seconds           bigint,
  tokenize_per_minute   integer not null,
  detokenize_per_minute integer not null,
  enabled               boolean not null,
  -- The key of value_mac, sealed by keyd: without it a copy of the tables cannot be searched by
  -- trying values.
  sealed_index_key      bytea not null,
  create_time           timestamptz not null,
  update_time           timestamptz not null,
  constraint encryption_token_profile_name_unique unique (account_id, name)
);
create table encryption_token (
  account_id       text not null references account,
  token_profile_id text not null references encryption_token_profile on delete cascade,
  token            text not null,
  -- HMAC-SHA-256 of the value, in deterministic profiles only.
  value_mac        bytea,
  -- The value, sealed by keyd for this token of this profile.
  sealed           bytea not null,
  create_time      timestamptz not null,
  expire_time      timestamptz,
  primary key (token_profile_id, token)
);
create unique index encryption_token_by_value on encryption_token (token_profile_id, value_mac)
  where value_mac is not null;
create index encryption_token_by_end on encryption_token (expire_time) where expire_time is not null;

select keep_by_account('encryption_token_profile', 'encryption_token');
