-- $1 id
SELECT d.document::text FROM app.wallet_log_documents d WHERE d.id = $1::bigint
