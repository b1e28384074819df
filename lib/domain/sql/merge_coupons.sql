-- $1 whose coupons they are, $2 whose they become, $3 which of them (null: all): the ids, as an array
WITH held AS (
    SELECT u.id FROM app.coupons u
    WHERE u.member_id = $1::bigint AND ($3::bigint[] IS NULL OR u.id = ANY ($3::bigint[]))
    ORDER BY u.id
    FOR UPDATE
), moved AS (
    UPDATE app.coupons u
    SET member_id = $2::bigint, updated_at = clock_timestamp()
    FROM held h
    WHERE u.id = h.id
    RETURNING u.id
)
SELECT coalesce(array_agg(m.id ORDER BY m.id), '{}')::text FROM moved m
