-- Refused again when it was replayed: it stays open, with the reason of now.
update diner.reject
set run_id = $2::bigint, column_name = $3, value = $4, reason = $5, times_seen = times_seen + 1,
    seen_at = clock_timestamp(), cells = coalesce($6::jsonb, cells), replayed_run_id = null,
    closed_at = null
where id = $1::bigint
