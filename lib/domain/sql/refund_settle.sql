-- $1 refund number, $2 status, $3 failure. Only forwards: what is final stays, and accepted is said
-- of what was requested.
UPDATE app.refunds r
SET status = $2,
    failure = $3,
    accepted_at = coalesce(r.accepted_at,
                           CASE WHEN $2 IN ('accepted', 'succeeded') THEN clock_timestamp() END),
    final_at = CASE WHEN $2 IN ('succeeded', 'failed') THEN clock_timestamp() END,
    next_at = CASE WHEN $2 = 'accepted' THEN r.next_at END,
    updated_at = clock_timestamp()
WHERE r.refund_no = $1
  AND (r.status = 'requested' OR (r.status = 'accepted' AND $2 IN ('succeeded', 'failed')))
