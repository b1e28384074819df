-- The rates of connectors as all workers together keep them: when the next request may go out.
create unlogged table diner.rate (
    connector  text primary key,
    next_at    timestamptz not null,
    requests   bigint not null default 0,
    updated_at timestamptz not null default clock_timestamp()
);
comment on column diner.rate.requests is 'how many were let go';
