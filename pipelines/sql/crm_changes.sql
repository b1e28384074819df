-- What this run changes, one line a column: the diff. Personal values are masked.
with changed as (
    select g.member_id, g.crm_id, 'platform' as side, v.field, v.was, v.becomes
    from ods.crm_merged g
    left join ods.members m using (member_id)
    cross join lateral (values ('name', m.name, g.name), ('phone', m.phone, g.phone),
                               ('unionid', m.unionid, g.unionid), ('openid', m.openid, g.openid),
                               ('level', m.level, g.level), ('points', m.points::text, g.points::text)) v (field, was, becomes)
    union all
    select g.member_id, g.crm_id, 'crm', v.field, v.was, v.becomes
    from ods.crm_merged g
    join ods.crm_members c using (crm_id)
    cross join lateral (values ('name', c.name, g.name), ('phone', c.phone, g.phone),
                               ('unionid', c.unionid, g.unionid), ('openid', c.openid, g.openid),
                               ('level', c.level, g.level), ('points', c.points::text, g.points::text)) v (field, was, becomes)
    union all
    select m.member_id, null, 'crm', 'member', null, 'new'
    from ods.members m
    where not exists (select from ods.crm_links l where l.member_id = m.member_id)
      and not exists (select from ods.crm_members c
                      where c.unionid = m.unionid or c.phone = m.phone or c.code = m.member_id
                         or (c.openid = m.openid and c.appid = m.appid))
),
masked as (
    select member_id, crm_id, side, field, v.was, v.becomes
    from changed
    cross join lateral (select
        case field when 'phone' then case when was like '0%' then left(was, 4) || repeat('*', greatest(length(was) - 6, 1)) || right(was, 2) else left(was, 3) || '****' || right(was, 4) end
                   when 'name' then left(was, 1) || '**'
                   when 'unionid' then left(was, 4) || '...' when 'openid' then left(was, 4) || '...'
                   else was end as was,
        case field when 'phone' then case when becomes like '0%' then left(becomes, 4) || repeat('*', greatest(length(becomes) - 6, 1)) || right(becomes, 2) else left(becomes, 3) || '****' || right(becomes, 4) end
                   when 'name' then left(becomes, 1) || '**'
                   when 'unionid' then left(becomes, 4) || '...' when 'openid' then left(becomes, 4) || '...'
                   else becomes end as becomes) v
    where changed.was is distinct from changed.becomes
)
select member_id, crm_id, side, field, was, becomes, now() as decided_at
from masked
order by member_id, side, field
