SELECT k.method, k.path, k.request_hash, k.status, k.body
FROM app.idempotency_keys k
WHERE k.user_id = $1::bigint AND k.key = $2
