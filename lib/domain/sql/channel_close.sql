-- $1 number
SELECT channel_local.close($1), 'L-' || md5($1)
