-- As before, but whether all of a message is sent is looked up by the message: where nearly all is sent,
-- the planner takes what is not for next to nothing, and read a whole backlog for each batch of it.
-- Writes what became of claims of one channel ([{id, claim, state, wait_ms, error}]), as
-- app.notification_end does of one; p_pause_ms: the receiver wants to be left alone for so long.
-- Gives how many were still this caller's to say.
CREATE OR REPLACE FUNCTION app.notification_end_all(p_ends jsonb, p_channel text, p_pause_ms bigint)
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
      AND (SELECT bool_and(n.state = 'sent') FROM app.notifications n WHERE n.outbox_id = o.id);
    IF p_pause_ms > 0 THEN
        INSERT INTO app.notification_channels AS c (channel, free_at)
        VALUES (p_channel, clock_timestamp() + p_pause_ms * interval '1 ms')
        ON CONFLICT (channel) DO UPDATE
        SET free_at = greatest(c.free_at, excluded.free_at), updated_at = clock_timestamp();
    END IF;
    RETURN v_count;
END
$$;
