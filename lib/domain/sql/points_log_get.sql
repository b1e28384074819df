-- $1 id
SELECT d.document::text FROM app.points_log_documents d WHERE d.id = $1::bigint
