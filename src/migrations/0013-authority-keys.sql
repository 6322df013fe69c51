-- Keys of authorities are key versions of keyd, used there and never opened by the server. A row
-- of before keeps key_sealed until its key was taken over, at the authority's first use.
alter table certificate_authority alter column key_sealed drop not null;
alter table certificate_authority add column key_wrapped bytea;
alter table certificate_authority add constraint certificate_authority_has_key
  check (key_sealed is not null or key_wrapped is not null);

-- The two certificates of an SM2 pair name each other (GB/T 38636); both have the same names.
alter table certificate add column key_use text not null default 'server';
alter table certificate add column pair_certificate_id text;
-- When the status of a certificate of another authority was asked for, and what was said.
alter table certificate add column status_check_time timestamptz;
alter table certificate add column status_reason text not null default '';
