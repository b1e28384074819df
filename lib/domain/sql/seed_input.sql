-- $1 seed, $2 orders, $3 stores, $4 days, $5 the instant the orders end at (NULL: now).
-- is_first: before the first order updated_at is the time of the order's last event. Orders that
-- come later are updated when they are written, as on any platform that is read by updated_at.
CREATE TEMP TABLE seed_input ON COMMIT DROP AS
SELECT $1::bigint AS seed, $2::bigint AS orders, $3::integer AS stores, $4::integer AS days,
       date_trunc('second', coalesce($5::timestamptz, now())) AS as_of,
       (date_trunc('second', coalesce($5::timestamptz, now())) AT TIME ZONE 'Asia/Shanghai'
        - interval '4 hours')::date AS last_day,
       NOT EXISTS (SELECT FROM app.orders) AS is_first
