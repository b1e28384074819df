-- $1, $2, $3 hashes: of who joins by their own will
DELETE FROM app.member_tombstones t WHERE t.hash IN ($1, $2, $3)
