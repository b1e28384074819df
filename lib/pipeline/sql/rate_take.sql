-- $3 requests of connector $1 are let go, evenly, one in $2 ns: in how many ns the first of them may go.
insert into diner.rate (connector, next_at, requests)
values ($1, clock_timestamp() + $2::bigint * $3::bigint / 1000.0 * interval '1 us', $3::bigint)
on conflict (connector) do update
set next_at = greatest(rate.next_at, clock_timestamp())
              + $2::bigint * $3::bigint / 1000.0 * interval '1 us',
    requests = rate.requests + excluded.requests, updated_at = clock_timestamp()
returning greatest(0, extract(epoch from next_at - clock_timestamp()) * 1e9
                      - $2::bigint * $3::bigint)::bigint
