-- $1 number of the other: the merge that made it lead elsewhere
SELECT g.id, s.member_no, g.orders::text, g.moved ->> 'phone', g.coupons::text
FROM app.member_merges g
JOIN app.members o ON o.id = g.other_id
JOIN app.members s ON s.id = g.survivor_id
WHERE o.member_no = $1 AND g.undone_at IS NULL
