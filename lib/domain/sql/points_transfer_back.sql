-- $1 the reference then, $2 from which member, $3 to which, $4 whose orders go back, too, $5 reference,
-- $6 note, $7 user, $8 time zone, $9 how long those hold whose lots are gone: how many went back
SELECT app.points_transfer_back($1, $2::bigint, $3::bigint, $4::bigint[], $5, $6, $7::bigint,
                                app.points_end($9::interval, $8))
