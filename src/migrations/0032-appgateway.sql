-- Who used which site: how users are told apart, and the key of their pseudonyms.
create table appgateway_user_audit (
  account_id        text not null references account,
  site_id           text primary key references site on delete cascade,
  settings          jsonb not null,
  -- Shared secret of HS256 tokens.
  jwt_secret_sealed bytea,
  update_time       timestamptz not null
);

create table appgateway_pseudonym_key (
  account_id  text primary key references account,
  key_sealed  bytea not null,
  create_time timestamptz not null
);

select keep_by_account('appgateway_user_audit', 'appgateway_pseudonym_key');
