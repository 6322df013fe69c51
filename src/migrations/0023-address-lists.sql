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

alter table address_list enable row level security;
alter table address_list force row level security;
create policy of_account on address_list to cordon_account
  using (account_id = current_setting('cordon.account_id', true))
  with check (account_id = current_setting('cordon.account_id', true));
create policy of_system on address_list to cordon_system using (true) with check (true);
grant select, insert, update, delete on address_list to cordon_account, cordon_system;
