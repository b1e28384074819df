-- Instants in microseconds since 1970, the last business date in days.
SELECT (extract(epoch FROM i.as_of) * 1000000)::bigint, (extract(epoch FROM now()) * 1000000)::bigint,
       i.last_day - date '1970-01-01', i.is_first
FROM seed_input i
