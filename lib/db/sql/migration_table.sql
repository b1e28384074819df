create table diner.migration (
    set_name   text not null,
    name       text not null,
    sha256     text not null,
    applied_at timestamptz not null default now(),
    primary key (set_name, name)
);
comment on table diner.migration is 'what diner db migrate applied; the hash refuses edited ones'
