-- Several control planes on one database.

-- Who does the work that only one may do. A takeover changes the epoch, which is part of a unique
-- index: it waits for transactions that hold the old one (FOR KEY SHARE), and they for nothing.
create table leader (
  name        text primary key,
  epoch       bigint not null,
  instance    text not null,
  expire_time timestamptz not null,
  constraint leader_epoch unique (name, epoch)
);
grant select, insert, update on leader to cordon_system;

-- True while the lease is held, and holds it until the transaction ends.
create function cordon_hold_lease(wanted text, holder text, at bigint) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform from leader
    where name = wanted and instance = holder and epoch = at and expire_time > clock_timestamp()
    for key share;
  return found;
end $$;
revoke all on function cordon_hold_lease from public;
grant execute on function cordon_hold_lease to cordon_account, cordon_system;

-- Nonces of signed requests while their signature could still be valid.
create table signed_nonce (
  key_hash    bytea primary key,
  expire_time timestamptz not null
);
create index signed_nonce_by_time on signed_nonce (expire_time);
grant select, insert, delete on signed_nonce to cordon_system;

-- Calls of the operations with a tight limit; losing it in a crash costs a minute's count.
create unlogged table rate_count (
  key_hash     bytea not null,
  window_start bigint not null,
  calls        integer not null,
  primary key (key_hash, window_start)
);
grant select, insert, update, delete on rate_count to cordon_system;

-- Each control plane has an audit log of its own; '' is named at the next start.
alter table audit_entry add column log text not null default '';
alter table audit_entry drop constraint audit_entry_pkey;
alter table audit_entry add primary key (log, index);
