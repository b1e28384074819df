-- What the platform does not have as it was decided, as its /members/sync wants it. Who is merged
-- into another is left alone; level and points are the platform's own.
select m.member_id as ref, to_jsonb(p.version) as version, left(m.name, 128) as name, m.phone, m.unionid,
       case when m.openid is not null then m.appid end as appid,
       case when m.appid is not null then m.openid end as openid
from ods.members m
left join ods.platform_members p using (member_id)
where p.member_id is null
   or (p.status in ('active', 'closed')
       and (coalesce(m.name, p.name), coalesce(m.phone, p.phone), coalesce(p.unionid, m.unionid),
            coalesce(p.openid, m.openid))
           is distinct from (p.name, p.phone, p.unionid, p.openid))
order by m.member_id
