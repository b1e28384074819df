-- Any number of channels: which there are is the program's table. What holds a channel back (its
-- rate, a receiver that asked for peace) is kept here, so that all deliverers respect it.
ALTER TABLE app.notifications DROP CONSTRAINT notifications_channel_known;
-- When it was last claimed to be sent: the day to ask a channel about.
ALTER TABLE app.notifications ADD COLUMN tried_at timestamptz;
CREATE TABLE app.notification_channels (
    channel    text PRIMARY KEY,
    free_at    timestamptz NOT NULL DEFAULT '-infinity',
    updated_at timestamptz NOT NULL DEFAULT now()
);
DROP INDEX app.idx_notifications_due;
CREATE INDEX idx_notifications_due ON app.notifications (channel, next_at, id)
    WHERE state IN ('queued', 'failed');

-- Up to p_most of a channel become this caller's, leaving out what others are at. With a rate
-- (p_each_ms apart) at most one, and none before its time. p_is_unknown: those that may have left,
-- to be asked about.
CREATE FUNCTION app.notification_claim(p_channel text, p_is_unknown boolean, p_most bigint,
                                       p_lease_ms bigint, p_each_ms bigint)
RETURNS SETOF app.notifications LANGUAGE plpgsql AS $$
DECLARE v_count bigint; v_most bigint := CASE WHEN p_each_ms > 0 THEN 1 ELSE p_most END;
BEGIN
    IF p_each_ms > 0 THEN
        INSERT INTO app.notification_channels (channel) VALUES (p_channel) ON CONFLICT DO NOTHING;
        PERFORM FROM app.notification_channels c
        WHERE c.channel = p_channel AND c.free_at <= clock_timestamp() FOR UPDATE;
        IF NOT FOUND THEN
            RETURN;
        END IF;
    ELSIF EXISTS (SELECT FROM app.notification_channels c
                  WHERE c.channel = p_channel AND c.free_at > clock_timestamp()) THEN
        RETURN;
    END IF;
    RETURN QUERY
    WITH next AS (
        SELECT n.id
        FROM app.notifications n
        WHERE n.next_at <= clock_timestamp() AND n.channel = p_channel
          AND n.state IN ('queued', 'failed') AND NOT p_is_unknown
        ORDER BY n.next_at, n.id
        LIMIT v_most
        FOR UPDATE SKIP LOCKED
    ), asked AS (
        SELECT n.id
        FROM app.notifications n
        WHERE n.next_at <= clock_timestamp() AND n.channel = p_channel
          AND n.state = 'unknown' AND p_is_unknown
        ORDER BY n.id
        LIMIT v_most
        FOR UPDATE SKIP LOCKED
    )
    UPDATE app.notifications n
    -- Asking about one that may have left is no further attempt.
    SET state = 'sending', attempts = n.attempts + (n.state <> 'unknown')::integer,
        tried_at = CASE WHEN n.state <> 'unknown' THEN clock_timestamp() ELSE n.tried_at END,
        claim = n.claim + 1, lease_until = clock_timestamp() + p_lease_ms * interval '1 ms',
        updated_at = clock_timestamp()
    WHERE n.id IN (SELECT id FROM next UNION ALL SELECT id FROM asked)
    RETURNING n.*;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    IF v_count > 0 AND p_each_ms > 0 THEN
        UPDATE app.notification_channels c
        SET free_at = clock_timestamp() + p_each_ms * interval '1 ms',
            updated_at = clock_timestamp()
        WHERE c.channel = p_channel;
    END IF;
END
$$;

-- Writes what became of claims of one channel ([{id, claim, state, wait_ms, error}]), as
-- app.notification_end does of one; p_pause_ms: the receiver wants to be left alone for so long.
-- Gives how many were still this caller's to say.
CREATE FUNCTION app.notification_end_all(p_ends jsonb, p_channel text, p_pause_ms bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE v_messages bigint[]; v_count bigint;
BEGIN
    SELECT array_agg(n.outbox_id ORDER BY n.outbox_id) INTO v_messages
    FROM jsonb_to_recordset(p_ends) e(id bigint)
    JOIN app.notifications n ON n.id = e.id;
    PERFORM FROM app.outbox o WHERE o.id = ANY (v_messages) ORDER BY o.id FOR UPDATE;
    UPDATE app.notifications n
    SET state = e.state,
        lease_until = NULL,
        next_at = clock_timestamp() + e.wait_ms * interval '1 ms',
        last_error = e.error,
        sent_at = CASE WHEN e.state = 'sent' THEN clock_timestamp() END,
        updated_at = clock_timestamp()
    FROM jsonb_to_recordset(p_ends) e(id bigint, claim bigint, state text, wait_ms bigint,
                                      error text)
    WHERE n.id = e.id AND n.claim = e.claim AND n.state IN ('sending', 'unknown');
    GET DIAGNOSTICS v_count = ROW_COUNT;
    UPDATE app.outbox o
    SET sent_at = clock_timestamp(), updated_at = clock_timestamp()
    WHERE o.id = ANY (v_messages) AND o.sent_at IS NULL
      AND NOT EXISTS (SELECT FROM app.notifications n
                      WHERE n.outbox_id = o.id AND n.state <> 'sent');
    IF p_pause_ms > 0 THEN
        INSERT INTO app.notification_channels AS c (channel, free_at)
        VALUES (p_channel, clock_timestamp() + p_pause_ms * interval '1 ms')
        ON CONFLICT (channel) DO UPDATE
        SET free_at = greatest(c.free_at, excluded.free_at), updated_at = clock_timestamp();
    END IF;
    RETURN v_count;
END
$$;
