-- Newest first, for people who turn pages. Parameters 1 to 6 as in order_list, $7 rows, $8 rows
-- left out before
SELECT d.document::text
FROM app.order_documents d
WHERE ($1::text IS NULL OR d.store_id = (SELECT id FROM app.stores WHERE code = $1))
  AND ($2::text IS NULL OR d.status = $2)
  AND ($3::timestamptz IS NULL OR d.updated_at >= $3::timestamptz)
  AND ($4::timestamptz IS NULL OR d.updated_at < $4::timestamptz)
  AND ($5::timestamptz IS NULL OR d.created_at >= $5::timestamptz)
  AND ($6::timestamptz IS NULL OR d.created_at < $6::timestamptz)
ORDER BY d.created_at DESC, d.id DESC
LIMIT $7::bigint OFFSET $8::bigint
