-- $1 member number, $2 kind (null: all)
SELECT count(*)
FROM app.wallet_log l
WHERE l.member_id = (SELECT m.id FROM app.members m WHERE m.member_no = $1)
  AND ($2::text IS NULL OR l.kind = $2)
