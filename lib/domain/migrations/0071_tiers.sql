-- How the level of a member came to be what it is, by hand or by the points that were earned.
CREATE TABLE app.tier_history (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    member_id  bigint NOT NULL REFERENCES app.members (id),
    from_level text NOT NULL,
    to_level   text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_tier_history_member ON app.tier_history (member_id, id);

CREATE FUNCTION app.tier_remember() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app.tier_history (member_id, from_level, to_level, created_at)
    VALUES (new.id, old.level, new.level, clock_timestamp());
    RETURN NULL;
END
$$;
CREATE TRIGGER members_tier_remember AFTER UPDATE OF level ON app.members
    FOR EACH ROW WHEN (old.level <> new.level) EXECUTE FUNCTION app.tier_remember();

-- What a member has earned since then, less what was taken back.
CREATE FUNCTION app.points_earned(p_member bigint, p_since timestamptz) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(l.amount), 0)::bigint
    FROM app.points_log l
    WHERE l.member_id = p_member AND l.kind IN ('earn', 'clawback') AND l.created_at >= p_since
$$;
