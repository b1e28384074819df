-- Which member is which CRM record. A link, once made, stays: a phone that changes later does not
-- make a new member. Keys in order: our own id in the CRM's code, unionid, mobile phone, openid of
-- an app. Only a pair that is the best and the only one of both its sides is linked; a phone with
-- two different unionids (a family's) joins nobody. A CRM record that shares no key with any member
-- becomes a member of its own; what is left is for a person to decide (crm_ambiguous.sql).
with pair as (
    select c.crm_id, m.member_id, k.rank, k.matched_by,
           not exists (select from ods.crm_links l where l.member_id = m.member_id) as is_free
    from ods.crm_members c
    join ods.members m on c.code = m.member_id or c.unionid = m.unionid or c.phone = m.phone
                       or (c.openid = m.openid and c.appid = m.appid)
    cross join lateral (select
        case when c.code = m.member_id then 1 when c.unionid = m.unionid then 2
             when c.unionid <> m.unionid then 9
             when c.phone = m.phone and c.phone ~ '^1[3-9][0-9]{9}$' then 3
             when c.openid = m.openid and c.appid = m.appid then 4 else 9 end as rank,
        case when c.code = m.member_id then 'code' when c.unionid = m.unionid then 'unionid'
             when c.phone = m.phone then 'phone' else 'openid' end as matched_by) k
    where not exists (select from ods.crm_links l where l.crm_id = c.crm_id)
),
ranked as (
    select *, min(rank) over (partition by crm_id) as best_of_crm,
           min(rank) over (partition by member_id) as best_of_member
    from pair where is_free and rank < 9
),
best as (
    select *, count(*) over (partition by crm_id) as in_crm,
           count(*) over (partition by member_id) as in_members
    from ranked where rank = best_of_crm and rank = best_of_member
)
select crm_id, member_id, matched_by, now() as linked_at from best where in_crm = 1 and in_members = 1
union all
select c.crm_id, 'crm:' || c.crm_id, 'new', now()
from ods.crm_members c
where not exists (select from ods.crm_links l where l.crm_id = c.crm_id)
  and not exists (select from pair p where p.crm_id = c.crm_id and (p.rank < 9 or p.matched_by = 'phone'))
  and c.name is not null
