-- CRM records that are nobody's, and why; phones and names masked.
select c.crm_id, left(c.name, 1) || '**' as name,
       case when c.phone like '0%' then left(c.phone, 4) || repeat('*', greatest(length(c.phone) - 6, 1)) || right(c.phone, 2) else left(c.phone, 3) || '****' || right(c.phone, 4) end as phone,
       coalesce(string_agg(m.member_id, ' ' order by m.member_id), '') as shares_a_key_with
from ods.crm_members c
left join ods.members m on c.code = m.member_id or c.unionid = m.unionid or c.phone = m.phone
                        or (c.openid = m.openid and c.appid = m.appid)
where not exists (select from ods.crm_links l where l.crm_id = c.crm_id)
group by c.crm_id, c.name, c.phone
