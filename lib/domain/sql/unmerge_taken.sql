-- $1 merge: how many others, by now, have what would go back
SELECT count(*)
FROM app.member_merges g
JOIN app.members m ON m.id NOT IN (g.survivor_id, g.other_id)
                  AND (m.phone = g.moved ->> 'phone' OR m.unionid = g.moved ->> 'unionid')
WHERE g.id = $1::bigint
