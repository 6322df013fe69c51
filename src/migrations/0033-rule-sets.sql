-- Rule sets that the operator imported. They are shared: every account may put one on its sites, so
-- every account reads them; only the account that imported one deletes it. A site without one
-- follows the installed set.
create table rule_set (
  account_id     text not null references account,
  rule_set_id    text primary key,
  name           text not null,
  version        text not null,
  origin         text not null,
  -- Of the archive as it was uploaded, and of the packed files as gateways fetch them.
  sha256         text not null,
  content_sha256 text not null,
  files          integer not null,
  rules          integer not null,
  content        bytea not null,
  created_by     text not null,
  create_time    timestamptz not null,
  constraint rule_set_content_unique unique (content_sha256)
);

alter table rule_set enable row level security;
alter table rule_set force row level security;
create policy of_everyone on rule_set for select to cordon_account using (true);
create policy of_importer on rule_set for insert to cordon_account
  with check (account_id = current_setting('cordon.account_id', true));
create policy of_deleter on rule_set for delete to cordon_account
  using (account_id = current_setting('cordon.account_id', true));
create policy of_system on rule_set to cordon_system using (true) with check (true);
grant select, insert, delete on rule_set to cordon_account, cordon_system;

-- The reference keeps a set that any account's site uses; what it was before is only remembered.
alter table site
  add column rule_set_id text constraint site_rule_set_in_use references rule_set,
  add column previous_rule_set_id text;
