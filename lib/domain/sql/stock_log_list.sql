-- $1 store, $2 product, $3 order number, $4 kind of movement, $5 since, $6 until (exclusive),
-- $7 true: only the flagged, $8 only higher ids (null: any)
SELECT d.document::text, :keys
FROM (SELECT l.id, l.quantity, l.created_at
      FROM app.stock_log l
      WHERE ($1::text IS NULL OR l.store_id = (SELECT id FROM app.stores WHERE code = $1))
        AND ($2::text IS NULL OR l.product_id = (SELECT id FROM app.products WHERE sku = $2))
        AND ($3::text IS NULL OR l.order_id = (SELECT id FROM app.orders WHERE order_no = $3))
        AND ($4::text IS NULL OR l.change_type = $4)
        AND ($5::timestamptz IS NULL OR l.created_at >= $5::timestamptz)
        AND ($6::timestamptz IS NULL OR l.created_at < $6::timestamptz)
        AND ($7::boolean IS NOT TRUE OR l.flagged)
        AND ($8::bigint IS NULL OR l.id > $8::bigint)
        AND :after
      :order
      :rows) l
JOIN app.stock_log_documents d ON d.id = l.id
:order
