-- What the engine remembers: runs, their streams, cursors, rejected rows, intents of writes.
create schema if not exists diner;
create schema if not exists ods;
create schema if not exists mart;

create table diner.run (
    id          bigint generated always as identity primary key,
    parent_id   bigint references diner.run (id),
    pipeline    text not null,
    status      text not null default 'running'
                check (status in ('running', 'succeeded', 'partial', 'failed', 'interrupted', 'skipped')),
    params      jsonb not null default '{}',
    started_at  timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    host        text not null,
    pid         integer not null,
    exit_status integer,
    error       text,
    hint        text
);
create index idx_run_pipeline on diner.run (pipeline, started_at desc);
create index idx_run_running on diner.run (pipeline) where status = 'running';
comment on table diner.run is 'one execution of a pipeline or of a job (whose steps have parent_id)';

create table diner.run_stream (
    run_id      bigint not null references diner.run (id) on delete cascade,
    stream      text not null,
    status      text not null check (status in ('succeeded', 'failed', 'skipped')),
    read        bigint not null default 0,
    inserted    bigint not null default 0,
    updated     bigint not null default 0,
    unchanged   bigint not null default 0,
    deleted     bigint not null default 0,
    superseded  bigint not null default 0,
    rejected    bigint not null default 0,
    skipped     bigint not null default 0,
    findings    bigint not null default 0,
    target      text,
    source_hash text,
    started_at  timestamptz not null,
    finished_at timestamptz not null default clock_timestamp(),
    attempts    integer not null default 1,
    error       text,
    primary key (run_id, stream),
    constraint run_stream_adds_up check (status <> 'succeeded'
        or read = inserted + updated + unchanged + superseded + rejected + skipped)
);

create table diner.state (
    pipeline   text not null,
    stream     text not null,
    child      text not null default '',
    name       text not null,
    value      text not null,
    run_id     bigint,
    updated_at timestamptz not null default clock_timestamp(),
    primary key (pipeline, stream, child, name)
);
comment on table diner.state is 'cursors and file ledgers; written in the transaction of the rows they cover';

create table diner.reject (
    id           bigint generated always as identity primary key,
    pipeline     text not null,
    stream       text not null,
    identity     text not null,
    run_id       bigint not null references diner.run (id),
    first_run_id bigint not null references diner.run (id),
    origin       text not null,
    position     bigint not null,
    column_name  text,
    value        text,
    reason       text not null,
    raw          text not null,
    key          jsonb not null default '{}',
    times_seen   integer not null default 1,
    run_failed   boolean not null default false,
    created_at   timestamptz not null default clock_timestamp(),
    seen_at      timestamptz not null default clock_timestamp(),
    unique (pipeline, stream, identity)
);
create index idx_reject_run on diner.reject (run_id);
comment on column diner.reject.identity is 'hash of origin and raw record: reading the same file again does not multiply it';

create table diner.finding (
    id         bigint generated always as identity primary key,
    run_id     bigint not null references diner.run (id) on delete cascade,
    stream     text not null,
    check_name text not null,
    position   bigint,
    row_data   jsonb not null,
    created_at timestamptz not null default clock_timestamp()
);
create index idx_finding_run on diner.finding (run_id);

create table diner.intent (
    id              bigint generated always as identity primary key,
    pipeline        text not null,
    stream          text not null,
    run_id          bigint not null references diner.run (id),
    idempotency_key uuid not null default gen_random_uuid() unique,
    connector       text not null,
    resource        text not null,
    body            text not null,
    nrows           integer not null,
    status          text not null default 'pending'
                    check (status in ('pending', 'done', 'refused')),
    accepted        integer,
    answer          text,
    attempts        integer not null default 0,
    created_at      timestamptz not null default clock_timestamp(),
    finished_at     timestamptz
);
create index idx_intent_pending on diner.intent (pipeline, stream, id) where status = 'pending';
comment on table diner.intent is 'a write to an API, committed before it is sent; replayed with the same key and body';
