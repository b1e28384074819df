-- Records of the CRM that differ from what was decided, as Tryton's party.write wants them: the
-- id, and only the values that change. Phone, points and level are contact mechanisms of the party.
with difference as (
    select g.crm_id, c.phone_id, c.points_id, c.level_id,
           case when g.name is distinct from c.name then g.name end as name,
           case when g.phone is distinct from c.phone then g.phone end as phone,
           case when g.points is distinct from c.points then g.points::text end as points,
           case when g.level is distinct from c.level then g.level end as level,
           case when g.unionid is distinct from c.unionid then g.unionid end as unionid,
           case when g.openid is distinct from c.openid then g.openid end as openid,
           case when g.appid is distinct from c.appid then g.appid end as appid
    from ods.crm_merged g
    join ods.crm_members c using (crm_id)
),
mechanism as (
    select d.crm_id, jsonb_agg(case
               when v.id is not null then jsonb_build_array('write', jsonb_build_array(v.id),
                                                            jsonb_build_object('value', v.value))
               else jsonb_build_array('create', jsonb_build_array(jsonb_strip_nulls(
                        jsonb_build_object('type', v.type, 'name', v.name, 'value', v.value))))
               end order by v.n) as steps
    from difference d
    cross join lateral (values (1, 'mobile', null, d.phone, d.phone_id),
                               (2, 'other', 'points', d.points, d.points_id),
                               (3, 'other', 'unionid', d.unionid, null),
                               (4, 'other', 'openid', d.openid, null),
                               (5, 'other', 'appid', d.appid, null),
                               (6, 'other', 'level', d.level, d.level_id)) v (n, type, name, value, id)
    where v.value is not null
    group by d.crm_id
)
select to_jsonb(d.crm_id::bigint) as id,
       jsonb_strip_nulls(jsonb_build_object('name', d.name, 'contact_mechanisms', s.steps)) as "values"
from difference d
left join mechanism s using (crm_id)
where d.name is not null or s.steps is not null
order by d.crm_id::bigint
