-- $1 store (null: all)
SELECT d.document::text, :keys
FROM (SELECT t.id, t.counted_at, t.created_at
      FROM app.stock_takes t
      WHERE ($1::text IS NULL OR t.store_id = (SELECT id FROM app.stores WHERE code = $1))
        AND :after
      :order
      :rows) t
JOIN app.stock_take_documents d ON d.id = t.id
:order
