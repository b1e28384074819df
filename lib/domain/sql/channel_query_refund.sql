-- $1 refund number
SELECT channel_local.query_refund($1)
