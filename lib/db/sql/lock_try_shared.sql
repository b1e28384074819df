select pg_try_advisory_lock_shared(hashtextextended($1, 0))
