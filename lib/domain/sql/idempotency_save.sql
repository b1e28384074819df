INSERT INTO app.idempotency_keys (user_id, key, method, path, request_hash, status, body)
VALUES ($1::bigint, $2, $3, $4, $5, $6::integer, $7)
