-- Members of both sides for the tests of crm_members; rolled back.
create schema if not exists ods;
create table if not exists ods.members (
    member_id text, name text, phone text, unionid text, openid text, appid text, level text, points bigint, updated_at timestamptz);
create table if not exists ods.crm_members (
    crm_id text, code text, name text, phone text, unionid text, openid text, appid text, level text, points bigint,
    updated_at timestamptz, phone_id bigint, points_id bigint, level_id bigint);
create table if not exists ods.crm_links (crm_id text, member_id text, matched_by text, linked_at timestamptz);
delete from ods.members;
delete from ods.crm_members;
delete from ods.crm_links;
insert into ods.members (member_id, name, phone, unionid, points, updated_at)
values ('M1', 'our name', '13800000001', 'u1', 10, '2026-11-02T00:00:00Z'),
       ('M2', 'by phone', '13800000002', null, 20, '2026-11-01T00:00:00Z'),
       ('M3', 'a family', '13800000003', 'u3', 30, '2026-11-01T00:00:00Z');
insert into ods.crm_members (crm_id, code, name, phone, unionid, points, updated_at)
values ('1', null, 'their name', null, 'u1', 99, '2026-11-01T00:00:00Z'),
       ('2', null, 'by phone', '13800000002', null, 5, '2026-11-01T00:00:00Z'),
       ('3', null, 'the other one', '13800000003', 'u4', 5, '2026-11-01T00:00:00Z'),
       ('4', null, 'nobody of ours', '13800000004', null, 7, '2026-11-01T00:00:00Z');
