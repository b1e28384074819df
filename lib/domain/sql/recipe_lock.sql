-- One writer of recipes and units at a time: two that are each right could make a cycle together.
SELECT pg_advisory_xact_lock(hashtextextended('app.recipes', 0))
