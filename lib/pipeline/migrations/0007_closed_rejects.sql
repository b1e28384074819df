-- A reject is closed by the run that loaded its row or read it again, or by somebody who dismissed it and
-- says why.
alter table diner.reject
    add column closed_at   timestamptz,
    add column closed_note text;
update diner.reject set closed_at = replayed_at where replayed_run_id is not null;
drop index diner.idx_reject_open;
alter table diner.reject drop column replayed_at;
create index idx_reject_open on diner.reject (pipeline, stream, id) where closed_at is null;
comment on column diner.reject.closed_at is 'null: open. Dismissed: there is no replayed_run_id, and closed_note says why';
