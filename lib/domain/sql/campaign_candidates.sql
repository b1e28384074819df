-- $1 store, $2 instant (null: now), $3 member's id, $4 ids of those that a coupon is shown for, $5 for
-- explaining: those of some days before and after too, $6 only what concerns this store (null: any), $7
-- order id or null: what it has of a budget counts as left.
-- The store's time, beside each campaign that may be one for a basket; without any once alone.
WITH here AS (
    SELECT s.code, a.at, a.at AT TIME ZONE s.timezone AS local,
           (a.at AT TIME ZONE s.timezone - s.cutoff)::date AS day
    FROM app.stores s, (SELECT coalesce($2::timestamptz, clock_timestamp()) AS at) a
    WHERE s.code = $1
)
SELECT to_char(h.day, 'YYYY-MM-DD'), extract(isodow FROM h.day)::integer,
       (extract(hour FROM h.local) * 60 + extract(minute FROM h.local))::integer,
       (SELECT m.level FROM app.members m WHERE m.id = $3::bigint),
       c.id, c.terms::text, c.ended_at <= h.at,
       CASE WHEN c.budget IS NULL THEN -1
            ELSE ((c.budget - c.spent
                   + coalesce((SELECT sum(d.amount) FROM app.order_discounts d
                               WHERE d.order_id = $7::bigint AND d.campaign_id = c.id
                                 AND d.returned_at IS NULL), 0)) * 100)::bigint END,
       CASE WHEN $3::bigint IS NULL THEN -1
            WHEN c.terms ->> 'per_member' IS NULL THEN 0
            ELSE app.campaign_member_orders(c.id, $3::bigint, $7::bigint) END
FROM here h
LEFT JOIN app.campaigns c
    ON c.id = ANY ($4::bigint[])
    OR (c.ends_on >= h.day - CASE WHEN $5::boolean THEN 7 ELSE 0 END
        AND c.starts_on <= h.day + CASE WHEN $5::boolean THEN 7 ELSE 0 END
        AND c.ended_at > h.at - CASE WHEN $5::boolean THEN interval '7 days' ELSE interval '0' END
        AND ($5::boolean OR NOT c.needs_coupon)
        AND ($5::boolean OR c.stores IS NULL OR h.code = ANY (c.stores))
        AND ($6::text IS NULL OR c.stores IS NULL OR $6 = ANY (c.stores)))
ORDER BY c.id
