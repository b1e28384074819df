-- $1 number, $2 unionid, $3 hash of the phone or $4 the phone, $5 appid and $6 openid: the member
-- of that number; else who has the first of them, at the end of their merges. A phone does not tell
-- who somebody with another unionid is.
WITH known AS (
    SELECT 0 AS rank, m.id FROM app.members m WHERE m.member_no = $1
    UNION ALL
    SELECT 1, app.member_root(m.id) FROM app.members m WHERE m.unionid = $2
    UNION ALL
    SELECT 2, s.id
    FROM app.members m JOIN app.members s ON s.id = app.member_root(m.id)
    WHERE (m.phone_hash = $3 OR m.phone = $4)
      AND ($2::text IS NULL OR s.unionid IS NULL OR s.unionid = $2)
    UNION ALL
    SELECT 3, app.member_root(i.member_id)
    FROM app.member_identities i WHERE i.appid = $5 AND i.openid = $6
)
SELECT m.id, m.member_no, m.status
FROM app.members m
WHERE m.id = (SELECT k.id FROM known k ORDER BY k.rank LIMIT 1)
FOR NO KEY UPDATE OF m
