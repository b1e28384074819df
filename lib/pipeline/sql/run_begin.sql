insert into diner.run (pipeline, params, host, pid, parent_id)
values ($1, $2::jsonb, $3, $4::integer, $5::bigint)
returning id
