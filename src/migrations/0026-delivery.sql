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

select keep_by_account('site_delivery');
