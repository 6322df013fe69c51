-- The certificate that a node is changing to. Both are taken until the node has used the newer one:
-- a node that dies between getting it and keeping it comes back with the older.
alter table node add column next_certificate_fingerprint text unique;
