insert into diner.run_slice (run_id, stream, child, window_start, window_end, status, read, inserted,
                             updated, unchanged, deleted, superseded, rejected, skipped, findings,
                             bytes, started_at, attempts, error)
values ($1::bigint, $2, $3, $4, $5, $6, $7::bigint, $8::bigint, $9::bigint, $10::bigint, $11::bigint,
        $12::bigint, $13::bigint, $14::bigint, $15::bigint, $16::bigint, $17::timestamptz,
        $18::integer, $19)
on conflict (run_id, stream, child, window_start) do update
set status = excluded.status, window_end = excluded.window_end, read = excluded.read,
    inserted = excluded.inserted, updated = excluded.updated, unchanged = excluded.unchanged,
    deleted = excluded.deleted, superseded = excluded.superseded, rejected = excluded.rejected,
    skipped = excluded.skipped, findings = excluded.findings, bytes = excluded.bytes,
    attempts = excluded.attempts, error = excluded.error, finished_at = clock_timestamp()
