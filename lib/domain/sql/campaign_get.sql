-- $1 code, $2 only what concerns this store (null: any)
SELECT d.document::text
FROM app.campaign_documents d
WHERE d.code = $1 AND ($2::text IS NULL OR d.stores IS NULL OR $2 = ANY (d.stores))
