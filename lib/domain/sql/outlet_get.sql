SELECT d.document::text, d.id FROM app.store_documents d WHERE d.code = $1
