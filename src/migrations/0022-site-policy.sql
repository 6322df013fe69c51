-- Policies of sites: settings, routes and custom rules. What they mean is the gateway's matter.
create table site_policy (
  account_id  text not null references account,
  site_id     text primary key references site on delete cascade,
  settings    jsonb not null,
  update_time timestamptz not null
);
create table site_route (
  account_id  text not null references account,
  route_id    text primary key,
  site_id     text not null references site on delete cascade,
  name        text not null,
  position    integer not null,
  settings    jsonb not null,
  create_time timestamptz not null,
  update_time timestamptz not null
);
create table custom_rule (
  account_id     text not null references account,
  custom_rule_id text primary key,
  site_id        text not null references site on delete cascade,
  name           text not null,
  enabled        boolean not null,
  position       integer not null,
  condition      jsonb,
  action         jsonb not null,
  note           text not null,
  expire_time    timestamptz,
  created_by     text not null,
  create_time    timestamptz not null,
  update_time    timestamptz not null
);

select keep_by_account('site_policy', 'site_route', 'custom_rule');
