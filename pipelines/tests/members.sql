-- Members of the platform and of ours for the tests of members_pull and members_push; rolled back.
create schema if not exists ods;
create table if not exists ods.members (
    member_id text, name text, phone text, unionid text, openid text, appid text, level text, points bigint, updated_at timestamptz);
create table if not exists ods.platform_members (
    member_id text, name text, phone text, unionid text, openid text, appid text, level text, points bigint,
    status text, version int, updated_at timestamptz);
create table if not exists ods.crm_links (crm_id text, member_id text, matched_by text, linked_at timestamptz);
delete from ods.members;
delete from ods.platform_members;
delete from ods.crm_links;
insert into ods.platform_members (member_id, name, phone, points, status, version, updated_at)
values ('M1', 'as it was', '13800000001', 10, 'active', 4, '2026-11-01T00:00:00Z'),
       ('M2', 'merged', '13800000002', 0, 'merged', 2, '2026-11-01T00:00:00Z'),
       ('M7', 'came from the CRM', '13800000007', 0, 'active', 1, '2026-11-01T00:00:00Z');
insert into ods.members (member_id, name, phone, points, updated_at)
values ('M1', 'changed', null, 99, '2026-11-02T00:00:00Z'),
       ('M2', 'changed too', '13800000002', 0, '2026-11-02T00:00:00Z'),
       ('M7', 'came from the CRM', '13800000007', 0, '2026-11-01T00:00:00Z'),
       ('crm:7', 'came from the CRM', '13800000007', null, '2026-11-01T00:00:00Z'),
       ('crm:8', 'is new', '13800000008', null, '2026-11-01T00:00:00Z');
insert into ods.crm_links (crm_id, member_id, matched_by)
values ('7', 'crm:7', 'new'), ('8', 'crm:8', 'new');
