-- $1 tiers, $2 from how many points on each, $3 what each multiplies by
SELECT coalesce(json_agg(json_build_object('tier', t.name, 'from_points', t.start,
                                           'rate', trim_scale(t.rate)::text)
                         ORDER BY t.start), '[]'::json)::text
FROM unnest($1::text[], $2::bigint[], $3::numeric[]) AS t (name, start, rate)
