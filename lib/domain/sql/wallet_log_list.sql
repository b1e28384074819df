-- $1 member number, $2 kind (null: all)
SELECT d.document::text, :keys
FROM (SELECT l.id, l.amount, l.created_at
      FROM app.wallet_log l
      WHERE l.member_id = (SELECT m.id FROM app.members m WHERE m.member_no = $1)
        AND ($2::text IS NULL OR l.kind = $2)
        AND :after
      :order
      :rows) l
JOIN app.wallet_log_documents d ON d.id = l.id
:order
