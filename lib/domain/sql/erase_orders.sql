-- $1 ids, $2 token
UPDATE app.orders o
SET member_ref = $2,
    updated_at = greatest(clock_timestamp(), o.updated_at + interval '1 microsecond')
WHERE o.member_id = ANY ($1::bigint[]) AND o.member_ref IS NOT NULL AND o.member_ref <> $2
