-- Every secret is sealed by keyd for its account; none has a key of its own.
alter table kms_secret drop column key_id;
