-- $1 number
SELECT coalesce((SELECT status FROM channel_local.payments WHERE payment_no = $1), 'unknown'), 'L-' || md5($1)
