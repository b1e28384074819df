-- $1 id, $2 going back: the next step to do, or to undo; with the payment it is about.
SELECT s.step_no, s.name, s.undo, s.ref, p.amount::text
FROM app.saga_steps s
LEFT JOIN app.payments p ON p.payment_no = s.ref
WHERE s.saga_id = $1::bigint
  AND CASE WHEN $2::boolean THEN s.status = 'done' AND s.undo IS NOT NULL
           ELSE s.status IN ('waiting', 'started') END
ORDER BY CASE WHEN $2::boolean THEN -s.step_no ELSE s.step_no END
LIMIT 1
