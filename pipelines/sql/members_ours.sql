-- The platform's members, and who came from the CRM and is not there yet.
select member_id, name, phone, unionid, openid, appid, level, points, updated_at from ods.platform_members
union all
select m.member_id, m.name, m.phone, m.unionid, m.openid, m.appid, m.level, m.points, m.updated_at
from ods.members m
where m.member_id like 'crm:%'
  and exists (select from ods.crm_links l where l.member_id = m.member_id)
