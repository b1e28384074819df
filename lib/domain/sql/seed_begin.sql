-- What a seeding draws from: no random(), so that the same seed gives the same data anywhere.
-- draw(seed, number, what) is uniform in [0, 1); `what` tells the draws of one number apart.
CREATE OR REPLACE FUNCTION pg_temp.draw(seed bigint, number bigint, what integer)
RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT (hashint8extended(number, seed * 1000 + what) & 9007199254740991)::double precision
           / 9007199254740992
$$;
-- A whole number from low to high, both included.
CREATE OR REPLACE FUNCTION pg_temp.pick(seed bigint, number bigint, what integer, low integer,
                                        high integer)
RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT low + floor(pg_temp.draw(seed, number, what) * (high - low + 1))::integer
$$;
-- Bulk work: the rows refer only to rows made here, so that no foreign key is looked up a million
-- times; compiling these statements takes longer than running them.
SET LOCAL session_replication_role = replica;
SET LOCAL jit = off;
SET LOCAL work_mem = '64MB';
