-- What a text was composed of, beside its English: null for what was written before, and for what
-- people wrote themselves.
alter table incident add column title_coded jsonb;
alter table finding add column title_coded jsonb;
alter table timeline_entry add column title_coded jsonb;
alter table timeline_entry add column detail_coded jsonb;
alter table response add column reason_coded jsonb;
