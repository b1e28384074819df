-- $1 id, $2 transaction, $3 amount that came in, $4 surplus
UPDATE app.payments p
SET status = 'succeeded', transaction_id = coalesce($2, p.transaction_id), amount = $3::numeric,
    is_surplus = $4::boolean, failure = NULL, next_at = NULL,
    paid_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE p.id = $1::bigint AND p.status <> 'succeeded'
