-- Reports of sites that are made by themselves, and those that were: kept as data, so that each
-- can be had in every format and language later.
create table appgateway_report_schedule (
  account_id  text not null references account,
  site_id     text primary key references site on delete cascade,
  every       text not null check (every in ('day', 'week')),
  kept_max    integer not null check (kept_max between 1 and 400),
  next_time   timestamptz not null,
  update_time timestamptz not null
);
create index on appgateway_report_schedule (next_time);

create table appgateway_report (
  account_id  text not null references account,
  report_id   text primary key,
  site_id     text not null references site on delete cascade,
  start_time  timestamptz not null,
  end_time    timestamptz not null,
  report      jsonb not null,
  create_time timestamptz not null,
  -- One for a period, whoever makes it.
  unique (site_id, start_time, end_time)
);

select keep_by_account('appgateway_report_schedule', 'appgateway_report');
