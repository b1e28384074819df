-- The source was read whole: what was rejected of it before is in the table by now, is gone from the
-- source, or is a reject of this run.
update diner.reject set replayed_run_id = $3::bigint, closed_at = clock_timestamp()
where pipeline = $1 and stream = $2 and run_id < $3::bigint and closed_at is null
