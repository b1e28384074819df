-- $1 event type, $2 order number: the order as it is now, for whoever listens.
INSERT INTO app.outbox (type, key, payload)
SELECT $1, d.order_no, d.document::jsonb FROM app.order_documents d WHERE d.order_no = $2
