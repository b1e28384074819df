-- $1, $2, $3 hashes
SELECT EXISTS (SELECT FROM app.member_tombstones t WHERE t.hash IN ($1, $2, $3))
