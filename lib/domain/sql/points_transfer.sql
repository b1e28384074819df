-- $1 from which member, $2 to which, $3 reference, $4 note, $5 user: all the points; how many
SELECT app.points_transfer($1::bigint, $2::bigint, $3, $4, $5::bigint)
