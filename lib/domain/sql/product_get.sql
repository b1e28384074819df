SELECT d.document::text, d.id FROM app.product_documents d WHERE d.sku = $1
