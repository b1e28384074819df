-- $1 refund number, $2 whether what is not there is owed, $3 user
SELECT app.points_claw_back($1, $2::boolean, $3::bigint)
