SELECT count(*)
FROM app.campaign_documents d
WHERE ($1::text IS NULL OR d.status = $1)
  AND ($2::text IS NULL
       OR EXISTS (SELECT FROM app.stores s WHERE s.code = $2)
          AND (d.stores IS NULL OR $2 = ANY (d.stores)))
