-- Coupons that end, and campaigns of which one member has so many orders at most.
ALTER TABLE app.coupons ADD COLUMN expires_on date; -- the last business day, in the store

-- Orders of a member that have the campaign, but for one of them. What two members had who are one by
-- now is the survivor's, as their orders are.
CREATE FUNCTION app.campaign_member_orders(p_campaign bigint, p_member bigint, p_but bigint)
RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT count(DISTINCT o.id)
    FROM app.orders o
    JOIN app.order_discounts d ON d.order_id = o.id
    WHERE o.member_id = p_member AND o.id IS DISTINCT FROM p_but
      AND d.campaign_id = p_campaign AND d.returned_at IS NULL
$$;

CREATE OR REPLACE VIEW app.campaign_documents AS
SELECT c.id, c.code, c.stores, c.status,
       json_build_object(
           'code', c.code,
           'name', c.name,
           'status', c.status,
           'kind', c.terms -> 'kind',
           'percent', c.terms -> 'percent',
           'amount', c.terms -> 'amount',
           'tiers', c.terms -> 'tiers',
           'each', c.terms -> 'each',
           'min_amount', c.terms -> 'min_amount',
           'max_discount', c.terms -> 'max_discount',
           'products', c.terms -> 'products',
           'categories', c.terms -> 'categories',
           'starts_on', c.terms -> 'starts_on',
           'ends_on', c.terms -> 'ends_on',
           'weekdays', c.terms -> 'weekdays',
           'dayparts', c.terms -> 'dayparts',
           'stores', c.terms -> 'stores',
           'channels', c.terms -> 'channels',
           'levels', c.terms -> 'levels',
           'per_member', c.terms -> 'per_member',
           'coupon', c.terms -> 'coupon',
           'group', c.terms -> 'group',
           'priority', c.priority,
           'budget', c.budget::text,
           'budget_left', (c.budget - c.spent)::text,
           'ended_at', CASE WHEN isfinite(c.ended_at)
                            THEN to_char(c.ended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
           'created_at', to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'updated_at', to_char(c.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       ) AS document
-- It has begun where the first store's day has, and is over where the last store's is.
FROM (SELECT a.*,
             CASE WHEN a.ended_at <= clock_timestamp() OR a.ends_on < d.first_day THEN 'ended'
                  WHEN a.starts_on > d.last_day THEN 'scheduled' ELSE 'active' END AS status
      FROM app.campaigns a,
           (SELECT min((now() AT TIME ZONE s.timezone - s.cutoff)::date) AS first_day,
                   max((now() AT TIME ZONE s.timezone - s.cutoff)::date) AS last_day
            FROM app.stores s) d) c;

CREATE OR REPLACE VIEW app.coupon_documents AS
SELECT u.id, u.code, c.code AS campaign, c.stores, m.member_no,
       json_build_object(
           'code', u.code,
           'campaign', c.code,
           'member', m.member_no,
           'uses_max', u.uses_max,
           'uses', u.uses,
           'expires_on', to_char(u.expires_on, 'YYYY-MM-DD'),
           'expired', coalesce(u.expires_on < d.first_day, false),
           'created_at', to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'updated_at', to_char(u.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       ) AS document
FROM app.coupons u
JOIN app.campaigns c ON c.id = u.campaign_id
LEFT JOIN app.members m ON m.id = u.member_id
-- It is over where the last store's day is.
CROSS JOIN (SELECT min((now() AT TIME ZONE s.timezone - s.cutoff)::date) AS first_day FROM app.stores s) d;
