-- Named lists of addresses: the text as it is edited, and the packed form that gateways look up.
create table address_list (
  account_id      text not null references account,
  address_list_id text primary key,
  name            text not null,
  note            text not null,
  entries         integer not null,
  ranges          integer not null,
  sha256          text not null,
  content         text not null,
  packed          bytea not null,
  create_time     timestamptz not null,
  update_time     timestamptz not null,
  constraint address_list_name_unique unique (account_id, name)
);

select keep_by_account('address_list');
