-- $1 a day, $2 time zone: whether its first instant is still to come
SELECT $1::date::timestamp AT TIME ZONE $2 > clock_timestamp()
