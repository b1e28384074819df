-- $1 store, $2 status, $3 updated since, $4 updated until, $5 created since, $6 created until
-- (null: any; since is inclusive, until exclusive), $7 $8 after this key, $9 rows
SELECT d.document::text,
       to_char(d.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), d.id
FROM app.order_documents d
WHERE ($1::text IS NULL OR d.store_id = (SELECT id FROM app.stores WHERE code = $1))
  AND ($2::text IS NULL OR d.status = $2)
  AND ($3::timestamptz IS NULL OR d.updated_at >= $3::timestamptz)
  AND ($4::timestamptz IS NULL OR d.updated_at < $4::timestamptz)
  AND ($5::timestamptz IS NULL OR d.created_at >= $5::timestamptz)
  AND ($6::timestamptz IS NULL OR d.created_at < $6::timestamptz)
  AND ($7::timestamptz IS NULL OR (d.updated_at, d.id) > ($7::timestamptz, $8::bigint))
ORDER BY d.updated_at, d.id
LIMIT $9::bigint
