-- A stream that this run loaded before it changed hands.
select status, read, inserted, updated, unchanged, deleted, superseded, rejected, skipped, findings,
       bytes, coalesce(target, ''), error
from diner.run_stream
where run_id = $1::bigint and stream = $2 and status in ('succeeded', 'partial')
