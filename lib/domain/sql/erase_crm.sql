-- $1 member numbers, $2 what tells the person: how the CRM knows them, and what it calls them. A
-- phone does not tell who somebody with another unionid is.
WITH record AS (
    SELECT l.crm_id FROM ods.crm_links l WHERE l.member_id = ANY ($1::text[])
    UNION
    SELECT c.crm_id FROM ods.crm_members c
    WHERE c.unionid ~ $2 OR c.openid ~ $2 OR (c.phone ~ $2 AND c.unionid IS NULL)
)
SELECT 'crm' AS kind, r.crm_id AS value FROM record r
UNION
SELECT v.kind, v.value
FROM record r
JOIN ods.crm_members c ON c.crm_id = r.crm_id
CROSS JOIN LATERAL (VALUES ('name', c.name), ('phone', c.phone), ('unionid', c.unionid),
                           ('openid', c.openid), ('identity', c.appid || ':' || c.openid),
                           ('masked', left(c.name, 1) || '**'),
                           ('masked', left(c.phone, 3) || '****' || right(c.phone, 4)))
    v (kind, value)
WHERE v.value IS NOT NULL
