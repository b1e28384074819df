SELECT count(*) FROM app.stock_take_documents d WHERE ($1::text IS NULL OR d.store_code = $1)
