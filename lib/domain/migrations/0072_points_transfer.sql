-- Two members that turn out to be one person, and taking that back: the lots go over as they are,
-- with their ends and what can still come back into them.
CREATE TABLE app.points_moves (
    ref    text NOT NULL,
    lot_id bigint NOT NULL REFERENCES app.points_lots (id),
    PRIMARY KEY (ref, lot_id)
);

-- Both sides of a movement between two open accounts, so many points; below zero: what is owed.
CREATE FUNCTION app.points_swap(p_from bigint, p_to bigint, p_amount bigint, p_ref text, p_note text,
                                p_user bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE side record;
BEGIN
    IF p_amount = 0 THEN
        RETURN;
    END IF;
    FOR side IN SELECT * FROM (VALUES (p_from, -p_amount, p_ref || ':out'),
                                      (p_to, p_amount, p_ref || ':in')) s (member, amount, ref)
    LOOP
        IF app.points_note(json_populate_record(NULL::app.points_log, json_build_object(
               'member_id', side.member, 'kind', 'transfer', 'ref', side.ref, 'amount', side.amount,
               'note', p_note, 'user_id', p_user))) IS NULL THEN
            RAISE unique_violation USING MESSAGE = 'the reference was counted before';
        END IF;
    END LOOP;
END
$$;

-- After it: what an account owes is taken of its lots; for what they lack it gets one.
CREATE FUNCTION app.points_settle(p_member bigint, p_end timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE made bigint := (SELECT max(g.id) FROM app.points_log g
                        WHERE g.member_id = p_member AND g.kind = 'transfer');
        surplus bigint := (SELECT coalesce(sum(l.remain), 0) FROM app.points_lots l
                           WHERE l.member_id = p_member)
                          - (SELECT greatest(p.balance, 0) FROM app.points p
                             WHERE p.member_id = p_member);
BEGIN
    PERFORM app.points_take(made, surplus, NULL);
    IF surplus < 0 THEN
        INSERT INTO app.points_lots (member_id, log_id, amount, remain, earned_at, expires_at)
        VALUES (p_member, made, -surplus, -surplus, clock_timestamp(), p_end);
    END IF;
END
$$;

-- All of one account; how many went over.
CREATE FUNCTION app.points_transfer(p_from bigint, p_to bigint, p_ref text, p_note text,
                                    p_user bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE moved bigint;
BEGIN
    PERFORM app.points_open(least(p_from, p_to));
    PERFORM app.points_open(greatest(p_from, p_to));
    INSERT INTO app.points_moves (ref, lot_id)
    SELECT p_ref, l.id FROM app.points_lots l WHERE l.member_id = p_from;
    UPDATE app.points_lots l SET member_id = p_to WHERE l.member_id = p_from;
    moved := (SELECT p.balance FROM app.points p WHERE p.member_id = p_from);
    PERFORM app.points_swap(p_from, p_to, moved, p_ref, p_note, p_user);
    PERFORM app.points_settle(p_to, NULL);
    RETURN moved;
END
$$;

-- Back goes what is left in the lots that went over then, in those that these orders put in since,
-- and in those that paid for what was owed; and what was owed.
CREATE FUNCTION app.points_transfer_back(p_of_ref text, p_from bigint, p_to bigint, p_orders bigint[],
                                         p_ref text, p_note text, p_user bigint, p_end timestamptz)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE lots bigint[];
        entry app.points_log;
        held bigint;
        owed bigint;
BEGIN
    PERFORM app.points_open(least(p_from, p_to));
    PERFORM app.points_open(greatest(p_from, p_to));
    SELECT * INTO entry FROM app.points_log g WHERE g.kind = 'transfer' AND g.ref = p_of_ref || ':in';
    WITH back AS (
        UPDATE app.points_uses u SET returned = u.used
        FROM app.points_lots l
        WHERE u.log_id = entry.id AND l.id = u.lot_id AND u.returned < u.used
          AND l.member_id = p_from AND (l.expires_at > clock_timestamp()) IS NOT FALSE
        RETURNING u.lot_id, u.used
    )
    UPDATE app.points_lots l SET remain = l.remain + b.used FROM back b WHERE l.id = b.lot_id;
    lots := ARRAY(SELECT l.id
                  FROM app.points_lots l
                  JOIN app.points_log g ON g.id = l.log_id
                  WHERE l.member_id = p_from
                    AND (g.order_id = ANY (p_orders)
                         OR l.id IN (SELECT m.lot_id FROM app.points_moves m WHERE m.ref = p_of_ref)));
    UPDATE app.points_lots l SET member_id = p_to WHERE l.id = ANY (lots);
    held := (SELECT coalesce(sum(l.remain), 0) FROM app.points_lots l WHERE l.id = ANY (lots));
    owed := least(coalesce(entry.amount, 0), 0);
    PERFORM app.points_swap(p_from, p_to, held, p_ref, p_note, p_user);
    PERFORM app.points_swap(p_from, p_to, owed, p_ref || ':owed', p_note, p_user);
    PERFORM app.points_settle(p_from, p_end);
    PERFORM app.points_settle(p_to, p_end);
    RETURN held + owed;
END
$$;
