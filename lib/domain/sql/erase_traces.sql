-- $1 ids of one person's members: what tells them. A reference that a till put on orders tells them
-- when it stands on nobody else's.
SELECT 'phone', m.phone FROM app.members m WHERE m.id = ANY ($1::bigint[]) AND m.phone IS NOT NULL
UNION
SELECT 'phone', g.moved ->> 'phone' FROM app.member_merges g
WHERE (g.survivor_id = ANY ($1::bigint[]) OR g.other_id = ANY ($1::bigint[])) AND g.moved ? 'phone'
UNION
SELECT 'unionid', m.unionid FROM app.members m WHERE m.id = ANY ($1::bigint[]) AND m.unionid IS NOT NULL
UNION
SELECT 'openid', i.openid FROM app.member_identities i WHERE i.member_id = ANY ($1::bigint[])
UNION
SELECT 'identity', i.appid || ':' || i.openid FROM app.member_identities i
WHERE i.member_id = ANY ($1::bigint[])
UNION
SELECT 'name', m.name FROM app.members m WHERE m.id = ANY ($1::bigint[])
UNION
SELECT 'masked', app.mask_middle(m.name, 1, 0) FROM app.members m WHERE m.id = ANY ($1::bigint[])
UNION
SELECT 'masked', app.mask_phone(m.phone) FROM app.members m
WHERE m.id = ANY ($1::bigint[]) AND m.phone IS NOT NULL
UNION
SELECT 'number', m.member_no FROM app.members m WHERE m.id = ANY ($1::bigint[])
UNION
SELECT 'ref', o.member_ref
FROM app.orders o
WHERE o.member_ref IS NOT NULL AND o.member_id = ANY ($1::bigint[])
  AND NOT EXISTS (SELECT FROM app.orders x
                  WHERE x.member_ref = o.member_ref
                    AND (x.member_id IS NULL OR x.member_id <> ALL ($1::bigint[])))
