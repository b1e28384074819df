-- $1 order id
SELECT app.campaigns_give_back(ARRAY[$1::bigint])
