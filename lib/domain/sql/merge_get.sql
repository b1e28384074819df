-- $1 id
SELECT d.document::text FROM app.member_merge_documents d WHERE d.id = $1::bigint
