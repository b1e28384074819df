-- $1 number, $2 amount
SELECT channel_local.open($1, $2::numeric), 'L-' || md5($1)
