-- How often Cordon backs itself up. One row at most; without it the program's default holds.
create table backup_schedule (
  one_row     boolean primary key default true check (one_row),
  every_hours integer not null check (every_hours between 0 and 720),
  keep        integer not null check (keep between 1 and 365),
  update_time timestamptz not null
);
grant select, insert, update on backup_schedule to cordon_system;
