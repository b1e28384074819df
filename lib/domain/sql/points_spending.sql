-- $1 member number, $2 reference of a spending: the entry, the member whose lots it was from, and how
-- much of theirs has not come back
SELECT s.id, m.id, sum(u.used - u.returned)
FROM app.points_log s
JOIN app.points_uses u ON u.log_id = s.id
JOIN app.points_lots l ON l.id = u.lot_id
JOIN app.members m ON m.id = l.member_id
WHERE s.kind = 'spend' AND s.ref = $2
  AND m.id = (SELECT app.member_root(n.id) FROM app.members n WHERE n.member_no = $1)
GROUP BY s.id, m.id
