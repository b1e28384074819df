-- Stores, the 20 materials of the ERP's stock list under its codes, and the dishes sold.
INSERT INTO app.stores (code, name, created_at, updated_at)
SELECT 'S' || lpad(n::text, 3, '0'),
       coalesce((ARRAY['人民广场店', '徐家汇店', '陆家嘴店', '静安寺店', '五角场店', '中山公园店',
                       '虹桥天地店', '新天地店', '南京西路店', '莘庄店', '张江店', '世纪公园店'])[n],
                '上海第' || n || '店'),
       as_of - interval '400 days', as_of - interval '400 days'
FROM seed_input, generate_series(1, stores) AS n
ON CONFLICT DO NOTHING;

INSERT INTO app.products (sku, name, material_code, unit, price, category, created_at, updated_at)
SELECT p.sku, p.name, p.material_code, p.unit, p.price, p.category,
       as_of - interval '400 days', as_of - interval '400 days'
FROM seed_input, (VALUES
    ('P1001', '盐焗鸡', '01.010.1001', '只', 38.50, '熟食'),
    ('P1002', '金华火腿', '02.011.1002', '袋', 86.00, '原料'),
    ('P1003', '大米,东北长粒香', '03.012.1003', '袋', 128.00, '原料'),
    ('P1004', '生抽 "金标"', '04.013.1004', '瓶', 23.80, '调料'),
    ('P1005', '牛腩', '01.014.1005', '斤', 42.00, '原料'),
    ('P1006', '馄饨皮', '02.015.1006', '箱', 31.00, '原料'),
    ('P1007', '鲜鸡蛋', '03.016.1007', '箱', 215.00, '原料'),
    ('P1008', '喆记豆腐', '04.017.1008', '盒', 4.50, '原料'),
    ('P1009', '青菜', '01.018.1009', '斤', 2.80, '原料'),
    ('P1010', '花生油', '02.019.1010', '桶', 398.00, '原料'),
    ('P1011', '淀粉', '03.020.1011', '袋', 96.00, '原料'),
    ('P1012', '虾仁(去线)', '04.021.1012', '包', 58.00, '原料'),
    ('P1013', '可乐 330ml', '01.022.1013', '箱', 46.00, '饮品'),
    ('P1014', '珍珠奶茶粉', '02.023.1014', '袋', 27.00, '原料'),
    ('P1015', '餐巾纸', '03.024.1015', '箱', 72.00, '物料'),
    ('P1016', '牛肉面汤底', '04.025.1016', '桶', 110.00, '原料'),
    ('P1017', '香菜', '01.026.1017', '斤', 9.90, '原料'),
    ('P1018', '辣椒油', '02.027.1018', '桶', 88.00, '调料'),
    ('P1019', '面粉', '03.028.1019', '袋', 92.00, '原料'),
    ('P1020', '镕盛酱油', '04.029.1020', '瓶', 15.60, '调料'),
    ('P2001', '招牌牛肉面', NULL, '碗', 32.00, '主食'),
    ('P2002', '扬州炒饭', NULL, '份', 26.00, '主食'),
    ('P2003', '鲜虾馄饨', NULL, '碗', 28.00, '主食'),
    ('P2004', '红烧肉', NULL, '份', 58.00, '热菜'),
    ('P2005', '宫保鸡丁', NULL, '份', 42.00, '热菜'),
    ('P2006', '麻婆豆腐', NULL, '份', 26.00, '热菜'),
    ('P2007', '番茄炒蛋', NULL, '份', 24.00, '热菜'),
    ('P2008', '清炒时蔬', NULL, '份', 22.00, '热菜'),
    ('P2009', '珍珠奶茶', NULL, '杯', 15.00, '饮品'),
    ('P2010', '冰豆浆', NULL, '杯', 8.00, '饮品'),
    ('P2011', '酸梅汤', NULL, '杯', 12.00, '饮品'),
    ('P2012', '小笼包', NULL, '笼', 25.00, '点心'),
    ('P2013', '生煎馒头', NULL, '份', 18.00, '点心'),
    ('P2014', '葱油拌面', NULL, '碗', 18.00, '主食'),
    ('P2015', '糖醋排骨', NULL, '份', 56.00, '热菜'),
    ('P2016', '清蒸鲈鱼', NULL, '份', 78.00, '热菜'),
    ('P2017', '水煮牛肉', NULL, '份', 68.00, '热菜'),
    ('P2018', '拍黄瓜', NULL, '份', 16.00, '凉菜'),
    ('P2019', '口水鸡', NULL, '份', 36.00, '凉菜'),
    ('P2020', '酸辣汤', NULL, '碗', 18.00, '汤'),
    ('P2021', '西湖牛肉羹', NULL, '碗', 28.00, '汤'),
    ('P2022', '白米饭', NULL, '碗', 3.00, '主食'),
    ('P2023', '蟹粉豆腐', NULL, '份', 66.00, '热菜'),
    ('P2024', '桂花糖藕', NULL, '份', 22.00, '凉菜')
) AS p (sku, name, material_code, unit, price, category)
ON CONFLICT DO NOTHING;

-- What guests order, the best sellers first; three of them are stocked under an ERP code.
CREATE TEMP TABLE seed_menu ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY array_position(m.skus, p.sku)) - 1 AS rank,
       p.id AS product_id, p.sku, p.name, p.price
FROM app.products p, (SELECT ARRAY[
    'P2022', 'P2001', 'P2012', 'P2009', 'P2008', 'P2003', 'P2014', 'P2005', 'P2007', 'P2013',
    'P2006', 'P2010', 'P2004', 'P2002', 'P2018', 'P2020', 'P2011', 'P2015', 'P1001', 'P2019',
    'P2017', 'P2024', 'P2016', 'P2021', 'P2023', 'P1008', 'P1013'] AS skus) m
WHERE p.sku = ANY (m.skus);
CREATE TEMP TABLE seed_store ON COMMIT DROP AS
SELECT s.id AS store_id, s.code, n
FROM seed_input, generate_series(1, stores) AS n
JOIN app.stores s ON s.code = 'S' || lpad(n::text, 3, '0');
CREATE TEMP TABLE seed_refund (order_id bigint, amount numeric(12,2), reason text, at timestamptz)
ON COMMIT DROP;
