-- What a member is known by: unionid, phone, openid of an app; in this order. A phone is looked up
-- by its keyed hash where the program has a key, and is kept as it is for those who may see it: a
-- message needs it. A member that was merged into another keeps its number, which leads to the other.
ALTER TABLE app.members
    ADD COLUMN phone_hash text,
    ADD COLUMN merged_into bigint REFERENCES app.members (id),
    ADD COLUMN erased_at timestamptz,
    DROP CONSTRAINT members_status_known,
    ADD CONSTRAINT members_status_known CHECK (status IN ('active', 'closed', 'merged', 'erased')),
    ADD CONSTRAINT members_merged_where CHECK ((status = 'merged') = (merged_into IS NOT NULL)),
    ADD CONSTRAINT members_erased_when CHECK ((status = 'erased') = (erased_at IS NOT NULL));
CREATE INDEX idx_members_phone_hash ON app.members (phone_hash) WHERE phone_hash IS NOT NULL;
CREATE INDEX idx_members_merged_into ON app.members (merged_into) WHERE merged_into IS NOT NULL;

-- A mobile number of mainland China has one form, without the country's prefix.
UPDATE app.members m
SET phone = right(m.phone, 11), updated_at = now()
WHERE m.phone ~ '^([+]|00)?861[3-9][0-9]{9}$'
  AND NOT EXISTS (SELECT FROM app.members o WHERE o.phone = right(m.phone, 11))
  AND NOT EXISTS (SELECT FROM app.members o WHERE o.phone ~ '^([+]|00)?861[3-9][0-9]{9}$'
                  AND right(o.phone, 11) = right(m.phone, 11) AND o.id < m.id);

CREATE TABLE app.member_identities (
    appid      text NOT NULL,
    openid     text NOT NULL,
    member_id  bigint NOT NULL REFERENCES app.members (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT member_identities_pkey PRIMARY KEY (appid, openid)
);
CREATE INDEX idx_member_identities_member ON app.member_identities (member_id);

-- The member that a number stands for now: itself, or at the end of its merges.
CREATE FUNCTION app.member_root(p_id bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    WITH RECURSIVE way AS (
        SELECT m.id, m.merged_into FROM app.members m WHERE m.id = p_id
        UNION ALL
        SELECT m.id, m.merged_into FROM way w JOIN app.members m ON m.id = w.merged_into
    )
    SELECT w.id FROM way w WHERE w.merged_into IS NULL
$$;

-- The same, held so that it is not merged away before the transaction ends.
CREATE FUNCTION app.member_hold(p_member_no text) RETURNS SETOF app.members
LANGUAGE plpgsql AS $$
DECLARE v_member app.members;
BEGIN
    LOOP
        SELECT m.* INTO v_member FROM app.members m
        WHERE m.id = (SELECT app.member_root(n.id) FROM app.members n WHERE n.member_no = p_member_no);
        EXIT WHEN NOT FOUND;
        SELECT m.* INTO v_member FROM app.members m WHERE m.id = v_member.id FOR SHARE;
        IF v_member.merged_into IS NULL THEN
            RETURN NEXT v_member;
            EXIT;
        END IF;
    END LOOP;
END
$$;

-- Personal data in part: the forms of diner's own masks. What is too short to hide anything in is
-- hidden whole.
CREATE FUNCTION app.mask_middle(p_text text, p_first integer, p_last integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN char_length(p_text) <= p_first + p_last THEN repeat('*', char_length(p_text))
                ELSE left(p_text, p_first) || repeat('*', char_length(p_text) - p_first - p_last)
                     || right(p_text, p_last) END
$$;
CREATE FUNCTION app.mask_phone(p_phone text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_phone LIKE '0%' THEN app.mask_middle(p_phone, 4, 2)
                ELSE app.mask_middle(p_phone, 3, 4) END
$$;

-- Names, phones and keys in full only for those who ask for them and may. p_from: the number that
-- was asked for, where it is another.
DROP FUNCTION app.member_document(app.members, boolean);
CREATE FUNCTION app.member_document(m app.members, reveal boolean, p_from text) RETURNS json
LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'member_no', m.member_no,
        'name', CASE WHEN reveal OR m.status = 'erased' THEN m.name
                     ELSE app.mask_middle(m.name, 1, 0) END,
        'phone', CASE WHEN reveal THEN m.phone ELSE app.mask_phone(m.phone) END,
        'has_unionid', m.unionid IS NOT NULL,
        'unionid', CASE WHEN reveal THEN m.unionid ELSE app.mask_middle(m.unionid, 4, 0) END,
        'identities', (SELECT coalesce(json_agg(json_build_object(
                                  'appid', i.appid,
                                  'openid', CASE WHEN reveal THEN i.openid
                                                 ELSE app.mask_middle(i.openid, 4, 0) END)
                                  ORDER BY i.appid, i.openid), '[]'::json)
                       FROM app.member_identities i WHERE i.member_id = m.id),
        'level', m.level,
        'points', (SELECT coalesce(sum(p.balance), 0) FROM app.points p WHERE p.member_id = m.id)
                  - (SELECT coalesce(sum(l.remain), 0) FROM app.points_lots l
                     WHERE l.member_id = m.id AND l.remain > 0
                       AND l.expires_at <= clock_timestamp()),
        'store', (SELECT s.code FROM app.stores s WHERE s.id = m.store_id),
        'status', m.status,
        'merged_into', (SELECT o.member_no FROM app.members o WHERE o.id = m.merged_into),
        'redirected_from', p_from,
        'version', m.version,
        'joined_at', to_char(m.joined_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'updated_at', to_char(m.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
$$;
