-- $1 operation, $2 number: counts the call; the script, and the count.
INSERT INTO channel_local.calls AS c (operation, number, calls) VALUES ($1, $2, 1)
ON CONFLICT (operation, number) DO UPDATE SET calls = c.calls + 1
RETURNING (SELECT rules FROM channel_local.script), calls
