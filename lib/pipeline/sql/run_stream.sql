insert into diner.run_stream (run_id, stream, status, read, inserted, updated, unchanged, deleted,
                              superseded, rejected, skipped, findings, target, source_hash,
                              started_at, attempts, error, bytes)
values ($1::bigint, $2, $3, $4::bigint, $5::bigint, $6::bigint, $7::bigint, $8::bigint, $9::bigint,
        $10::bigint, $11::bigint, $12::bigint, $13, $14, $15::timestamptz, $16::integer, $17, $18::bigint)
on conflict (run_id, stream) do update
set status = excluded.status, read = excluded.read, inserted = excluded.inserted,
    updated = excluded.updated, unchanged = excluded.unchanged, deleted = excluded.deleted,
    superseded = excluded.superseded, rejected = excluded.rejected, skipped = excluded.skipped,
    findings = excluded.findings, target = excluded.target, source_hash = excluded.source_hash,
    attempts = excluded.attempts, error = excluded.error, bytes = excluded.bytes, finished_at = clock_timestamp()
