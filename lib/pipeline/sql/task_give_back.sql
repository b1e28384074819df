-- What worker $1 has and does not do: it lost the database over it. $2: only parts.
update diner.task
set state = 'waiting', lease_until = null
where worker = $1 and state = 'leased' and (stream <> '' or not $2::boolean)
