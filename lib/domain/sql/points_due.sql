-- What is over and was not taken out yet
SELECT count(DISTINCT l.member_id), count(*), coalesce(sum(l.remain), 0)
FROM app.points_lots l
WHERE l.remain > 0 AND l.expires_at <= clock_timestamp()
