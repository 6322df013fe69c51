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

-- Checks of how a site answers; findings are kept with them.
create table appgateway_compliance_check (
  account_id  text not null references account,
  check_id    text primary key,
  site_id     text not null references site on delete cascade,
  score       integer not null,
  results     jsonb not null,
  created_by  text not null,
  create_time timestamptz not null
);
create index appgateway_compliance_check_site
  on appgateway_compliance_check (account_id, site_id, create_time desc);

-- Since when a site learns, and what was decided about its proposals.
create table appgateway_learning (
  account_id  text not null references account,
  site_id     text primary key references site on delete cascade,
  settings    jsonb not null,
  update_time timestamptz not null
);

create table appgateway_decision (
  account_id  text not null references account,
  proposal_id text not null,
  site_id     text not null references site on delete cascade,
  decision    text not null check (decision in ('accepted', 'rejected')),
  proposal    jsonb not null,
  note        text not null,
  decided_by  text not null,
  decide_time timestamptz not null,
  primary key (account_id, proposal_id)
);

do $$
declare t text;
begin
  foreach t in array array['appgateway_user_audit', 'appgateway_pseudonym_key',
    'appgateway_compliance_check', 'appgateway_learning', 'appgateway_decision']
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
