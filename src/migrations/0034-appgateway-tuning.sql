-- Tuning of sites: who learns, what was decided about proposals, and checks of how sites answer.
create table appgateway_learning (
  account_id  text not null references account,
  site_id     text primary key references site on delete cascade,
  settings    jsonb not null,
  -- Since when it learns, or did.
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
create index on appgateway_decision (account_id, site_id, decide_time desc);

create table appgateway_compliance_check (
  account_id  text not null references account,
  check_id    text primary key,
  site_id     text not null references site on delete cascade,
  state       text not null check (state in ('running', 'done', 'failed')),
  failure     text not null,
  score       integer check (score between 0 and 100),
  results     jsonb not null,
  created_by  text not null,
  create_time timestamptz not null
);
create index on appgateway_compliance_check (account_id, site_id, create_time desc);

select keep_by_account(
  'appgateway_learning', 'appgateway_decision', 'appgateway_compliance_check'
);
