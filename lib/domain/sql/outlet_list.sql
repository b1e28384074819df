-- $1 only this store (null: all)
SELECT d.document::text, :keys
FROM (SELECT s.id, s.code, s.name, s.updated_at
      FROM app.stores s
      WHERE ($1::text IS NULL OR s.code = $1)
        AND :after
      :order
      :rows) s
JOIN app.store_documents d ON d.id = s.id
:order
