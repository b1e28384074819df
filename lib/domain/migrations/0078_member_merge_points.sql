-- How many points went over with a merge; below zero: what was owed.
ALTER TABLE app.member_merges ADD COLUMN points bigint NOT NULL DEFAULT 0;

CREATE OR REPLACE FUNCTION app.points_log_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF tg_op = 'UPDATE' AND current_setting('diner.erasing', true) = 'on'
       AND to_jsonb(old) - 'note' = to_jsonb(new) - 'note' THEN
        RETURN new;
    END IF;
    RAISE EXCEPTION 'the ledger of points is never changed: put another entry behind it';
END
$$;

CREATE OR REPLACE VIEW app.member_merge_documents AS
SELECT g.id,
       json_build_object(
           'id', g.id,
           'survivor', s.member_no,
           'other', o.member_no,
           'moved', (SELECT coalesce(json_agg(k ORDER BY k), '[]'::json)
                     FROM jsonb_object_keys(g.moved) k),
           'orders', cardinality(g.orders),
           'wallet_amount', g.wallet_amount::text,
           'points', g.points,
           'different_unionid', coalesce(s.unionid <> o.unionid, false),
           'merged_at', to_char(g.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'undone_at', to_char(g.undone_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       ) AS document
FROM app.member_merges g
JOIN app.members s ON s.id = g.survivor_id
JOIN app.members o ON o.id = g.other_id;
