-- Who came from the CRM (crm:ID) and is a member of the platform by now, by the same keys: the link
-- goes to the member's number, unless another record of the CRM has it.
select l.crm_id, p.member_id, l.matched_by, l.linked_at
from ods.crm_links l
join ods.members m using (member_id)
cross join lateral (
    select p.member_id
    from ods.platform_members p
    where p.unionid = m.unionid or p.phone = m.phone or (p.openid = m.openid and p.appid = m.appid)
    order by (p.unionid = m.unionid) desc nulls last, (p.phone = m.phone) desc nulls last, p.member_id
    limit 1) p
where l.member_id like 'crm:%'
  and not exists (select from ods.crm_links o where o.member_id = p.member_id)
