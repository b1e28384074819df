-- What the parts of a stream come to; a part that failed loaded nothing.
select count(*), coalesce(sum(read), 0), coalesce(sum(inserted), 0), coalesce(sum(updated), 0),
       coalesce(sum(unchanged), 0), coalesce(sum(deleted), 0), coalesce(sum(superseded), 0),
       coalesce(sum(rejected), 0), coalesce(sum(skipped), 0), coalesce(sum(findings), 0),
       coalesce(sum(bytes), 0), coalesce(max(attempts), 1)
from diner.run_slice
where run_id = $1::bigint and stream = $2 and status = 'succeeded'
