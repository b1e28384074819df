-- $1 number, $2 how many, $3 late in ms: what the script makes of the callbacks about it that are
-- still to be sent.
WITH due AS (
    UPDATE channel_local.callbacks
    SET due_at = due_at + $3::bigint * interval '1 ms',
        sent_at = CASE WHEN $2::integer = 0 THEN clock_timestamp() END
    WHERE number = $1 AND sent_at IS NULL
    RETURNING event_id, kind, number, amount, transaction_id, due_at
)
INSERT INTO channel_local.callbacks (event_id, kind, number, amount, transaction_id, due_at)
SELECT event_id, kind, number, amount, transaction_id, due_at FROM due WHERE $2::integer = 2
