-- $1 payment number, $2 status (sent, failed, closed), $3 failure, $4 code. Only forwards; what came
-- in stays.
UPDATE app.payments p
SET status = $2, failure = $3, code_url = coalesce($4, p.code_url),
    next_at = CASE WHEN $2 = 'sent' THEN clock_timestamp() + interval '1 minute' END,
    updated_at = clock_timestamp()
WHERE p.payment_no = $1
  AND (p.status = 'created' OR (p.status = 'sent' AND $2 <> 'created'))
