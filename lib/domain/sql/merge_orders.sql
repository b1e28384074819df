-- $1 whose orders they are, $2 whose they become, $3 which of them (null: all): the ids, as an array
WITH held AS (
    SELECT o.id FROM app.orders o
    WHERE o.member_id = $1::bigint AND ($3::bigint[] IS NULL OR o.id = ANY ($3::bigint[]))
    ORDER BY o.id
    FOR UPDATE
), moved AS (
    UPDATE app.orders o
    SET member_id = $2::bigint,
        updated_at = greatest(clock_timestamp(), o.updated_at + interval '1 microsecond')
    FROM held h
    WHERE o.id = h.id
    RETURNING o.id
)
SELECT coalesce(array_agg(m.id ORDER BY m.id), '{}')::text FROM moved m
