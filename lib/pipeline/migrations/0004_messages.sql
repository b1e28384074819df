-- The message of a queue that asked for the run: it is done once, and the end of its run says so.
alter table diner.run add column message_id text;
create index idx_run_message on diner.run (message_id) where message_id is not null;
