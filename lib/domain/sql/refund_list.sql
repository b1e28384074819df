-- Parameters as in payment_list; method and channel are those of the payment
SELECT d.document::text, :keys
FROM (SELECT r.id, r.amount, r.created_at
      FROM app.refunds r
      JOIN app.payments p ON p.id = r.payment_id
      WHERE ($1::text IS NULL OR EXISTS (SELECT FROM app.orders o JOIN app.stores s ON s.id = o.store_id
                                         WHERE o.id = r.order_id AND s.code = $1))
        AND ($2::text IS NULL OR p.method = $2)
        AND ($3::text IS NULL OR p.channel = $3)
        AND ($4::text IS NULL OR r.status = $4)
        AND ($5::timestamptz IS NULL OR r.created_at >= $5::timestamptz)
        AND ($6::timestamptz IS NULL OR r.created_at < $6::timestamptz)
        AND :after
      :order
      :rows) r
JOIN app.refund_documents d ON d.id = r.id
:order
