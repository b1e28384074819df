-- $1 unionid, $2 hash of the phone or $3 the phone, $4 appid and $5 openid (null: not known), $6 in
-- full: who it is by the first of unionid, phone, openid that somebody has; and who else has one of
-- them. A phone does not tell who somebody with another unionid is: families share it.
WITH known AS (
    SELECT 1 AS rank, 'unionid' AS by, app.member_root(m.id) AS id
    FROM app.members m WHERE m.unionid = $1
    UNION ALL
    SELECT 2, 'phone', s.id
    FROM app.members m JOIN app.members s ON s.id = app.member_root(m.id)
    WHERE (m.phone_hash = $2 OR m.phone = $3)
      AND ($1::text IS NULL OR s.unionid IS NULL OR s.unionid = $1)
    UNION ALL
    SELECT 3, 'openid', app.member_root(i.member_id)
    FROM app.member_identities i WHERE i.appid = $4 AND i.openid = $5
), first AS (
    SELECT k.id, k.by FROM known k ORDER BY k.rank LIMIT 1
)
SELECT json_build_object(
           'matched_by', f.by,
           'member', app.member_document(m, $6::boolean, NULL),
           'others', (SELECT coalesce(json_agg(DISTINCT o.member_no), '[]'::json)
                      FROM known k JOIN app.members o ON o.id = k.id WHERE k.id <> f.id))::text
FROM first f
JOIN app.members m ON m.id = f.id
