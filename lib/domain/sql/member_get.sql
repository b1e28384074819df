-- $1 number, $2 in full: the member, or the one that it was merged into
SELECT app.member_document(s, $2::boolean, CASE WHEN s.id <> m.id THEN m.member_no END)::text
FROM app.members m
JOIN app.members s ON s.id = app.member_root(m.id)
WHERE m.member_no = $1
