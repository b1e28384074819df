/* The rules of the diagnosis over hand-made studies: each fires on its fault, and is silent on the
 * healthy twin. No database. */
#include "study_fixture.h"

#include "perf/diagnose.h"
#include "perf/index_health.h"
#include "perf/n_plus_one.h"
#include "perf/sqltext.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENTS_MAX 8

struct subject {
    struct arena *arena;
    struct perf_study study;
    struct perf_statement statements[STATEMENTS_MAX];
    struct perf_table tables[FIXTURE_TABLES];
    struct perf_index indexes[16];
    struct perf_endpoint endpoint;
    struct perf_result result;
    struct perf_use uses[STATEMENTS_MAX];
    struct perf_slope slopes[STATEMENTS_MAX];
    struct perf_wait waits[4];
    struct perf_step steps[6];
};

static void add_index(struct subject *s, const char *table, const char *name, const char *keys,
                      bool unique)
{
    s->indexes[s->study.server.nindexes++] = (struct perf_index){
        .schema = "public",
        .table = table,
        .name = name,
        .method = "btree",
        .keys = keys,
        .definition = arena_printf(s->arena, "CREATE %sINDEX %s ON public.%s USING btree (x)",
                                   unique ? "UNIQUE " : "", name, table),
        .unique = unique,
        .primary = unique,
        .valid = true,
        .bytes = 5e7,
        .scans_total = 1e6};
}

/* One endpoint, 20 ms, at an idle and healthy server. */
static struct subject *begin(void)
{
    struct subject *s = mem_alloc(sizeof *s);
    s->arena = arena_new();
    memcpy(s->tables, fixture_tables, sizeof s->tables);
    for (size_t i = 0; i < FIXTURE_TABLES; i++)
        s->tables[i].bytes = s->tables[i].rows * 80;
    s->study.server = (struct perf_server){.version = "15.20",
                                           .version_number = 150020,
                                           .has_statements = true,
                                           .stats_age_s = 30 * 86400,
                                           .max_connections = 100,
                                           .reserved_connections = 3,
                                           .blocks_hit = 1e6,
                                           .statements = s->statements,
                                           .tables = s->tables,
                                           .ntables = FIXTURE_TABLES,
                                           .indexes = s->indexes,
                                           .waits = s->waits,
                                           .sessions = {.active = 3, .total = 10}};
    add_index(s, "stores", "stores_pkey", "id int8_ops", true);
    add_index(s, "orders", "orders_pkey", "id int8_ops", true);
    add_index(s, "order_items", "order_items_pkey", "id int8_ops", true);
    add_index(s, "orders", "orders_store_id_created_at",
              "store_id int8_ops, created_at timestamptz_ops DESC", false);
    add_index(s, "order_items", "order_items_order_id", "order_id int8_ops", false);
    perf_result_init(&s->result, s->arena, "diner");
    s->result.mean = perf_measured(20);
    s->result.service[PERF_P50] = perf_measured(18);
    s->endpoint = (struct perf_endpoint){.name = "GET /orders",
                                         .method = "GET",
                                         .path = "/orders",
                                         .result = &s->result,
                                         .attributed = true,
                                         .body_bytes = 4096,
                                         .database_ms = 12,
                                         .uses = s->uses,
                                         .slopes = s->slopes};
    s->study.endpoints = &s->endpoint;
    s->study.nendpoints = 1;
    s->study.steps = s->steps;
    return s;
}

static void end(struct subject *s)
{
    perf_result_release(&s->result);
    arena_free(s->arena);
    free(s);
}

/* A statement of the endpoint: per request so many calls, rows and ms; 1,000 requests. */
static size_t use(struct subject *s, const char *text, double calls, double rows, double ms)
{
    size_t i = s->study.server.nstatements++;
    s->statements[i] = (struct perf_statement){.fingerprint = arena_printf(s->arena, "%016zx", i),
                                               .text = text,
                                               .calls = calls * 1000,
                                               .rows = rows * 1000,
                                               .exec_ms = ms * 1000};
    s->uses[s->endpoint.nuses++] = (struct perf_use){
        .statement = i, .calls = calls, .rows = rows, .exec_ms = ms, .blocks = 10};
    return i;
}

static void slope(struct subject *s, size_t statement, double per_row, double at_zero, double rows)
{
    static const double sizes[] = {2, 5, 10};
    struct perf_slope *x = &s->slopes[s->endpoint.nslopes++];
    *x = (struct perf_slope){
        .statement = statement, .points = 3, .slope = per_row, .intercept = at_zero, .r2 = 1};
    for (size_t i = 0; i < 3; i++) {
        x->size[i] = sizes[i];
        x->calls[i] = at_zero + per_row * sizes[i];
        x->rows[i] = rows > 0 ? rows : x->calls[i];
    }
}

static void diagnose(struct subject *s)
{
    struct error err = ERROR_INIT;
    struct perf_diagnose_options options;
    perf_diagnose_options_default(&options);
    if (perf_diagnose(&s->study, NULL, &options, s->arena, &err) != 0)
        fail_msg("%s", err.message);
}

static const struct perf_finding *find(const struct subject *s, const char *kind)
{
    for (size_t i = 0; i < s->study.nfindings; i++)
        if (strcmp(s->study.findings[i].kind, kind) == 0)
            return &s->study.findings[i];
    return NULL;
}

/* What a reader needs is there, in both languages. */
static const struct perf_finding *expect(const struct subject *s, const char *kind)
{
    const struct perf_finding *f = find(s, kind);
    if (f == NULL)
        fail_msg("no %s", kind);
    assert_true(f->title_en != NULL && f->title_zh != NULL && f->cause_en != NULL &&
                f->cause_zh != NULL && f->cure_en != NULL && f->cure_zh != NULL);
    assert_true(f->nevidence > 0);
    assert_true(f->proof == PERF_PROOF_CONFIRMED || f->proof == PERF_PROOF_PLANNER ||
                f->unproved != NULL);
    return f;
}

static void expect_nothing(const struct subject *s)
{
    for (size_t i = 0; i < s->study.nfindings; i++)
        print_message("found %s\n", s->study.findings[i].id);
    assert_int_equal(s->study.nfindings, 0);
}

static const char LIST[] = "select id, created_at from orders where store_id = $1 order by "
                           "created_at desc limit $2";
static const char LINES[] = "select * from order_items where order_id = $1";

/* ---- repeated statements --------------------------------------------------------------------- */

static void n_plus_one_is_confirmed_by_its_slope(void **state)
{
    (void)state;
    struct subject *s = begin();
    use(s, LIST, 1, 20, 1);
    size_t items = use(s, LINES, 20, 80, 6);
    slope(s, items, 1, 0, 0);
    diagnose(s);
    const struct perf_finding *f = expect(s, "n_plus_one");
    assert_int_equal(s->study.nfindings, 1);
    assert_int_equal(f->proof, PERF_PROOF_CONFIRMED);
    assert_int_equal(f->severity, PERF_MEDIUM); /* 5.7 of 20 ms */
    assert_string_equal(f->id, "n_plus_one-GET--orders-order_items-0000000000000001");
    assert_string_equal(f->rewrite,
                        "-- once for the whole list; order_id tells which row belongs to whom\n"
                        "select * from order_items where order_id = ANY($1)\n\n"
                        "-- or joined, in the query of the list\n"
                        "SELECT p.*, c.*\nFROM public.orders p\n"
                        "LEFT JOIN public.order_items c ON c.order_id = p.id");
    assert_string_equal(f->evidence[0].value, LIST); /* the parent */
    assert_int_equal(f->nendpoints, 1);
    end(s);
}

static void n_plus_one_is_suspected_by_its_calls(void **state)
{
    (void)state;
    struct subject *s = begin();
    use(s, LIST, 1, 20, 1);
    use(s, "select name from stores where id = $1", 20, 20, 6);
    diagnose(s);
    const struct perf_finding *f = expect(s, "n_plus_one");
    assert_int_equal(f->proof, PERF_PROOF_SUSPECTED);
    assert_int_equal(f->severity, PERF_LOW);
    slope(s, 1, 0.2, 12, 0); /* half of them come from a cache of the application: no proof */
    diagnose(s);
    assert_int_equal(expect(s, "n_plus_one")->proof, PERF_PROOF_SUSPECTED);
    end(s);
}

static void the_twins_of_n_plus_one_are_silent(void **state)
{
    (void)state;
    struct subject *s = begin();
    use(s, LIST, 1, 20, 1);
    use(s, "select * from order_items where order_id = any($1)", 1, 150, 2); /* the cure */
    use(s, "select name from stores where id = $1", 4, 4, 0.2);              /* a few */
    use(s, "select id from orders where status = $1 limit $2", 9, 9, 0.05);  /* cheap, no key */
    use(s, "begin", 30, 0, 2);
    s->statements[4].utility = true;
    diagnose(s);
    assert_null(find(s, "n_plus_one"));
    assert_null(find(s, "chatty_writes"));
    assert_null(find(s, "missing_pagination"));
    end(s);
}

static void what_does_not_grow_is_a_note(void **state)
{
    (void)state;
    struct subject *s = begin();
    size_t x = use(s, "select name from stores where id = $1", 12, 12, 6);
    slope(s, x, 0, 12, 0);
    diagnose(s);
    assert_null(find(s, "n_plus_one"));
    assert_int_equal(expect(s, "fan_out")->severity, PERF_SEVERITY_NOTE);
    end(s);
}

static void writes_row_by_row_are_found(void **state)
{
    (void)state;
    struct subject *s = begin();
    use(s, "insert into order_items (order_id, product_id, qty) values ($1, $2, $3)", 10, 10, 6);
    use(s, "update orders set status = $1 where id = $2", 10, 10, 5);
    diagnose(s);
    size_t n = 0;
    for (size_t i = 0; i < s->study.nfindings; i++)
        if (strcmp(s->study.findings[i].kind, "chatty_writes") == 0) {
            n++;
            assert_non_null(s->study.findings[i].rewrite);
        }
    assert_int_equal(n, 2);
    assert_non_null(strstr(expect(s, "chatty_writes")->rewrite,
                           "SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[])"));
    end(s);
    s = begin(); /* one statement for all of them */
    use(s, "insert into order_items (order_id, product_id, qty) values ($1, $2, $3), ($4, $5, $6)",
        1, 10, 6);
    diagnose(s);
    expect_nothing(s);
    end(s);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void an_answer_without_end_is_found(void **state)
{
    (void)state;
    struct subject *s = begin();
    size_t x = use(s, "select * from orders where store_id = $1", 1, 1500, 8);
    slope(s, x, 0, 1, 1500);
    diagnose(s);
    const struct perf_finding *f = expect(s, "missing_pagination");
    assert_int_equal(f->severity, PERF_HIGH);
    assert_int_equal(f->proof, PERF_PROOF_CONFIRMED); /* the page size made no difference */
    assert_non_null(strstr(f->rewrite, "LIMIT $2"));
    end(s);
}

static void bounded_answers_are_silent(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "select * from orders where store_id = $1 order by id limit $2",
        "select * from order_items where order_id = any($1)",
        "select * from (select * from orders order by id limit 200) o",
        "select count(*) from orders"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct subject *s = begin();
        use(s, texts[i], 1, 500, 0.5);
        diagnose(s);
        expect_nothing(s);
        end(s);
    }
    struct subject *s = begin();
    use(s, "select * from stores", 1, 99, 0.5); /* few rows */
    diagnose(s);
    expect_nothing(s);
    end(s);
}

static void deep_pages_are_found_by_the_probe(void **state)
{
    (void)state;
    static const char text[] =
        "select * from orders order by created_at desc, id desc limit $1 offset $2";
    struct subject *s = begin();
    use(s, text, 1, 20, 1);
    s->endpoint.probe = (struct perf_probe){true, 100000, 2, 90, 5, 3000};
    diagnose(s);
    const struct perf_finding *f = expect(s, "deep_offset");
    assert_int_equal(f->proof, PERF_PROOF_CONFIRMED);
    assert_int_equal(f->severity, PERF_HIGH);
    assert_non_null(strstr(f->rewrite, "(created_at, id) < "));
    s->endpoint.probe.deep_ms = 6;
    s->endpoint.probe.deep_blocks = 8;
    diagnose(s);
    expect_nothing(s);
    s->endpoint.probe.measured = false;
    diagnose(s);
    expect_nothing(s);
    end(s);
}

static void pages_in_no_order_and_large_answers_are_told(void **state)
{
    (void)state;
    struct subject *s = begin();
    use(s, "select * from orders where store_id = $1 limit $2", 1, 20, 1);
    s->endpoint.body_bytes = 3e6;
    diagnose(s);
    assert_int_equal(expect(s, "limit_without_order")->severity, PERF_SEVERITY_NOTE);
    assert_int_equal(expect(s, "large_answer")->severity, PERF_LOW);
    end(s);
}

/* ---- application ----------------------------------------------------------------------------- */

static void time_outside_the_database_is_found(void **state)
{
    (void)state;
    struct subject *s = begin();
    use(s, "select * from orders where id = $1", 1, 1, 1);
    s->endpoint.database_ms = 1;
    s->result.mean = perf_measured(210);
    s->result.service[PERF_P50] = perf_measured(205);
    diagnose(s);
    assert_int_equal(expect(s, "app_bound")->severity, PERF_MEDIUM);
    use(s, "insert into stores (id, name) values ($1, $2)", 30, 30,
        0.3); /* round trips explain it */
    diagnose(s);
    assert_null(find(s, "app_bound"));
    expect(s, "chatty_writes");
    s->endpoint.nuses--;
    s->endpoint.database_ms = 150; /* it is the database */
    diagnose(s);
    expect_nothing(s);
    end(s);
}

static void set_steps(struct subject *s, double parallel, double sessions)
{
    s->study.nsteps = 5;
    for (size_t i = 0; i < 5; i++) {
        double n = (double)(1 << i), rate = (n < parallel ? n : parallel) * 50;
        s->steps[i] = (struct perf_step){.connections = n,
                                         .rps = rate,
                                         .p50_ms = 1000 * n / rate,
                                         .database_sessions = sessions};
    }
}

static void a_small_pool_and_a_serial_section_are_told_apart(void **state)
{
    (void)state;
    struct subject *s = begin();
    set_steps(s, 2, 1.95);
    s->study.server.sessions.total = 2;
    diagnose(s);
    assert_string_equal(expect(s, "pool_bound")->id, "pool_bound-2");
    assert_null(find(s, "serial_section"));
    end(s);
    s = begin();
    set_steps(s, 1, 0.4);
    diagnose(s);
    expect(s, "serial_section");
    assert_null(find(s, "pool_bound"));
    end(s);
    s = begin(); /* still growing at the last step */
    set_steps(s, 64, 8);
    diagnose(s);
    expect_nothing(s);
    end(s);
}

static void what_could_be_cached_is_found(void **state)
{
    (void)state;
    static const char text[] = "select status, count(*) from orders where created_at > $1 group by "
                               "status";
    struct subject *s = begin();
    use(s, text, 1, 5, 10);
    diagnose(s);
    expect(s, "cacheable");
    s->tables[ORDERS].inserted = 10; /* it changes meanwhile */
    diagnose(s);
    expect_nothing(s);
    end(s);
    s = begin();
    use(s, text, 0.02, 0.1, 0.2); /* a cache stands before it */
    use(s, LIST, 1, 20, 10);      /* pages of a large table */
    use(s, "select sum(qty) from order_items where order_id = $1", 1, 1, 5); /* one order each */
    diagnose(s);
    expect_nothing(s);
    end(s);
}

/* ---- indexes --------------------------------------------------------------------------------- */

static void indexes_that_only_cost_are_found(void **state)
{
    (void)state;
    struct subject *s = begin();
    add_index(s, "orders", "orders_store_id", "store_id int8_ops", false); /* a prefix */
    add_index(s, "orders", "orders_status", "status text_ops", false);
    s->indexes[6].scans_total = 3;
    add_index(s, "orders", "orders_broken", "order_no text_ops", false);
    s->indexes[7].valid = false;
    diagnose(s);
    assert_string_equal(expect(s, "duplicate_index")->apply_sql,
                        "DROP INDEX CONCURRENTLY public.orders_store_id;");
    assert_string_equal(expect(s, "duplicate_index")->undo_sql,
                        "CREATE INDEX CONCURRENTLY orders_store_id ON public.orders USING btree "
                        "(x);");
    assert_string_equal(expect(s, "unused_index")->id, "unused_index-public-orders_status");
    assert_string_equal(expect(s, "invalid_index")->apply_sql,
                        "REINDEX INDEX CONCURRENTLY public.orders_broken;");
    assert_int_equal(s->study.nfindings, 3);
    s->study.server.stats_age_s = 86400; /* too young to say */
    s->study.nmissing = 0;
    diagnose(s);
    assert_null(find(s, "unused_index"));
    bool told = false;
    for (size_t i = 0; i < s->study.nmissing; i++)
        told = told || strcmp(s->study.missing[i].what, "unused indexes") == 0;
    assert_true(told);
    end(s);
}

static void unique_partial_and_other_orders_are_no_duplicates(void **state)
{
    (void)state;
    struct subject *s = begin();
    add_index(s, "orders", "orders_id_store", "id int8_ops, store_id int8_ops", false);
    add_index(s, "orders", "orders_store_open", "store_id int8_ops", false);
    s->indexes[6].predicate = "(status = 'open'::text)";
    add_index(s, "order_items", "items_product", "product_id int8_ops", true);
    add_index(s, "order_items", "items_product_qty", "product_id int8_ops, qty int4_ops", false);
    add_index(s, "stores", "stores_i", "id int8_ops", false);
    diagnose(s);
    assert_int_equal(s->study.nfindings, 1); /* only the plain copy of a primary key */
    assert_string_equal(s->study.findings[0].id, "duplicate_index-public-stores_i");
    end(s);
}

static void a_foreign_key_needs_an_index_when_parents_go(void **state)
{
    (void)state;
    struct subject *s = begin();
    s->indexes[4].valid = false;
    s->indexes[4].building = true;
    diagnose(s);
    expect_nothing(s); /* nothing is deleted */
    s->tables[ORDERS].deleted = 500;
    diagnose(s);
    assert_string_equal(expect(s, "foreign_key_index")->apply_sql,
                        "CREATE INDEX CONCURRENTLY order_items_order_id_fkey_idx ON "
                        "public.order_items (order_id);");
    s->indexes[4].valid = true;
    diagnose(s);
    expect_nothing(s);
    end(s);
}

static void keys_are_read_with_their_quotes(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const struct perf_index x = {.keys =
                                     "\"Na\"\"me\" text_ops DESC, lower(a) text_ops, id int8_ops"};
    assert_string_equal(index_key_column(&x, 0, arena), "Na\"me");
    assert_string_equal(index_key_column(&x, 1, arena), "");
    assert_string_equal(index_key_column(&x, 2, arena), "id");
    assert_string_equal(index_key_column(&x, 3, arena), "");
    assert_string_equal(sql_name("app", "order", arena), "app.\"order\"");
    assert_string_equal(sql_name(NULL, "门店", arena), "\"门店\"");
    assert_string_equal(sql_name(NULL, "Name", arena), "\"Name\"");
    assert_string_equal(sql_name("public", "orders_2", arena), "public.orders_2");
    arena_free(arena);
}

/* ---- health ---------------------------------------------------------------------------------- */

static void a_sick_server_is_found(void **state)
{
    (void)state;
    struct subject *s = begin();
    struct perf_server *server = &s->study.server;
    server->blocks_read = 5e5;
    server->sessions = (struct perf_session_peak){.active = 50,
                                                  .total = 90,
                                                  .blocked = 9,
                                                  .longest_transaction_s = 900,
                                                  .longest_idle_in_transaction_s = 700};
    s->waits[0] = (struct perf_wait){NULL, NULL, 4};
    s->waits[1] = (struct perf_wait){"Lock", "transactionid", 6};
    server->nwaits = 2;
    s->tables[ORDERS].dead_rows = 400000;
    s->tables[ITEMS].frozen_xid_age = 1.7e9;
    use(s, "select * from orders where id = $1", 1, 1, 1);
    s->statements[0].temp_blocks = 5e6;
    diagnose(s);
    static const struct {
        const char *kind;
        enum perf_severity severity;
    } expected[] = {{"cache_hit", PERF_HIGH},   {"connections", PERF_MEDIUM},
                    {"locks", PERF_HIGH},       {"idle_in_transaction", PERF_HIGH},
                    {"dead_rows", PERF_MEDIUM}, {"wraparound", PERF_HIGH},
                    {"temp_files", PERF_LOW}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_int_equal(expect(s, expected[i].kind)->severity, expected[i].severity);
    assert_int_equal(s->study.nfindings, sizeof expected / sizeof *expected);
    for (size_t i = 1; i < s->study.nfindings; i++)
        assert_true(s->study.findings[i - 1].severity >= s->study.findings[i].severity);
    end(s);
}

static void tables_alone_tell_what_they_can(void **state)
{
    (void)state;
    struct subject *s = begin();
    s->study.server.has_statements = false;
    s->tables[ORDERS].seq_scans = 50;
    s->tables[ORDERS].seq_rows = 50 * 300000.0;
    s->tables[ITEMS].bytes = 1e9; /* its rows need 80 MB */
    diagnose(s);
    expect(s, "sequential_scans");
    expect(s, "bloat");
    assert_int_equal(s->study.nfindings, 2);
    end(s);
}

static void a_healthy_server_and_an_empty_study_are_silent(void **state)
{
    (void)state;
    struct subject *s = begin();
    use(s, LIST, 1, 20, 0.4);
    diagnose(s);
    expect_nothing(s);
    end(s);
    struct perf_study empty = {0};
    struct perf_diagnose_options options;
    struct error err = ERROR_INIT;
    struct arena *arena = arena_new();
    perf_diagnose_options_default(&options);
    assert_int_equal(perf_diagnose(&empty, NULL, &options, arena, &err), 0);
    assert_int_equal(empty.nfindings, 0);
    arena_free(arena);
}

/* The page that explains the rules has every threshold as it is, and every kind. */
static void the_manual_states_the_thresholds(void **state)
{
    (void)state;
    static char page[1 << 18];
    FILE *f = fopen("docs/perf-diagnosis.md", "r");
    assert_non_null(f);
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    (void)fclose(f);
    char row[256];
#define X(name, value, what)                                                                       \
    snprintf(row, sizeof row, "| `%s` | %.10g | %s |", #name, (double)(value), what);              \
    if (strstr(page, row) == NULL)                                                                 \
        fail_msg("docs/perf-diagnosis.md lacks: %s", row);
    PERF_THRESHOLDS(X)
#undef X
    for (int k = 0; k < PERF_KIND_COUNT; k++) {
        snprintf(row, sizeof row, "`%s`", perf_kind_name((enum perf_kind)k));
        if (strstr(page, row) == NULL)
            fail_msg("docs/perf-diagnosis.md lacks the kind %s", row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(n_plus_one_is_confirmed_by_its_slope),
        cmocka_unit_test(n_plus_one_is_suspected_by_its_calls),
        cmocka_unit_test(the_twins_of_n_plus_one_are_silent),
        cmocka_unit_test(what_does_not_grow_is_a_note),
        cmocka_unit_test(writes_row_by_row_are_found),
        cmocka_unit_test(an_answer_without_end_is_found),
        cmocka_unit_test(bounded_answers_are_silent),
        cmocka_unit_test(deep_pages_are_found_by_the_probe),
        cmocka_unit_test(pages_in_no_order_and_large_answers_are_told),
        cmocka_unit_test(time_outside_the_database_is_found),
        cmocka_unit_test(a_small_pool_and_a_serial_section_are_told_apart),
        cmocka_unit_test(what_could_be_cached_is_found),
        cmocka_unit_test(indexes_that_only_cost_are_found),
        cmocka_unit_test(unique_partial_and_other_orders_are_no_duplicates),
        cmocka_unit_test(a_foreign_key_needs_an_index_when_parents_go),
        cmocka_unit_test(keys_are_read_with_their_quotes),
        cmocka_unit_test(a_sick_server_is_found),
        cmocka_unit_test(tables_alone_tell_what_they_can),
        cmocka_unit_test(a_healthy_server_and_an_empty_study_are_silent),
        cmocka_unit_test(the_manual_states_the_thresholds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
