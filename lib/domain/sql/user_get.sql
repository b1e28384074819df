SELECT d.document::text FROM app.user_documents d WHERE d.id = $1::bigint
