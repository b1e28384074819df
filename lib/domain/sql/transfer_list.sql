-- $1 store at either end, $2 status (null: all)
SELECT d.document::text, :keys
FROM (SELECT t.id, t.created_at
      FROM app.stock_transfers t
      WHERE ($1::text IS NULL
             OR (SELECT id FROM app.stores WHERE code = $1) IN (t.from_store_id, t.to_store_id))
        AND ($2::text IS NULL OR t.status = $2)
        AND :after
      :order
      :rows) t
JOIN app.stock_transfer_documents d ON d.id = t.id
:order
