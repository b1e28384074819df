/* Missing indexes, proved by a real planner: a private PostgreSQL with hypopg, and what the advised
 * index really brings. */
#include "../db/pg_fixture.h"

#include "perf/diagnose.h"
#include "perf/planner.h"
#include "perf/server.h"
#include "perf/session.h"

static const char SCHEMA[] =
    "create extension hypopg;"
    "create table stores (id bigint primary key, name text not null);"
    "create table orders (id bigint primary key, store_id bigint not null references stores,"
    " created_at timestamptz not null, status text not null, note text not null);"
    "create table order_items (id bigint primary key, order_id bigint not null references orders,"
    " product_id bigint not null, qty int not null);"
    "create schema \"门店\";"
    "create table \"门店\".\"Big Table\" (id int primary key, \"Select\" int not null, \"编号\" "
    "int);"
    "create table events (at date not null, kind int not null, body text) partition by range (at);"
    "create table events_1 partition of events for values from ('2026-01-01') to ('2026-02-01');"
    "create table events_2 partition of events for values from ('2026-02-01') to ('2026-03-01');"
    "create view open_orders as select id, store_id as shop, created_at from orders where status = "
    "'open';"
    "insert into stores select i, 'store ' || i from generate_series(1, 200) i;"
    "insert into orders select i, 1 + i % 200, '2026-01-01'::timestamptz + i * interval '1 minute',"
    " case when i % 5 = 0 then 'open' else 'done' end, repeat('x', 60) from generate_series(1, "
    "40000) "
    "i;"
    "insert into order_items select i, 1 + i % 40000, i % 300, 1 from generate_series(1, 80000) i;"
    "insert into \"门店\".\"Big Table\" select i, i % 5000, i % 3 from generate_series(1, 30000) i;"
    "insert into events select '2026-01-01'::date + i % 59, i % 4000, 'body' from "
    "generate_series(1, "
    "40000) i;"
    "analyze;";

struct subject {
    struct arena *arena;
    struct perf_study study;
};

/* The database as it is, with these statements as the run's. */
static void look(struct subject *s, const char *const *texts, size_t n)
{
    struct error err = ERROR_INIT;
    struct db_conn *conn = NULL;
    *s = (struct subject){.arena = arena_new()};
    assert_db_ok(perf_session_open(pg_fixture_dsn, &conn, &err));
    assert_db_ok(perf_server_take(conn, s->arena, &s->study, &err));
    db_close(conn);
    struct perf_server *server = &s->study.server;
    server->statements = arena_array(s->arena, n, sizeof *server->statements);
    server->nstatements = n;
    for (size_t i = 0; i < n; i++)
        server->statements[i] =
            (struct perf_statement){.fingerprint = arena_printf(s->arena, "%016zx", i),
                                    .text = texts[i],
                                    .calls = 1000,
                                    .rows = 20000,
                                    .exec_ms = 50000 - (double)i};
    for (size_t i = 0; i < server->ntables; i++) /* what loading it wrote is not of the run */
        server->tables[i].inserted = server->tables[i].updated = server->tables[i].deleted = 0;
}

static void diagnose(struct subject *s)
{
    struct error err = ERROR_INIT;
    struct perf_diagnose_options options;
    perf_diagnose_options_default(&options);
    assert_db_ok(perf_diagnose(&s->study, pg_fixture_dsn, &options, s->arena, &err));
}

static const struct perf_finding *find(const struct subject *s, const char *id)
{
    for (size_t i = 0; i < s->study.nfindings; i++)
        if (strcmp(s->study.findings[i].id, id) == 0)
            return &s->study.findings[i];
    return NULL;
}

static size_t count(const struct subject *s, const char *kind)
{
    size_t n = 0;
    for (size_t i = 0; i < s->study.nfindings; i++)
        n += strcmp(s->study.findings[i].kind, kind) == 0;
    return n;
}

static void expect(const struct subject *s, const char *id, const char *apply)
{
    const struct perf_finding *f = find(s, id);
    for (size_t i = 0; f == NULL && i < s->study.nfindings; i++)
        print_message("found %s: %s\n", s->study.findings[i].id, s->study.findings[i].apply_sql);
    for (size_t i = 0; f == NULL && i < s->study.nmissing; i++)
        print_message("missing %s: %s\n", s->study.missing[i].what, s->study.missing[i].why_en);
    if (f == NULL)
        fail_msg("no finding '%s'", id);
    assert_string_equal(f->apply_sql, apply);
    assert_int_equal(f->proof, PERF_PROOF_PLANNER);
    assert_true(f->cost_after < f->cost_before / 2);
    assert_true(f->index_bytes > 100000);
    assert_non_null(f->undo_sql);
}

static void run_sql(const char *sql)
{
    struct error err = ERROR_INIT;
    struct db_conn *conn = pg_fixture_open();
    assert_db_ok(db_execute(conn, sql, DB_NO_PARAMS, NULL, &err));
    db_close(conn);
}

static int start(void **state)
{
    struct error err = ERROR_INIT;
    if (pg_fixture_start(state) != 0)
        return -1;
    struct db_conn *conn = pg_fixture_open();
    assert_db_ok(db_script(conn, SCHEMA, &err));
    db_close(conn);
    return 0;
}

#define LIST_OF(...)                                                                               \
    ((const char *const[]){__VA_ARGS__}),                                                          \
        (sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static double cost_now(const char *text, double rows)
{
    struct error err = ERROR_INIT;
    struct planner *p = NULL;
    struct sql_tree *tree = NULL;
    struct plan plan = {0};
    struct arena *arena = arena_new();
    assert_db_ok(planner_open(pg_fixture_dsn, &p, &err));
    assert_db_ok(sql_tree_read(text, NULL, arena, &tree, &err));
    assert_db_ok(planner_cost(p, tree, rows, &plan, &err));
    planner_close(p);
    arena_free(arena);
    return plan.cost;
}

/* The whole way: advised, created as advised, used, and as cheap as was promised. */
static void an_advised_index_keeps_its_promise(void **state)
{
    (void)state;
    static const char text[] = "select id, created_at from orders where store_id = $1 order by "
                               "created_at desc limit $2";
    struct subject s;
    look(&s, LIST_OF(text));
    diagnose(&s);
    expect(&s, "missing_index-orders-store_id_created_at",
           "CREATE INDEX CONCURRENTLY idx_orders_store_id_created_at ON public.orders (store_id, "
           "created_at DESC);");
    const struct perf_finding *f = find(&s, "missing_index-orders-store_id_created_at");
    assert_string_equal(f->undo_sql,
                        "DROP INDEX CONCURRENTLY public.idx_orders_store_id_created_at;");
    assert_string_equal(f->sql, text);
    run_sql(f->apply_sql);
    double real = cost_now(text, 20);
    print_message("planner cost %.0f, promised %.2f, with the real index %.2f (%.0f %% off)\n",
                  f->cost_before, f->cost_after, real,
                  100 * (real - f->cost_after) / f->cost_after);
    assert_true(real < f->cost_after * 1.25 && real > f->cost_after * 0.6);
    char *used = NULL;
    struct error err = ERROR_INIT;
    struct db_conn *conn = pg_fixture_open();
    assert_db_ok(db_query_text(conn,
                               "explain (format json) select id, created_at from orders where "
                               "store_id = 7 order by created_at desc limit 20",
                               DB_NO_PARAMS, &used, &err));
    assert_non_null(strstr(used, "idx_orders_store_id_created_at"));
    free(used);
    db_close(conn);
    const char *undo = f->undo_sql;
    /* With it, there is nothing left to say. */
    struct subject again;
    look(&again, LIST_OF(text));
    diagnose(&again);
    assert_int_equal(count(&again, "missing_index"), 0);
    arena_free(again.arena);
    run_sql(undo);
    arena_free(s.arena);
}

static void one_index_serves_two_statements(void **state)
{
    (void)state;
    struct subject s;
    look(&s, LIST_OF("select count(*) from orders where store_id = $1",
                     "select * from orders where store_id = $1 and created_at > $2 and created_at "
                     "< $3"));
    diagnose(&s);
    expect(&s, "missing_index-orders-store_id_created_at",
           "CREATE INDEX CONCURRENTLY idx_orders_store_id_created_at ON public.orders (store_id, "
           "created_at);");
    assert_int_equal(count(&s, "missing_index"), 1);
    arena_free(s.arena);
}

static void joins_views_partitions_and_quoted_names(void **state)
{
    (void)state;
    struct subject s;
    look(&s,
         LIST_OF("select i.qty from order_items i join orders o on o.id = i.order_id where o.id "
                 "= $1",
                 "select created_at from open_orders where shop = $1",
                 "select body from events where kind = $1",
                 "select * from \"Big Table\" where \"Select\" = $1"));
    diagnose(&s);
    expect(&s, "missing_index-order_items-order_id",
           "CREATE INDEX CONCURRENTLY idx_order_items_order_id ON public.order_items (order_id);");
    expect(&s, "missing_index-orders-store_id_status", /* the view compares the status */
           "CREATE INDEX CONCURRENTLY idx_orders_store_id_status ON public.orders (store_id, "
           "status);");
    expect(&s, "missing_index-门店-Big-Table-Select",
           "CREATE INDEX CONCURRENTLY \"idx_Big Table_Select\" ON \"门店\".\"Big Table\" "
           "(\"Select\");");
    const struct perf_finding *f = find(&s, "missing_index-events-kind");
    assert_non_null(f);
    assert_non_null(
        strstr(f->apply_sql, "CREATE INDEX idx_events_kind ON ONLY public.events (kind);"));
    assert_non_null(strstr(f->apply_sql, "ON public.events_2 (kind);\nALTER INDEX"));
    assert_int_equal(count(&s, "missing_index"), 4);
    struct error err = ERROR_INIT;
    struct db_conn *conn = pg_fixture_open();
    /* Its DDL is complete: run piece by piece, it ends in a valid index. */
    char *script = mem_strdup(f->apply_sql);
    for (char *line = strtok(script, "\n"); line != NULL; line = strtok(NULL, "\n"))
        assert_db_ok(db_execute(conn, line, DB_NO_PARAMS, NULL, &err));
    int64_t valid = 0;
    assert_db_ok(db_query_int(conn,
                              "select count(*) from pg_index where indexrelid = "
                              "'idx_events_kind'::regclass and indisvalid",
                              DB_NO_PARAMS, &valid, &err));
    assert_int_equal(valid, 1);
    assert_db_ok(db_execute(conn, f->undo_sql, DB_NO_PARAMS, NULL, &err));
    free(script);
    db_close(conn);
    arena_free(s.arena);
}

static void healthy_statements_need_nothing(void **state)
{
    (void)state;
    struct subject s;
    look(&s, LIST_OF("select * from orders where id = $1", "select * from orders",
                     "select count(*) from orders", "select * from stores where name = $1",
                     "insert into orders values ($1, $2, $3, $4, $5)",
                     "update orders set status = $1 where id = $2", "begin",
                     "select status, count(*) from orders group by status"));
    diagnose(&s);
    assert_int_equal(count(&s, "missing_index"), 0);
    assert_int_equal(s.study.nmissing,
                     1); /* no pg_stat_statements here, as perf_server_take says */
    arena_free(s.arena);
}

static void writes_outweigh_a_small_gain(void **state)
{
    (void)state;
    struct subject s;
    look(&s, LIST_OF("select count(*) from orders where store_id = $1"));
    s.study.server.statements[0].calls = 1;
    diagnose(&s);
    assert_int_equal(count(&s, "missing_index"), 1);
    for (size_t i = 0; i < s.study.server.ntables; i++)
        s.study.server.tables[i].inserted = 1e6;
    diagnose(&s);
    assert_int_equal(count(&s, "missing_index"), 0);
    arena_free(s.arena);
}

static const char *missing_of(const struct subject *s, const char *what)
{
    for (size_t i = 0; i < s->study.nmissing; i++)
        if (strstr(s->study.missing[i].what, what) != NULL)
            return s->study.missing[i].why_en;
    return "";
}

static void what_cannot_be_prepared_is_told(void **state)
{
    (void)state;
    struct subject s;
    look(&s, LIST_OF("select * from orders where created_at > now() - interval $1",
                     "select * from gone where a = $1", "select * from orders where store_id = $1",
                     "select 1; drop table orders"));
    s.study.server.statements[2].truncated = true;
    diagnose(&s);
    assert_non_null(strstr(missing_of(&s, "0000000000000000"), "syntax error"));
    assert_non_null(strstr(missing_of(&s, "0000000000000001"), "does not exist"));
    assert_non_null(strstr(missing_of(&s, "0000000000000002"), "only the begin"));
    /* Not proved, but guessed, and marked so. */
    const struct perf_finding *f = find(&s, "missing_index-orders-store_id");
    assert_non_null(f);
    assert_int_equal(f->proof, PERF_PROOF_NONE);
    assert_non_null(strstr(f->unproved, "only the begin"));
    arena_free(s.arena);
}

static void without_hypopg_it_guesses_and_says_so(void **state)
{
    (void)state;
    struct subject s;
    run_sql("drop extension hypopg");
    look(&s, LIST_OF("select * from orders where store_id = $1"));
    diagnose(&s);
    run_sql("create extension hypopg");
    const struct perf_finding *f = find(&s, "missing_index-orders-store_id");
    assert_non_null(f);
    assert_int_equal(f->proof, PERF_PROOF_SUSPECTED);
    assert_non_null(strstr(f->unproved, "a superuser runs CREATE EXTENSION hypopg once"));
    assert_non_null(strstr(missing_of(&s, "hypothetical"), "hypopg"));
    arena_free(s.arena);
}

/* The session cannot write, whatever it is told. */
static void the_session_only_reads(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct planner *p = NULL;
    assert_db_ok(planner_open(pg_fixture_dsn, &p, &err));
    struct db_conn *conn = planner_connection(p);
    assert_int_not_equal(db_execute(conn, "create table t (a int)", DB_NO_PARAMS, NULL, &err), 0);
    assert_string_equal(err.sqlstate, "25006");
    char *value = NULL;
    assert_db_ok(db_query_text(conn, "show statement_timeout", DB_NO_PARAMS, &value, &err));
    assert_string_equal(value, "5s");
    free(value);
    assert_db_ok(db_query_text(conn, "show lock_timeout", DB_NO_PARAMS, &value, &err));
    assert_string_equal(value, "100ms");
    free(value);
    planner_close(p);
}

static void a_sequence_that_runs_out_is_found(void **state)
{
    (void)state;
    struct subject s;
    run_sql("create table tight (id serial primary key)");
    run_sql("select setval('tight_id_seq', 2000000000)");
    look(&s, LIST_OF("select 1"));
    diagnose(&s);
    run_sql("drop table tight");
    const struct perf_finding *f = find(&s, "sequence-public-tight_id_seq");
    assert_non_null(f);
    assert_int_equal(f->severity, PERF_HIGH);
    assert_int_equal(count(&s, "sequence"), 1);
    arena_free(s.arena);
}

static void an_unreachable_database_is_told(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct subject s;
    struct perf_diagnose_options options;
    perf_diagnose_options_default(&options);
    look(&s, LIST_OF("select * from orders where store_id = $1"));
    assert_db_ok(perf_diagnose(&s.study, "host=/nowhere", &options, s.arena, &err));
    assert_non_null(strstr(missing_of(&s, "hypothetical"), "the database:"));
    assert_int_equal(count(&s, "missing_index"), 1);
    arena_free(s.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_advised_index_keeps_its_promise),
        cmocka_unit_test(one_index_serves_two_statements),
        cmocka_unit_test(joins_views_partitions_and_quoted_names),
        cmocka_unit_test(healthy_statements_need_nothing),
        cmocka_unit_test(writes_outweigh_a_small_gain),
        cmocka_unit_test(what_cannot_be_prepared_is_told),
        cmocka_unit_test(without_hypopg_it_guesses_and_says_so),
        cmocka_unit_test(the_session_only_reads),
        cmocka_unit_test(a_sequence_that_runs_out_is_found),
        cmocka_unit_test(an_unreachable_database_is_told),
    };
    return cmocka_run_group_tests(tests, start, pg_fixture_stop);
}
