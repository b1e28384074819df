-- Of a person whose data was erased stays a token in place of what told them, and, by its keyed
-- hash, what they were known by: so that another system's copy does not bring them back. Whoever
-- joins again by their own will is forgotten here.
CREATE TABLE app.member_tombstones (
    hash       text PRIMARY KEY,
    kind       text NOT NULL,
    member_id  bigint NOT NULL REFERENCES app.members (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT member_tombstones_kind_known CHECK (kind IN ('unionid', 'phone', 'openid'))
);
CREATE INDEX idx_member_tombstones_member ON app.member_tombstones (member_id);

-- The words of a note may be a person's; what was moved stays for good.
CREATE OR REPLACE FUNCTION app.wallet_log_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF tg_op = 'UPDATE' AND current_setting('diner.erasing', true) = 'on'
       AND to_jsonb(old) - 'note' = to_jsonb(new) - 'note' THEN
        RETURN new;
    END IF;
    RAISE EXCEPTION 'the wallet ledger is never changed: put an adjustment behind the entry';
END
$$;
