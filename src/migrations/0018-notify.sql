-- Notifications: where they go (channel), what goes there (route), what stays quiet (silence), and
-- each message with its attempts (delivery), which is the queue as well as the record.
create table notify_channel (
  account_id  text not null references account,
  channel_id  text primary key,
  name        text not null,
  kind        text not null,
  enabled     boolean not null,
  target      text not null,
  settings    jsonb not null,
  -- Address with its token, signing secret and password, sealed by keyd.
  sealed      bytea not null,
  create_time timestamptz not null,
  update_time timestamptz not null,
  constraint notify_channel_name_unique unique (account_id, name)
);
create table notify_route (
  account_id    text not null references account,
  route_id      text primary key,
  name          text not null,
  enabled       boolean not null,
  channel_ids   text[] not null,
  severity_min  text not null,
  services      text[] not null,
  days          text[] not null,
  from_time     text not null,
  to_time       text not null,
  time_zone     text not null,
  group_seconds integer not null,
  create_time   timestamptz not null,
  constraint notify_route_name_unique unique (account_id, name)
);
create table notify_silence (
  account_id   text not null references account,
  silence_id   text primary key,
  services     text[] not null,
  resource     text not null,
  severity_max text not null,
  reason       text not null,
  created_by   text not null,
  expire_time  timestamptz not null,
  create_time  timestamptz not null
);
create table notify_delivery (
  account_id    text not null references account,
  delivery_id   text primary key,
  channel_id    text not null,
  channel_name  text not null,
  route_id      text,
  -- What is told in one message: route and event type.
  group_key     text not null,
  state         text not null,
  event_type    text not null,
  severity_id   integer not null,
  title         text not null,
  event_count   integer not null,
  -- The first few of them; the rest is counted.
  events        jsonb not null,
  attempts      jsonb not null default '[]',
  attempt_count integer not null default 0,
  next_time     timestamptz not null,
  lease_time    timestamptz,
  create_time   timestamptz not null,
  end_time      timestamptz
);
-- One message of a group collects at a time.
create unique index notify_delivery_collecting on notify_delivery (channel_id, group_key)
  where state in ('waiting', 'silenced');
create index notify_delivery_due on notify_delivery (next_time)
  where state in ('waiting', 'retrying', 'sending');
create index notify_delivery_by_time on notify_delivery (account_id, create_time desc);
create index notify_delivery_by_group on notify_delivery (channel_id, group_key, end_time);

-- What a machine complained of when last looked at, so that each trouble is told once.
create table notify_alarm (
  instance    text not null,
  part        text not null,
  message     text not null,
  create_time timestamptz not null,
  primary key (instance, part)
);
grant select, insert, update, delete on notify_alarm to cordon_system;

select keep_by_account('notify_channel', 'notify_route', 'notify_silence', 'notify_delivery');
