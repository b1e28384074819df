-- $1 refund number, $2 payment number, $3 amount, $4 status, $5 ending
SELECT channel_local.refund($1, $2, $3::numeric, $4, $5)
