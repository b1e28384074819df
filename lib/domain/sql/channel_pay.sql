-- $1 number
SELECT channel_local.pay($1), 'L-' || md5($1)
