-- $1 id, $2 appid, $3 openid, which nobody else has
INSERT INTO app.member_identities (appid, openid, member_id)
VALUES ($2, $3, $1::bigint)
ON CONFLICT DO NOTHING
