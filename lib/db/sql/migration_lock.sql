-- Waits for another migrate, for a minute at most; the lock is the session's.
begin;
set local lock_timeout = '60s';
select pg_advisory_lock(hashtextextended('diner.migrate', 0));
commit
