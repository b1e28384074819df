-- $1 store, $2 status, $3 payment status, $4 updated since, $5 updated until, $6 created since,
-- $7 created until (null: any; since is inclusive, until exclusive). The rows are chosen first, so
-- that no document is made of what is left out.
SELECT d.document::text, :keys
FROM (SELECT o.id, o.order_no, o.total_amount, o.created_at, o.updated_at
      FROM app.orders o
      WHERE ($1::text IS NULL OR o.store_id = (SELECT id FROM app.stores WHERE code = $1))
        AND ($2::text IS NULL OR o.status = $2)
        AND ($3::text IS NULL OR o.payment_status = $3)
        AND ($4::timestamptz IS NULL OR o.updated_at >= $4::timestamptz)
        AND ($5::timestamptz IS NULL OR o.updated_at < $5::timestamptz)
        AND ($6::timestamptz IS NULL OR o.created_at >= $6::timestamptz)
        AND ($7::timestamptz IS NULL OR o.created_at < $7::timestamptz)
        AND :after
      :order
      :rows) o
JOIN app.order_documents d ON d.id = o.id
:order
