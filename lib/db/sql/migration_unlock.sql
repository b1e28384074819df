select pg_advisory_unlock(hashtextextended('diner.migrate', 0))
