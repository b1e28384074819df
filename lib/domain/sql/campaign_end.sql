-- $1 code, $2 when (null: now); no row: it has ended already
UPDATE app.campaigns c
SET ended_at = greatest($2::timestamptz, clock_timestamp()),
    updated_at = greatest(clock_timestamp(), c.updated_at + interval '1 microsecond')
WHERE c.code = $1 AND c.ended_at > clock_timestamp()
