/* What the rules read off a statement: perf/sqltree.h. */
#include "study_fixture.h"

#include "core/strbuf.h"
#include <stdio.h>
#include <string.h>

static void add_column(struct strbuf *out, const struct sql_tree *t, struct sql_column c)
{
    if (c.relation == SQL_NONE)
        strbuf_adds(out, "?");
    else
        strbuf_addf(out, "%s.%s", t->relations[c.relation].name, c.name);
}

/* "select orders | orders.store_id= orders.created_at< | join a=b | sort orders.id- | limit" */
static void describe(const struct sql_tree *t, struct strbuf *out)
{
    static const char *const kinds[] = {"select", "insert",      "update", "delete",
                                        "merge",  "transaction", "utility"};
    static const char *const marks[] = {"=", " in", "<", " like", " null", " other"};
    strbuf_adds(out, kinds[t->kind]);
    for (size_t i = 0; i < t->nrelations; i++)
        strbuf_addf(out, " %s%s", t->relations[i].name, t->relations[i].written ? "!" : "");
    for (size_t i = 0; i < t->npredicates; i++) {
        const struct sql_predicate *p = &t->predicates[i];
        strbuf_adds(out, " | ");
        add_column(out, t, p->column);
        strbuf_addf(out, "%s%s%s", marks[p->how], p->alternative ? " or" : "", p->join ? " j" : "");
    }
    for (size_t i = 0; i < t->njoins; i++) {
        strbuf_adds(out, " | join ");
        add_column(out, t, t->joins[i].a);
        strbuf_addch(out, '=');
        add_column(out, t, t->joins[i].b);
    }
    for (size_t i = 0; i < t->nsorts; i++) {
        strbuf_adds(out, t->sorts[i].group ? " | group " : " | sort ");
        add_column(out, t, t->sorts[i].column);
        strbuf_adds(out, t->sorts[i].descending ? " desc" : "");
    }
    const struct sql_block *b = &t->blocks[0];
    strbuf_addf(out, "%s%s%s%s%s%s%s", b->limit ? " | limit" : "", b->offset ? " | offset" : "",
                b->one_row ? " | one row" : "", b->bounded_input ? " | bounded" : "",
                b->star ? " | star" : "", b->set_operation ? " | union" : "",
                b->locking ? " | locking" : "");
}

static void check(const struct sql_catalog *catalog, const char *text, const char *expected)
{
    struct arena *arena = arena_new();
    struct error err = ERROR_INIT;
    struct sql_tree *t = NULL;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 4096);
    if (sql_tree_read(text, catalog, arena, &t, &err) != 0)
        fail_msg("%s: %s", text, err.message);
    describe(t, &out);
    if (strcmp(out.data, expected) != 0)
        fail_msg("%s\n  is       %s\n  expected %s", text, out.data, expected);
    arena_free(arena);
}

static void reads_real_statements(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"SELECT * FROM orders WHERE store_id = $1 AND created_at >= $2 ORDER BY created_at DESC "
         "LIMIT $3 OFFSET $4",
         "select orders | orders.store_id= | orders.created_at< | sort orders.created_at desc"
         " | limit | offset | star"},
        {"select o.id, count(*) from orders o join order_items i on i.order_id = o.id where "
         "o.status in ($1, $2) and i.qty between $3 and $4 group by o.id",
         "select orders order_items | order_items.order_id= j | orders.id= j | orders.status in"
         " | order_items.qty< | join order_items.order_id=orders.id | group orders.id"},
        {"select count(*), max(created_at) from orders where status = '已支付'",
         "select orders | orders.status= | one row"},
        {"select coalesce(sum(qty), 0)::int from order_items", "select order_items | one row"},
        {"select id from orders where id = any($1) or order_no like $2",
         "select orders | orders.id in or | orders.order_no like or"},
        {"select id from orders where not (status = $1)", "select orders | orders.status= or"},
        {"select id from orders where lower(status) = $1 and created_at::date = $2 and "
         "order_no::text = $3",
         "select orders | orders.status other | orders.created_at other | orders.order_no="},
        {"select id from orders where (created_at, id) < ($1, $2) order by 1",
         "select orders | orders.created_at< | orders.id< | sort orders.id"},
        {"with recent as (select id, store_id as s from orders where created_at > $1 limit 10) "
         "select r.id from recent r join stores on stores.id = r.s where r.id > $2",
         "select orders stores | orders.created_at< | stores.id= j | orders.store_id= j"
         " | orders.id< | join stores.id=orders.store_id | bounded"},
        {"with recursive up as (select id from orders where id = $1 union all select o.id from "
         "orders o join up on up.id = o.store_id) select * from up",
         "select orders orders | orders.id= | orders.store_id= j | star"},
        {"select * from (select store_id as shop, status from orders) s(a, b) where a = $1 and b "
         "<> $2",
         "select orders | orders.store_id= | orders.status other | star"},
        {"select s.name, l.id from stores s, lateral (select id from orders o where o.store_id = "
         "s.id order by o.created_at desc limit 1) l",
         "select stores orders | orders.store_id= j | stores.id= j"
         " | join orders.store_id=stores.id | sort orders.created_at desc | bounded"},
        {"select name from stores where exists (select 1 from orders where store_id = stores.id "
         "and status is null) and id in (select store_id from orders)",
         "select stores orders orders | orders.store_id= j | stores.id= j | orders.status null"
         " | stores.id= j | join orders.store_id=stores.id | join stores.id=orders.store_id"},
        {"select \"Name\" from \"门店\" where \"编号\" = $1 and \"Name\" = '上海''店'",
         "select 门店 | 门店.编号= | 门店.Name="},
        {"select shop from open_orders where shop = $1 order by created_at",
         "select orders | orders.status= | orders.store_id= | sort orders.created_at"},
        {"select id from orders union select id from stores limit 3",
         "select orders stores | limit | union"},
        {"select * from orders join stores using (id)",
         "select orders stores | join orders.id=stores.id | star"},
        {"select distinct on (store_id) store_id, id from orders order by store_id, id desc",
         "select orders | sort orders.store_id | sort orders.id desc | group orders.store_id"},
        {"select exists (select 1 from orders where id = $1)",
         "select orders | orders.id= | one row"},
        {"select id from orders where status = $1 limit 10 for update skip locked",
         "select orders | orders.status= | limit | locking"},
        {"select row_number() over (order by id) from orders", "select orders"},
        {"insert into orders (id, status) values ($1, $2), ($3, $4) returning id",
         "insert orders!"},
        {"insert into orders select * from stores s where s.id = $1",
         "insert orders! stores | stores.id="},
        {"update orders o set status = $1 from stores s where s.id = o.store_id and s.name = $2",
         "update orders! stores | stores.id= j | orders.store_id= j | stores.name="
         " | join stores.id=orders.store_id"},
        {"delete from order_items where order_id = $1",
         "delete order_items! | order_items.order_id="},
        {"with gone as (delete from orders where id = $1 returning store_id) select * from gone",
         "select orders! | orders.id= | star"},
        {"merge into orders o using stores s on o.store_id = s.id when matched then delete",
         "merge orders! stores | orders.store_id= j | stores.id= j"
         " | join orders.store_id=stores.id"},
        {"select * from pg_catalog.generate_series(1, 10) g where g = 3", "select | star"},
        {"values (1), (2)", "select"},
        {"begin", "transaction"},
        {"vacuum orders", "utility"},
        {"", "utility"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&fixture_catalog, cases[i].text, cases[i].expected);
}

static void without_a_catalog_only_what_is_certain(void **state)
{
    (void)state;
    check(NULL, "select a from t where b = $1", "select t | t.b=");
    check(NULL, "select a from t, u where b = $1 and u.c = $2", "select t u | u.c=");
}

static struct sql_tree *read_tree(struct arena *arena, const char *text)
{
    struct error err = ERROR_INIT;
    struct sql_tree *t = NULL;
    assert_int_equal(sql_tree_read(text, &fixture_catalog, arena, &t, &err), 0);
    return t;
}

static void a_key_given_is_one_row(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct sql_tree *t = read_tree(arena, "select * from orders where id = $1 and store_id = $2");
    assert_true(sql_equals_all(t, 0, "id"));
    assert_true(sql_equals_all(t, 0, "store_id, id"));
    assert_false(sql_equals_all(t, 0, "id, status"));
    assert_false(sql_equals_all(t, 0, ""));
    t = read_tree(arena, "select * from orders where id = $1 or store_id = $2");
    assert_false(sql_equals_all(t, 0, "id"));
    t = read_tree(arena, "select * from orders where id > $1");
    assert_false(sql_equals_all(t, 0, "id"));
    t = read_tree(arena, "select * from stores join orders on orders.id = stores.id");
    assert_false(sql_equals_all(t, 0, "id"));
    arena_free(arena);
}

static void keeps_what_a_rewrite_needs(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const char *text = "select * from orders where '门店' <> '' and id = $12";
    struct sql_tree *t = read_tree(arena, text);
    assert_int_equal(t->parameters, 12);
    assert_int_equal(t->statements, 1);
    assert_string_equal(text + t->predicates[0].parameter_at, "$12");
    t = read_tree(arena, "insert into orders (id, status) values ($1, $2), ($3, $4) returning id");
    assert_int_equal(t->value_rows, 2);
    assert_int_equal(t->nset, 2);
    assert_string_equal(t->set[1], "status");
    assert_true(t->returning);
    t = read_tree(arena, "select 1; select 2");
    assert_int_equal(t->statements, 2);
    arena_free(arena);
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    strbuf_adds(&text, "select 1 from orders where id = 1");
    for (int i = 0; i < 300; i++)
        strbuf_addf(&text, " and id = %d", i);
    struct sql_tree *t = read_tree(arena, text.data);
    assert_int_equal(t->npredicates, SQL_PREDICATES_MAX);
    assert_true(t->partial);
    strbuf_clear(&text);
    for (int i = 0; i < 80; i++)
        strbuf_adds(&text, "select * from (");
    strbuf_adds(&text, "select 1");
    for (int i = 0; i < 80; i++)
        strbuf_addf(&text, ") s%d", i);
    t = read_tree(arena, text.data);
    assert_true(t->partial);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_real_statements),
        cmocka_unit_test(without_a_catalog_only_what_is_certain),
        cmocka_unit_test(a_key_given_is_one_row),
        cmocka_unit_test(keeps_what_a_rewrite_needs),
        cmocka_unit_test(sizes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
