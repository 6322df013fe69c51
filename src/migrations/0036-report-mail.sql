-- Reports that are made by themselves go out by mail as files, when the schedule says so.
alter table appgateway_report_schedule
  add column mail_channel_ids text[] not null default '{}',
  add column mail_formats     text[] not null default '{pdf}',
  add column mail_language    text not null default 'en';

-- What goes with a message: names, types and sizes with the delivery, bytes in a table of their own
-- that only a sender reads.
alter table notify_delivery add column attachments jsonb not null default '[]';

create table notify_attachment (
  account_id  text not null references account,
  delivery_id text not null references notify_delivery on delete cascade,
  position    integer not null,
  content     bytea not null,
  primary key (delivery_id, position)
);

select keep_by_account('notify_attachment');
