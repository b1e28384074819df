-- A stream read in slices (children of for_each, windows), each committed by itself; runs that go
-- on where another stopped; rejects that were mended and loaded.
alter table diner.run
    add column resumes  bigint references diner.run (id),
    add column options  jsonb not null default '{}',
    add column trace_id text,
    add column shard    text;

alter table diner.run_stream
    add column bytes bigint not null default 0,
    drop constraint run_stream_status_check,
    add constraint run_stream_status_check
        check (status in ('succeeded', 'partial', 'failed', 'skipped'));

create table diner.run_slice (
    run_id       bigint not null references diner.run (id) on delete cascade,
    stream       text not null,
    child        text not null default '',
    window_start text not null default '',
    window_end   text not null default '',
    status       text not null check (status in ('succeeded', 'failed')),
    read         bigint not null default 0,
    inserted     bigint not null default 0,
    updated      bigint not null default 0,
    unchanged    bigint not null default 0,
    deleted      bigint not null default 0,
    superseded   bigint not null default 0,
    rejected     bigint not null default 0,
    skipped      bigint not null default 0,
    findings     bigint not null default 0,
    bytes        bigint not null default 0,
    started_at   timestamptz not null,
    finished_at  timestamptz not null default clock_timestamp(),
    attempts     integer not null default 1,
    error        text,
    primary key (run_id, stream, child, window_start),
    constraint run_slice_adds_up check (status <> 'succeeded'
        or read = inserted + updated + unchanged + superseded + rejected + skipped)
);
comment on table diner.run_slice is 'one child or window of a stream; what stands when a run was stopped';

alter table diner.reject
    add column cells           jsonb,
    add column is_staged       boolean not null default false,
    add column replayed_run_id bigint references diner.run (id),
    add column replayed_at     timestamptz;
comment on column diner.reject.cells is 'column: text as read, of rows that could be split; what a replay reads';
create index idx_reject_open on diner.reject (pipeline, stream, id) where replayed_run_id is null;
comment on column diner.reject.is_staged is 'refused by SQL: its cells are those of the staged row, transforms included';
