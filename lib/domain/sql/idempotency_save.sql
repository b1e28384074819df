-- The answer of a request; one that was saved half way is replaced by the last word.
INSERT INTO app.idempotency_keys AS k (user_id, key, method, path, request_hash, status, body)
VALUES ($1::bigint, $2, $3, $4, $5, $6::integer, $7)
ON CONFLICT (user_id, key) DO UPDATE
SET status = excluded.status, body = excluded.body, updated_at = clock_timestamp()
WHERE k.method = excluded.method AND k.path = excluded.path AND k.request_hash = excluded.request_hash
