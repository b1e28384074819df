-- Seen again it is open again, but for one that was dismissed and is refused for the same reason.
insert into diner.reject as r (pipeline, stream, identity, run_id, first_run_id, origin, position,
                               column_name, value, reason, raw, key, run_failed, cells, is_staged)
values ($1, $2, $3, $4::bigint, $4::bigint, $5, $6::bigint, $7, $8, $9, $10, $11::jsonb, $12::boolean,
        $13::jsonb, $14::boolean)
on conflict (pipeline, stream, identity) do update
set run_id = excluded.run_id, position = excluded.position, column_name = excluded.column_name,
    value = excluded.value, reason = excluded.reason, key = excluded.key,
    run_failed = excluded.run_failed, times_seen = r.times_seen + 1, seen_at = clock_timestamp(),
    cells = excluded.cells, is_staged = excluded.is_staged, replayed_run_id = null,
    closed_at = case when r.replayed_run_id is null and r.reason = excluded.reason
                          and r.column_name is not distinct from excluded.column_name
                     then r.closed_at end
