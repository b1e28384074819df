-- $1 kind, $2 order id, $3 payment id, $4 reason, $5 only unpaid, $6 request key, $7 request hash,
-- $8 user, $9 [{"step_no","name","undo","ref","status"}]. Held by whoever makes it.
WITH made AS (
    INSERT INTO app.sagas (kind, order_id, payment_id, reason, only_unpaid, request_key,
                           request_hash, user_id, lease_until)
    VALUES ($1, $2::bigint, $3::bigint, $4, $5::boolean, $6, $7, $8::bigint,
            clock_timestamp() + interval '1 minute')
    RETURNING id
), steps AS (
    INSERT INTO app.saga_steps (saga_id, step_no, name, undo, ref, status, started_at, finished_at)
    SELECT m.id, s.step_no, s.name, s.undo, s.ref, s.status,
           CASE WHEN s.status = 'done' THEN clock_timestamp() END,
           CASE WHEN s.status = 'done' THEN clock_timestamp() END
    FROM made m,
         jsonb_to_recordset($9::jsonb) AS s (step_no integer, name text, undo text, ref text, status text)
)
SELECT id FROM made
