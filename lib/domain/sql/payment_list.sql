-- $1 store, $2 method, $3 channel, $4 status, $5 created since, $6 created until (null: any; since is
-- inclusive, until exclusive)
SELECT d.document::text, :keys
FROM (SELECT p.id, p.amount, p.created_at
      FROM app.payments p
      WHERE ($1::text IS NULL OR EXISTS (SELECT FROM app.orders o JOIN app.stores s ON s.id = o.store_id
                                         WHERE o.id = p.order_id AND s.code = $1))
        AND ($2::text IS NULL OR p.method = $2)
        AND ($3::text IS NULL OR p.channel = $3)
        AND ($4::text IS NULL OR p.status = $4)
        AND ($5::timestamptz IS NULL OR p.created_at >= $5::timestamptz)
        AND ($6::timestamptz IS NULL OR p.created_at < $6::timestamptz)
        AND :after
      :order
      :rows) p
JOIN app.payment_documents d ON d.id = p.id
:order
