-- Databases of countries and networks that the operator imported: of each kind one is in force at
-- every gateway, and the one before it is kept. They are shared: every account reads which are in
-- force; only the account that imported one changes them.
create table geo_database (
  account_id      text not null references account,
  geo_database_id text primary key,
  kind            text not null check (kind in ('country', 'asn')),
  in_force        boolean not null,
  database_type   text not null,
  build_time      timestamptz not null,
  ip_version      integer not null,
  networks        integer not null,
  size_bytes      integer not null,
  -- Of the database itself, and of the packed bytes as gateways fetch them.
  sha256          text not null,
  content_sha256  text not null,
  origin          text not null,
  content         bytea not null,
  created_by      text not null,
  create_time     timestamptz not null,
  constraint geo_database_unique unique (kind, sha256)
);
create unique index geo_database_in_force on geo_database (kind) where in_force;

-- What has come of a file that is sent in parts, until it is imported.
create table geo_database_part (
  account_id  text not null references account,
  -- Of the whole file as it is sent.
  file_sha256 text not null,
  part        integer not null,
  content     bytea not null,
  primary key (account_id, file_sha256, part)
);

-- Packed bytes: to try once more costs time, and saves nothing.
alter table geo_database alter column content set storage external;
alter table geo_database_part alter column content set storage external;

alter table geo_database enable row level security;
alter table geo_database force row level security;
create policy of_everyone on geo_database for select to cordon_account using (true);
create policy of_importer on geo_database for insert to cordon_account
  with check (account_id = current_setting('cordon.account_id', true));
create policy of_changer on geo_database for update to cordon_account
  using (account_id = current_setting('cordon.account_id', true));
create policy of_deleter on geo_database for delete to cordon_account
  using (account_id = current_setting('cordon.account_id', true));
create policy of_system on geo_database to cordon_system using (true) with check (true);

alter table geo_database_part enable row level security;
alter table geo_database_part force row level security;
create policy of_account on geo_database_part to cordon_account
  using (account_id = current_setting('cordon.account_id', true))
  with check (account_id = current_setting('cordon.account_id', true));
create policy of_system on geo_database_part to cordon_system using (true) with check (true);
grant select, insert, update, delete on geo_database, geo_database_part
  to cordon_account, cordon_system;
