-- $1 status, $2 store that it is for (null: any)
SELECT d.document::text, :keys
FROM app.campaigns c
JOIN app.campaign_documents d ON d.id = c.id
WHERE ($1::text IS NULL OR d.status = $1)
  AND ($2::text IS NULL
       OR EXISTS (SELECT FROM app.stores s WHERE s.code = $2)
          AND (c.stores IS NULL OR $2 = ANY (c.stores)))
  AND :after
:order
:rows
