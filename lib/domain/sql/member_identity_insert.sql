-- $1 member id, $2 appid, $3 openid; no row: it is another's
INSERT INTO app.member_identities AS i (appid, openid, member_id)
VALUES ($2, $3, $1::bigint)
ON CONFLICT (appid, openid) DO UPDATE SET updated_at = now()
WHERE app.member_root(i.member_id) = excluded.member_id
RETURNING 1
