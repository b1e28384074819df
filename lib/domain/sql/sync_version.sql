-- $1 id, $2 version: 1 when it is that
SELECT count(*) FROM app.members m WHERE m.id = $1::bigint AND m.version = $2::integer
