-- A run whose children and windows are shared out: each is a task that any worker takes, under a
-- lease. The task without a stream is the run itself: whoever holds it leads the run and ends it.
alter table diner.run
    drop constraint run_status_check,
    add constraint run_status_check check (status in
        ('waiting', 'running', 'succeeded', 'partial', 'failed', 'interrupted', 'skipped')),
    add column is_distributed boolean not null default false;
create index idx_run_open on diner.run (pipeline) where status in ('waiting', 'running');
drop index diner.idx_run_running;

create table diner.task (
    id           bigint generated always as identity primary key,
    run_id       bigint not null references diner.run (id) on delete cascade,
    stream       text not null default '',
    child        text not null default '',
    window_start text not null default '',
    state        text not null default 'waiting'
                 check (state in ('held', 'waiting', 'leased', 'done', 'failed', 'cancelled')),
    attempt      integer not null default 0,
    lost         integer not null default 0,
    worker       text,
    lease_until  timestamptz,
    code         text,
    error        text,
    hint         text,
    created_at   timestamptz not null default clock_timestamp(),
    started_at   timestamptz,
    finished_at  timestamptz,
    unique (run_id, stream, child, window_start),
    constraint task_is_leased check ((state = 'leased') = (lease_until is not null))
);
create index idx_task_open on diner.task (id) where state in ('waiting', 'leased');
comment on column diner.task.attempt is 'counts leases: who commits says under which, and an older one commits nothing';
comment on column diner.task.lost is 'leases that ran out';

create table diner.worker (
    name       text primary key,
    seen_at    timestamptz not null default clock_timestamp(),
    created_at timestamptz not null default clock_timestamp()
);
comment on table diner.worker is 'who takes tasks, and when it was heard of last';
