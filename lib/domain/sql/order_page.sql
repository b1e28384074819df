-- Newest first, for people who turn pages. Parameters 1 to 6 as in order_list, $7 rows, $8 rows
-- left out before. The page is chosen first, so that no document is made of what is left out.
SELECT d.document::text
FROM (SELECT o.id, o.created_at
      FROM app.orders o
      WHERE ($1::text IS NULL OR o.store_id = (SELECT id FROM app.stores WHERE code = $1))
        AND ($2::text IS NULL OR o.status = $2)
        AND ($3::timestamptz IS NULL OR o.updated_at >= $3::timestamptz)
        AND ($4::timestamptz IS NULL OR o.updated_at < $4::timestamptz)
        AND ($5::timestamptz IS NULL OR o.created_at >= $5::timestamptz)
        AND ($6::timestamptz IS NULL OR o.created_at < $6::timestamptz)
      ORDER BY o.created_at DESC, o.id DESC
      LIMIT $7::bigint OFFSET $8::bigint) page
JOIN app.order_documents d ON d.id = page.id
ORDER BY page.created_at DESC, page.id DESC
