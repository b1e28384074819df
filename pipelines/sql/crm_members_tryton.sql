-- Tryton's parties as members: what the other files of crm_members.yaml know of a CRM. Another CRM
-- gets a file like this one. Phones in one form, +86 and punctuation dropped; what is no mobile
-- number of mainland China stays as it is and is no key.
with contact as (
    select p.crm_id, (c->>'id')::bigint as id, c->>'type' as type, c->>'name' as name,
           nullif(c->>'value', '') as value,
           coalesce(nullif(c->'write_date', 'null'), c->'create_date') as at
    from ods.crm_parties p, jsonb_array_elements(p.contacts) c
),
dated as (
    select *, make_timestamptz((at->>'year')::int, (at->>'month')::int, (at->>'day')::int,
                               (at->>'hour')::int, (at->>'minute')::int,
                               (at->>'second')::int + (at->>'microsecond')::numeric / 1000000, 'UTC') as written_at
    from contact
),
chosen as (
    select crm_id,
           (array_agg(value order by type, id) filter (where type in ('mobile', 'phone')))[1] as phone,
           (array_agg(id order by type, id) filter (where type in ('mobile', 'phone')))[1] as phone_id,
           max(value) filter (where type = 'other' and name = 'unionid') as unionid,
           max(value) filter (where type = 'other' and name = 'openid') as openid,
           max(value) filter (where type = 'other' and name = 'appid') as appid,
           max(value) filter (where type = 'other' and name = 'points') as points,
           max(id) filter (where type = 'other' and name = 'points') as points_id,
           max(value) filter (where type = 'other' and name = 'level') as level,
           max(id) filter (where type = 'other' and name = 'level') as level_id,
           max(written_at) as written_at
    from dated group by crm_id
),
plain as (
    select crm_id, regexp_replace(regexp_replace(phone, '[^0-9]', '', 'g'), '^86(?=1)', '') as digits
    from chosen
)
select p.crm_id, p.code, nullif(btrim(p.name), '') as name,
       case when d.digits ~ '^1[3-9][0-9]{9}$' then d.digits else c.phone end as phone,
       c.unionid, c.openid, c.appid, c.level,
       case when c.points ~ '^-?[0-9]{1,15}$' then c.points::bigint end as points,
       greatest(p.created_at, p.written_at, c.written_at) as updated_at,
       c.phone_id, c.points_id, c.level_id
from ods.crm_parties p
left join chosen c using (crm_id)
left join plain d using (crm_id)
