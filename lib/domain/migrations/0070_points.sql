-- The points of members. They lie in lots, each with the instant from which it is worth nothing;
-- what there is in all stands in app.points, how it came about in app.points_log: the sum of a
-- member's entries is the balance. Above zero the balance is what the lots hold; below zero it is a
-- debt, and no lot holds anything. app.points_uses says which entry took how much of which lot, so
-- that a lot is what was put into it, less what was used, plus what was returned before it was over.
CREATE TABLE app.points (
    member_id  bigint PRIMARY KEY REFERENCES app.members (id),
    balance    bigint NOT NULL DEFAULT 0,
    version    integer NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE app.points_log (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    member_id     bigint NOT NULL REFERENCES app.points (member_id),
    kind          text NOT NULL,
    -- The number of the order, of the refund, of whoever asked; of the lot that expired: once at most.
    ref           text NOT NULL,
    amount        bigint NOT NULL,
    -- What should have moved and could not: taken back from nobody, returned to a lot that is over.
    forgone       bigint NOT NULL DEFAULT 0,
    balance_after bigint NOT NULL,
    -- The entry that this one undoes: the spending of a return, the earning of a claw-back.
    origin_id     bigint REFERENCES app.points_log (id),
    order_id      bigint REFERENCES app.orders (id),
    note          text,
    user_id       bigint REFERENCES app.users (id),
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT points_log_ref_key UNIQUE (kind, ref),
    CONSTRAINT points_log_kind_known
        CHECK (kind IN ('earn', 'spend', 'refund', 'clawback', 'expire', 'transfer')),
    CONSTRAINT points_log_sign CHECK (CASE kind WHEN 'earn' THEN amount > 0
                                                WHEN 'refund' THEN amount >= 0
                                                WHEN 'clawback' THEN amount <= 0
                                                WHEN 'transfer' THEN amount <> 0
                                                ELSE amount < 0 END),
    CONSTRAINT points_log_forgone
        CHECK (forgone >= 0 AND (forgone = 0 OR kind IN ('refund', 'clawback')) AND
               (amount <> 0 OR forgone > 0)),
    CONSTRAINT points_log_origin CHECK ((kind IN ('refund', 'clawback')) = (origin_id IS NOT NULL)),
    CONSTRAINT points_log_spend_covered CHECK (kind <> 'spend' OR balance_after >= 0)
);
CREATE INDEX idx_points_log_member ON app.points_log (member_id, id);
CREATE INDEX idx_points_log_order ON app.points_log (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX idx_points_log_origin ON app.points_log (origin_id) WHERE origin_id IS NOT NULL;

CREATE FUNCTION app.points_log_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger of points is never changed: put another entry behind it';
END
$$;
CREATE TRIGGER points_log_stays BEFORE UPDATE OR DELETE ON app.points_log
    FOR EACH ROW EXECUTE FUNCTION app.points_log_stays();

CREATE TABLE app.points_lots (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    member_id  bigint NOT NULL REFERENCES app.points (member_id),
    log_id     bigint NOT NULL REFERENCES app.points_log (id),
    amount     bigint NOT NULL,
    remain     bigint NOT NULL,
    earned_at  timestamptz NOT NULL DEFAULT now(),
    -- From here on it is worth nothing: a midnight; null: never.
    expires_at timestamptz,
    CONSTRAINT points_lots_remain CHECK (amount > 0 AND remain BETWEEN 0 AND amount)
);
CREATE INDEX idx_points_lots_member ON app.points_lots (member_id, expires_at, id) WHERE remain > 0;
CREATE INDEX idx_points_lots_expiry ON app.points_lots (expires_at) WHERE remain > 0;
CREATE INDEX idx_points_lots_log ON app.points_lots (log_id);

CREATE TABLE app.points_uses (
    log_id   bigint NOT NULL REFERENCES app.points_log (id),
    lot_id   bigint NOT NULL REFERENCES app.points_lots (id),
    used     bigint NOT NULL,
    returned bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (log_id, lot_id),
    CONSTRAINT points_uses_returned CHECK (used > 0 AND returned BETWEEN 0 AND used)
);
CREATE INDEX idx_points_uses_lot ON app.points_uses (lot_id);

-- The midnight that ends the day which lies so far ahead; null: never.
CREATE FUNCTION app.points_end(p_span interval, p_zone text) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT ((clock_timestamp() AT TIME ZONE p_zone)::date + p_span + interval '1 day')
           AT TIME ZONE p_zone
$$;

-- Takes out of these accounts, which are locked, what is over.
CREATE FUNCTION app.points_expire(p_members bigint[], OUT lots bigint, OUT points bigint)
LANGUAGE sql AS $$
    WITH due AS (
        SELECT l.id, l.member_id, l.remain,
               sum(l.remain) OVER (PARTITION BY l.member_id ORDER BY l.expires_at, l.id)::bigint AS gone
        FROM app.points_lots l
        WHERE l.member_id = ANY (p_members) AND l.remain > 0 AND l.expires_at <= clock_timestamp()
    ), emptied AS (
        UPDATE app.points_lots l SET remain = 0 FROM due d WHERE l.id = d.id
    ), logged AS (
        INSERT INTO app.points_log (member_id, kind, ref, amount, balance_after, created_at)
        SELECT d.member_id, 'expire', d.id::text, -d.remain, p.balance - d.gone, clock_timestamp()
        FROM due d
        JOIN app.points p ON p.member_id = d.member_id
        ORDER BY d.member_id, d.gone
        RETURNING id, ref
    ), used AS (
        INSERT INTO app.points_uses (log_id, lot_id, used)
        SELECT g.id, d.id, d.remain FROM logged g JOIN due d ON d.id::text = g.ref
    ), lowered AS (
        UPDATE app.points p
        SET balance = p.balance - d.gone, version = p.version + 1, updated_at = clock_timestamp()
        FROM (SELECT member_id, max(gone) AS gone FROM due GROUP BY member_id) d
        WHERE p.member_id = d.member_id
    )
    SELECT count(*), coalesce(sum(d.remain), 0)::bigint FROM due d
$$;

-- The account, locked and without what is over; its balance.
CREATE FUNCTION app.points_open(p_member bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app.points (member_id) VALUES (p_member) ON CONFLICT DO NOTHING;
    PERFORM FROM app.points p WHERE p.member_id = p_member FOR UPDATE;
    PERFORM app.points_expire(ARRAY[p_member]);
    RETURN (SELECT p.balance FROM app.points p WHERE p.member_id = p_member);
END
$$;

-- An entry of an open account. Null: that reference was counted before.
CREATE FUNCTION app.points_note(p_entry app.points_log) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE made bigint;
BEGIN
    INSERT INTO app.points_log (member_id, kind, ref, amount, forgone, balance_after, origin_id,
                                order_id, note, user_id, created_at)
    SELECT p.member_id, p_entry.kind, p_entry.ref, p_entry.amount, coalesce(p_entry.forgone, 0),
           p.balance + p_entry.amount, p_entry.origin_id, p_entry.order_id, p_entry.note,
           p_entry.user_id, clock_timestamp()
    FROM app.points p
    WHERE p.member_id = p_entry.member_id
    ON CONFLICT ON CONSTRAINT points_log_ref_key DO NOTHING
    RETURNING id INTO made;
    IF made IS NOT NULL THEN
        UPDATE app.points p
        SET balance = p.balance + p_entry.amount, version = p.version + 1,
            updated_at = clock_timestamp()
        WHERE p.member_id = p_entry.member_id;
    END IF;
    RETURN made;
END
$$;

-- For an entry of an open account: so many out of its lots, this one first, then whichever is over
-- first.
CREATE FUNCTION app.points_take(p_log bigint, p_wanted bigint, p_first bigint) RETURNS void
LANGUAGE sql AS $$
    WITH lot AS (
        SELECT l.id, l.remain,
               (sum(l.remain) OVER (ORDER BY l.id IS DISTINCT FROM p_first, l.expires_at, l.id)
                - l.remain)::bigint AS before
        FROM app.points_lots l
        WHERE l.member_id = (SELECT g.member_id FROM app.points_log g WHERE g.id = p_log)
          AND l.remain > 0
    ), taken AS (
        UPDATE app.points_lots l
        SET remain = l.remain - least(t.remain, p_wanted - t.before)
        FROM lot t
        WHERE l.id = t.id AND t.before < p_wanted
        RETURNING l.id, least(t.remain, p_wanted - t.before) AS used
    )
    INSERT INTO app.points_uses (log_id, lot_id, used) SELECT p_log, t.id, t.used FROM taken t
$$;

-- Null: that reference was counted before. Of what comes in a debt is paid first.
CREATE FUNCTION app.points_earn(p_entry app.points_log, p_expires_at timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE balance bigint := app.points_open(p_entry.member_id);
        made bigint := app.points_note(p_entry);
BEGIN
    IF made IS NOT NULL THEN
        INSERT INTO app.points_lots (member_id, log_id, amount, remain, earned_at, expires_at)
        VALUES (p_entry.member_id, made, p_entry.amount, p_entry.amount, clock_timestamp(),
                p_expires_at);
        PERFORM app.points_take(made, -balance, NULL);
    END IF;
    RETURN made;
END
$$;

-- Null: there are not that many.
CREATE FUNCTION app.points_spend(p_entry app.points_log) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE made bigint;
BEGIN
    IF app.points_open(p_entry.member_id) + p_entry.amount >= 0 THEN
        made := app.points_note(p_entry);
        IF made IS NULL THEN
            RAISE unique_violation USING MESSAGE = 'the reference was counted before';
        END IF;
        PERFORM app.points_take(made, -p_entry.amount, NULL);
    END IF;
    RETURN made;
END
$$;

-- What a spending took goes back into its own lots, the last to be over first. For what belongs to
-- lots that are over meanwhile: a new lot until p_late, or (null) nothing.
CREATE FUNCTION app.points_give_back(p_entry app.points_log, p_late timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE balance bigint := app.points_open(p_entry.member_id);
        rest bigint := p_entry.amount;
        late bigint := 0;
        made bigint;
        part record;
BEGIN
    FOR part IN
        SELECT u.lot_id, u.used - u.returned AS points, l.expires_at <= clock_timestamp() AS is_over
        FROM app.points_uses u
        JOIN app.points_lots l ON l.id = u.lot_id
        WHERE u.log_id = p_entry.origin_id AND u.used > u.returned
          AND l.member_id = p_entry.member_id
        ORDER BY l.expires_at DESC, l.id DESC
    LOOP
        EXIT WHEN rest = 0;
        part.points := least(part.points, rest);
        rest := rest - part.points;
        UPDATE app.points_uses u SET returned = u.returned + part.points
        WHERE u.log_id = p_entry.origin_id AND u.lot_id = part.lot_id;
        IF part.is_over THEN
            late := late + part.points;
        ELSE
            UPDATE app.points_lots l SET remain = l.remain + part.points WHERE l.id = part.lot_id;
        END IF;
    END LOOP;
    IF p_late IS NULL THEN
        p_entry.amount := p_entry.amount - late;
        p_entry.forgone := late;
    END IF;
    made := app.points_note(p_entry);
    IF made IS NULL THEN
        RAISE unique_violation USING MESSAGE = 'the reference was counted before';
    END IF;
    IF p_late IS NOT NULL AND late > 0 THEN
        INSERT INTO app.points_lots (member_id, log_id, amount, remain, earned_at, expires_at)
        VALUES (p_entry.member_id, made, late, late, clock_timestamp(), p_late);
    END IF;
    PERFORM app.points_take(made, least(p_entry.amount, -balance), NULL);
    RETURN made;
END
$$;

-- Of what an order earned goes what its refunds that are paid out have in what was paid, whole with
-- the whole. It is taken from what it put in, then from whichever is over first, then owed; without
-- p_debt what is not there is forgone.
CREATE FUNCTION app.points_claw_back(p_refund_no text, p_debt boolean, p_user bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE entry app.points_log;
        paid numeric; refunded numeric;
        earned bigint; balance bigint; made bigint;
        payment bigint;
BEGIN
    SELECT p.id, p.amount, o.member_id, o.id, g.id, g.amount
    INTO payment, paid, entry.member_id, entry.order_id, entry.origin_id, earned
    FROM app.refunds r
    JOIN app.payments p ON p.id = r.payment_id AND NOT p.is_surplus
    JOIN app.orders o ON o.id = r.order_id
    JOIN app.points_log g ON g.order_id = o.id AND g.kind = 'earn'
    WHERE r.refund_no = p_refund_no AND o.member_id IS NOT NULL;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    balance := app.points_open(entry.member_id);
    SELECT coalesce(sum(r.amount), 0) INTO refunded
    FROM app.refunds r WHERE r.payment_id = payment AND r.status = 'succeeded';
    SELECT floor(earned * least(refunded / nullif(paid, 0), 1)) - coalesce(sum(g.forgone - g.amount), 0)
    INTO earned
    FROM app.points_log g WHERE g.origin_id = entry.origin_id AND g.kind = 'clawback';
    IF earned <= 0 THEN
        RETURN NULL;
    END IF;
    entry.kind := 'clawback';
    entry.ref := p_refund_no;
    entry.user_id := p_user;
    entry.amount := -CASE WHEN p_debt THEN earned ELSE least(earned, greatest(balance, 0)) END;
    entry.forgone := earned + entry.amount;
    made := app.points_note(entry);
    IF made IS NOT NULL THEN
        PERFORM app.points_take(made, -entry.amount,
                                (SELECT l.id FROM app.points_lots l WHERE l.log_id = entry.origin_id));
    END IF;
    RETURN made;
END
$$;

CREATE VIEW app.points_log_documents AS
SELECT l.id, l.member_id, l.kind,
       json_build_object(
           'id', l.id,
           'kind', l.kind,
           'ref', l.ref,
           'points', l.amount,
           'forgone', l.forgone,
           'balance_after', l.balance_after,
           'of_ref', (SELECT g.ref FROM app.points_log g WHERE g.id = l.origin_id),
           'order_no', (SELECT o.order_no FROM app.orders o WHERE o.id = l.order_id),
           'expires_at', (SELECT to_char(t.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                          FROM app.points_lots t WHERE t.log_id = l.id),
           'note', l.note,
           'created_at', to_char(l.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
       ) AS document
FROM app.points_log l;
