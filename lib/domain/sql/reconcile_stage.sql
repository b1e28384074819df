-- The rows of a bill, and what they make with ours, while they are compared. Numbers are put in order
-- as bytes, which is one order everywhere.
SET LOCAL work_mem = '64MB';
SET LOCAL default_statistics_target = 10;
SET LOCAL jit = off;
CREATE TEMPORARY TABLE reconcile_bill (
    file        integer NOT NULL,
    line        bigint NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    number      text COLLATE "C",
    payment_no  text,
    channel_no  text,
    fen         bigint NOT NULL,
    settled_fen bigint NOT NULL,
    fee_e5      bigint NOT NULL,
    state       text NOT NULL,
    state_text  text,
    at          timestamptz NOT NULL,
    -- The how-manieth row of its number.
    nth         integer NOT NULL DEFAULT 1
) ON COMMIT DROP;
-- Hashes of the numbers that the bill has more than once.
CREATE TEMPORARY TABLE reconcile_twice (hash bigint NOT NULL) ON COMMIT DROP;
-- nth 0: ours alone.
CREATE TEMPORARY TABLE reconcile_pair (
    kind         text COLLATE "C" NOT NULL,
    number       text COLLATE "C" NOT NULL,
    nth          integer NOT NULL,
    file         integer,
    line         bigint,
    channel_no   text,
    fen          bigint,
    fee_e5       bigint,
    fee_due_e5   bigint,
    state        text,
    state_text   text,
    at           timestamptz,
    local_id     bigint,
    local_fen    bigint,
    local_status text,
    local_at     timestamptz,
    class        text,
    is_late      boolean NOT NULL DEFAULT false,
    other_date   date
) ON COMMIT DROP;
-- What is found out about a pair after that.
CREATE TEMPORARY TABLE reconcile_found (
    kind         text COLLATE "C" NOT NULL,
    number       text COLLATE "C" NOT NULL,
    nth          integer NOT NULL,
    class        text NOT NULL,
    local_id     bigint,
    local_fen    bigint,
    local_status text,
    local_at     timestamptz,
    is_late      boolean NOT NULL,
    other_date   date
) ON COMMIT DROP
