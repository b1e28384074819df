insert into diner.state (pipeline, stream, child, name, value, run_id)
values ($1, $2, $3, $4, $5, $6::bigint)
on conflict (pipeline, stream, child, name)
    do update set value = excluded.value, run_id = excluded.run_id, updated_at = clock_timestamp()
