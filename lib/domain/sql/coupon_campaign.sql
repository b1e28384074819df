-- $1 code of a campaign
SELECT c.id, c.needs_coupon, c.ended_at <= clock_timestamp() FROM app.campaigns c WHERE c.code = $1
