-- How sites are delivered: one row for each site and concern that differs from the defaults.
create table site_delivery (
  account_id            text not null references account,
  site_id               text not null references site on delete cascade,
  concern               text not null,
  settings              jsonb not null,
  -- What the gateway shows to https upstreams; of the concern `upstream` only.
  client_certificate_id text,
  update_time           timestamptz not null,
  primary key (site_id, concern)
);

do $$
declare t text;
begin
  foreach t in array array['site_delivery']
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
