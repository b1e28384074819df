-- Members that the CRM lacks, as Tryton's party.create wants them. Our id is the party's code,
-- which Tryton keeps unique. Who shares a key with a record there is not made a second time.
select m.member_id as code, m.name,
       jsonb_build_array(jsonb_build_array('create', (
           select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('type', v.type, 'name', v.name, 'value', v.value))
                                     order by v.n), '[]')
           from (values (1, 'mobile', null, m.phone), (2, 'other', 'unionid', m.unionid),
                        (3, 'other', 'openid', m.openid), (4, 'other', 'appid', m.appid),
                        (5, 'other', 'points', m.points::text), (6, 'other', 'level', m.level)) v (n, type, name, value)
           where v.value is not null))) as contact_mechanisms,
       jsonb_build_array(jsonb_build_array('add', coalesce((
           select jsonb_agg(g.id) from ods.crm_categories g where g.name = ${params.category}), '[]'))) as categories
from ods.members m
where not exists (select from ods.crm_links l where l.member_id = m.member_id)
  and not exists (select from ods.crm_members c
                  where c.unionid = m.unionid or c.phone = m.phone or c.code = m.member_id
                     or (c.openid = m.openid and c.appid = m.appid))
order by m.member_id
