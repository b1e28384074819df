-- What both sides shall hold for each linked member, column by column: the CRM's value, ours, or
-- that of the side that was written last; the level is ours, as it follows from what is earned here. A side without a value never wins over one that has it.
with side as (
    select l.member_id, l.crm_id, c.name as crm_name, c.phone as crm_phone, c.unionid as crm_unionid,
           c.openid as crm_openid, c.appid as crm_appid, c.level as crm_level, c.points as crm_points,
           m.name, m.phone, m.unionid, m.openid, m.appid, m.level, m.points, m.updated_at,
           coalesce(c.updated_at, '-infinity') >= coalesce(m.updated_at, '-infinity') as crm_is_newer,
           greatest(c.updated_at, m.updated_at) as newest_at
    from ods.crm_links l
    join ods.crm_members c using (crm_id)
    left join ods.members m using (member_id)
),
decided as (
    select *,
        ${params.name}::text = 'crm' or (${params.name}::text = 'newest' and crm_is_newer) as crm_wins_name,
        ${params.phone}::text = 'crm' or (${params.phone}::text = 'newest' and crm_is_newer) as crm_wins_phone,
        ${params.points}::text = 'crm' or (${params.points}::text = 'newest' and crm_is_newer) as crm_wins_points
    from side
),
merged as (
    select member_id, crm_id,
           case when crm_wins_name then coalesce(crm_name, name) else coalesce(name, crm_name) end as name,
           case when crm_wins_phone then coalesce(crm_phone, phone) else coalesce(phone, crm_phone) end as phone,
           coalesce(unionid, crm_unionid) as unionid,
           coalesce(openid, crm_openid) as openid,
           coalesce(appid, crm_appid) as appid,
           coalesce(level, crm_level) as level,
           case when crm_wins_points then coalesce(crm_points, points) else coalesce(points, crm_points) end as points
    from decided
)
select g.*,
       case when (g.name, g.phone, g.unionid, g.openid, g.appid, g.level, g.points)
                 is not distinct from (d.name, d.phone, d.unionid, d.openid, d.appid, d.level, d.points)
            then d.updated_at else d.newest_at end as updated_at
from merged g join decided d using (member_id, crm_id)
