-- Failed sign-ins by user and source, and the certificate that a node is changing to.

-- Kept by a hash, so that a table of failed attempts is no list of user names (or of passwords
-- typed into the wrong field).
create table sign_in_attempt (
  key_hash   bytea primary key,
  attempts   integer not null,
  since_time timestamptz not null
);
create index sign_in_attempt_since on sign_in_attempt (since_time);
grant select, insert, update, delete on sign_in_attempt to cordon_system;

-- Both certificates are taken until the node has used the newer one: a node that dies between
-- getting it and keeping it comes back with the older.
alter table node add column next_certificate_fingerprint text unique;
