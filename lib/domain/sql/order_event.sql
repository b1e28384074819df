-- $1 event type, $2 order number: the order as it is now, for whoever listens and for the answer.
WITH d AS (
    SELECT order_no, document FROM app.order_documents WHERE order_no = $2
), event AS (
    INSERT INTO app.outbox (type, key, payload)
    SELECT $1, d.order_no, d.document::jsonb FROM d
)
SELECT document::text FROM d
