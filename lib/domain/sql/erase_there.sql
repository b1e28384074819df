SELECT to_regclass('ods.crm_links') IS NOT NULL AND to_regclass('ods.crm_members') IS NOT NULL,
       to_regclass('diner.intent') IS NOT NULL
