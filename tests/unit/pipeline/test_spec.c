/* Pipeline files: all problems at once with their places, defaults, params, order. */
#include "pipeline_fixture.h"

#include "pipeline/resolve.h"
#include "pipeline/stream.h"

/* 2026-11-22T05:15:00+08:00: the business day of the 21st closed at 04:00. */
#define NOW_US INT64_C(1795295700000000)

#define HEAD                                                                                       \
    "version: 1\n"                                                                                 \
    "name: p\n"                                                                                    \
    "defaults: { target: { connection: warehouse, schema: ods } }\n"
#define STREAM                                                                                     \
    HEAD "streams:\n"                                                                              \
         "  s:\n"                                                                                  \
         "    source: { file: a.csv }\n"                                                           \
         "    columns: { a: text, n: int, at: { type: timestamptz, timezone: UTC } }\n"

/* The problems of a file as "line:column: message", with "; hint" behind, one a line. */
static const char *problems(const char *yaml)
{
    static char text[8192];
    struct pipeline *p = NULL;
    struct diagnostics *d = NULL;
    struct error err = ERROR_INIT;
    size_t n = 0;
    fixture_write("p.yaml", yaml);
    int code = pipeline_load("p", fixture_config, NULL, &p, &d, &err);
    text[0] = '\0';
    for (size_t i = 0; i < d->count; i++) {
        const struct diagnostic *item = &d->items[i];
        n += (size_t)snprintf(text + n, sizeof text - n, "%d:%d: %s%s%s\n", item->line,
                              item->column, item->message, item->hint != NULL ? "; " : "",
                              item->hint != NULL ? item->hint : "");
    }
    assert_int_equal(code != 0, d->errors > 0);
    pipeline_free(p);
    return text;
}

static void problems_are(const char *yaml, const char *expect)
{
    const char *found = problems(yaml);
    if (strcmp(found, expect) == 0)
        return;
    print_error("expected:\n%s", expect);
    fail_msg("found:\n%s", found);
}

static struct pipeline *loaded(const char *yaml, const struct pipeline_options *options)
{
    struct pipeline *p = NULL;
    struct error err = ERROR_INIT;
    fixture_write("p.yaml", yaml);
    if (pipeline_load("p", fixture_config, options, &p, NULL, &err) != 0)
        fail_msg("%s", err.message);
    return p;
}

/* ---- lint ------------------------------------------------------------------------------- */

static void all_problems_are_told_at_once(void **state)
{
    (void)state;
    problems_are("version: 1\n"
                 "name: P\n"
                 "defaults: { target: { connection: warehouse, schema: ods } }\n"
                 "streems: 1\n"
                 "streams:\n"
                 "  s:\n"
                 "    source: { file: \"${params.x}.csv\", fromat: csv, encoding: gbq }\n"
                 "    mode: replase\n"
                 "    key: [cod]\n"
                 "    columns:\n"
                 "      code: txt\n"
                 "      at: { type: timestamptz, format: \"%Q\", timezone: Asia/Shangai }\n"
                 "    needs: [t]\n"
                 "  u: {}\n",
                 "4:1: unknown key 'streems' in pipeline; did you mean 'streams'?\n"
                 "8:11: mode: expected one of append, merge, replace, scd2, delete_insert, found "
                 "'replase'; did you "
                 "mean 'replace'?\n"
                 "14:6: missing key 'source' in stream; where rows come from\n"
                 "2:7: name 'P' may have lower-case letters, digits, _ and - only\n"
                 "7:40: unknown key 'fromat' in file source; did you mean 'format'?\n"
                 "7:21: '${params.x}' is not defined\n"
                 "11:13: unknown type 'txt'; did you mean 'text'? known are bool, smallint, int, "
                 "bigint, numeric(p,s), float8, text, varchar(n), date, timestamp, timestamptz, "
                 "uuid, jsonb, bytea\n"
                 "12:56: unknown time zone 'Asia/Shangai'\n"
                 "12:40: time format '%Q' has an unknown letter '%Q'\n"
                 "9:10: stream 's': key 'cod' is not one of its columns; did you mean 'code'?\n"
                 "7:63: unknown encoding 'gbq'\n"
                 "13:12: stream 's' needs 't', which is not a stream here\n");
}

static void yaml_that_cannot_be_read_says_where(void **state)
{
    (void)state;
    assert_non_null(strstr(problems("version: 1\nname: [p\n"), "p.yaml:3:1: "));
    assert_non_null(strstr(problems("a: 1\na: 2\n"), "p.yaml:2:1: "));
    assert_non_null(strstr(problems("a: \"x\n"), "p.yaml:"));
    assert_non_null(strstr(problems("\tname: x\n"), "p.yaml:1:1: "));
    assert_non_null(strstr(problems(""), "a pipeline file is a mapping, found nothing"));
    assert_non_null(strstr(problems("- a\n"), "a pipeline file is a mapping, found a list"));
    assert_non_null(strstr(problems("a\xFF: 1\n"), "p.yaml:1:"));
}

static void what_could_lose_a_row_is_an_error(void **state)
{
    (void)state;
    problems_are(STREAM "    mode: merge\n",
                 "6:5: stream 's': mode 'merge' needs a 'key'; add  key: [column, ...]\n");
    problems_are(STREAM "    key: [a]\n",
                 "8:10: stream 's': mode 'append' does not look at a 'key'; use  mode: merge\n");
    problems_are(HEAD "streams:\n"
                      "  s:\n"
                      "    source: { connector: c, resource: r }\n"
                      "    columns: { a: text }\n"
                      "    key: [a]\n"
                      "    mode: replace\n"
                      "    incremental: { cursor: b, start: once }\n",
                 "10:18: stream 's': incremental 'b' is not one of its columns\n"
                 "6:5: stream 's': 'incremental' reads rows again, so it needs mode 'merge', "
                 "'scd2' or 'delete_insert'; use  mode: merge  with a key\n"
                 "10:38: 'start' is a date or time, or a number, found 'once'\n");
}

static void checks_know_what_they_can_do(void **state)
{
    (void)state;
    problems_are(STREAM "    checks: [ { expr: \"a\", sql: \"b\" }, { on_fail: reject },\n"
                        "      { sql: \"select true\", on_fail: reject } ]\n",
                 "8:15: a check is one of 'expr', 'sql', 'unique', 'rows', 'fresh', 'drop'\n"
                 "8:40: a check is one of 'expr', 'sql', 'unique', 'rows', 'fresh', 'drop'\n"
                 "9:7: a check of 'sql', 'rows', 'fresh' or 'drop' looks at all rows: it can warn "
                 "or abort, not reject; on_fail: warn  or  on_fail: abort\n");
    problems_are("version: 1\nname: p\nstreams:\n  s:\n"
                 "    source: { file: a.csv }\n"
                 "    target: { file: b.csv }\n"
                 "    columns: { a: text }\n"
                 "    checks: [ { expr: \"a > ''\" } ]\n",
                 "5:5: stream 's': 'checks' and 'transform' run in PostgreSQL, its target is "
                 "file\n");
}

static void names_must_be_defined_and_steps_exist(void **state)
{
    (void)state;
    problems_are(STREAM "    vars: { day: \"select ${params.dya}\" }\n"
                        "    transform: [ { filter: \"a = ${vars.day} and n = ${vars.dey}\" } ]\n"
                        "    checks: [ { sql: \"select count(*) = 0 from ${stage}\" } ]\n"
                        "params: { day: { type: date } }\n",
                 "8:18: '${params.dya}' is not defined; did you mean '${params.day}'?\n"
                 "9:28: '${vars.dey}' is not defined; did you mean '${vars.day}'?\n"
                 "10:22: '${stage}' is not defined; did you mean '${staged}'?\n");
    fixture_write("other.yaml", STREAM);
    problems_are("version: 1\nname: p\nsteps:\n"
                 "  - { run: other }\n"
                 "  - { run: othr, needs: [other, later] }\n"
                 "  - { needs: [other] }\n",
                 "6:5: missing key 'run' in step; pipeline to run\n"
                 "5:5: there is no pipeline 'othr'; did you mean 'other'?\n"
                 "5:5: step 'othr' needs 'later', which is no earlier step\n");
}

static void a_circle_of_needs_is_told_once(void **state)
{
    (void)state;
    problems_are(HEAD "streams:\n"
                      "  a: { source: { connection: w, query: q }, needs: [b] }\n"
                      "  b: { source: { connection: w, query: q }, needs: [a] }\n",
                 "5:6: stream 'a' needs itself, by way of 'needs'\n");
}

static void a_file_has_streams_or_steps(void **state)
{
    (void)state;
    assert_non_null(strstr(problems("version: 1\nname: p\n"),
                           "a pipeline needs 'streams', a job needs 'steps'"));
    assert_non_null(strstr(problems(STREAM "steps: [ { run: p } ]\n"),
                           "a file has either 'streams' (a pipeline) or 'steps' (a job)"));
    assert_non_null(
        strstr(problems("version: 2\nname: p\n"), "1:10: version 2 is not known here, only 1"));
}

static void the_environment_goes_into_values(void **state)
{
    (void)state;
    setenv("SPEC_TEST_FILE", "x.csv, mode: merge", 1);
    unsetenv("SPEC_TEST_NONE");
    struct pipeline *p = loaded(HEAD "streams:\n"
                                     "  s:\n"
                                     "    source: { file: \"${SPEC_TEST_FILE}\" }\n"
                                     "    columns: { a: text }\n",
                                NULL);
    assert_string_equal(ynode_get(p->ordered[0]->source_node, "file")->text, "x.csv, mode: merge");
    assert_int_equal(p->ordered[0]->mode, MODE_APPEND);
    pipeline_free(p);
    problems_are(HEAD "streams:\n"
                      "  s:\n"
                      "    source: { file: \"${SPEC_TEST_NONE}\" }\n"
                      "    columns: { a: text }\n",
                 "6:21: environment variable 'SPEC_TEST_NONE' is not set; set it, or give a "
                 "default: ${SPEC_TEST_NONE:-value}\n");
}

/* ---- understood --------------------------------------------------------------------------- */

static void defaults_are_under_every_stream(void **state)
{
    (void)state;
    struct pipeline *p = loaded("version: 1\nname: p\n"
                                "defaults:\n"
                                "  source: { connection: warehouse }\n"
                                "  target: { connection: warehouse, schema: mart }\n"
                                "  on_error: { max_rejects: 7, max_reject_rate: 0% }\n"
                                "  guard: { max_shrink: 5% }\n"
                                "streams:\n"
                                "  a: { source: { query: select 1 } }\n"
                                "  b:\n"
                                "    source: { file: b.csv }\n"
                                "    target: { file: c.csv, bom: true }\n"
                                "    columns: { x: text }\n"
                                "    on_error: { max_rejects: 0 }\n"
                                "    guard: { max_shrink: 0% }\n",
                                NULL);
    const struct stream_spec *a = p->ordered[0], *b = p->ordered[1];
    assert_ptr_equal(a->source, &source_postgres);
    assert_ptr_equal(a->target, &target_postgres);
    assert_string_equal(ynode_get(a->target_node, "schema")->text, "mart");
    assert_int_equal(a->on_error.max_rejects, 7);
    assert_int_equal(a->on_error.max_reject_rate, 0);
    assert_int_equal(a->guard.max_shrink, 50000);
    /* A file is no variant of a table. */
    assert_ptr_equal(b->source, &source_file);
    assert_ptr_equal(b->target, &target_file);
    assert_null(ynode_get(b->target_node, "connection"));
    assert_int_equal(b->on_error.max_rejects, 0);
    assert_int_equal(b->on_error.max_reject_rate, 0);
    assert_int_equal(b->guard.max_shrink, 0);
    pipeline_free(p);
    p = loaded(STREAM, NULL);
    assert_int_equal(p->ordered[0]->on_error.max_rejects, -1); /* the setting */
    assert_int_equal(p->ordered[0]->on_error.max_reject_rate, -1);
    assert_int_equal(p->ordered[0]->guard.max_shrink, -1);
    pipeline_free(p);
}

static void columns_short_and_long(void **state)
{
    (void)state;
    struct pipeline *p = loaded(HEAD "streams:\n"
                                     "  s:\n"
                                     "    source: { file: a.csv }\n"
                                     "    columns:\n"
                                     "      a: \"numeric(12,2)\"\n"
                                     "      b: { type: text, from: $1, aliases: [B, bb] }\n"
                                     "      c: { type: bigint, unit: cents, required: true }\n",
                                NULL);
    const struct column_spec *c = p->ordered[0]->columns;
    assert_int_equal(p->ordered[0]->ncolumns, 3);
    assert_int_equal(c[0].type.precision, 12);
    assert_int_equal(c[0].type.scale, 2);
    assert_string_equal(c[0].from, "a");
    assert_string_equal(c[1].from, "$1");
    assert_int_equal(c[1].aliases.count, 2);
    assert_int_equal(c[2].unit, 1);
    assert_true(c[2].required);
    assert_int_equal(stream_column(p->ordered[0], "c"), 2);
    assert_int_equal(stream_column(p->ordered[0], "d"), -1);
    pipeline_free(p);
}

static void streams_come_in_the_order_of_needs(void **state)
{
    (void)state;
    struct pipeline *p = loaded(HEAD "streams:\n"
                                     "  c: { source: { connection: w, query: q }, needs: [b, a] }\n"
                                     "  d: { source: { connection: w, query: q } }\n"
                                     "  b: { source: { connection: w, query: q }, needs: a }\n"
                                     "  a: { source: { connection: w, query: q } }\n",
                                NULL);
    static const char *const order[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(p->ordered[i]->name, order[i]);
    pipeline_free(p);
}

static void queries_are_files_beside_the_pipeline(void **state)
{
    (void)state;
    const char *sql;
    struct error err = ERROR_INIT;
    fixture_write("q.sql", "select 1 as x;\n\n");
    struct pipeline *p =
        loaded(HEAD "streams: { s: { source: { connection: w, query: q.sql } } }\n", NULL);
    assert_int_equal(pipeline_sql(p, NULL, "q.sql", &sql, &err), 0);
    assert_string_equal(sql, "select 1 as x");
    assert_int_equal(pipeline_sql(p, NULL, "select 'a.sql'", &sql, &err), 0);
    assert_string_equal(sql, "select 'a.sql'");
    pipeline_free(p);
    assert_non_null(
        strstr(problems(HEAD "streams: { s: { source: { connection: w, query: none.sql } } }\n"),
               "none.sql"));
    fixture_write("q.sql", "select ${params.none}\n");
    problems_are(HEAD "streams: { s: { source: { connection: w, query: q.sql } } }\n",
                 "4:49: '${params.none}' is not defined\n");
}

static void what_is_secret_is_masked_when_shown(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 1 << 16);
    struct pipeline *p =
        loaded(STREAM "hooks: { on_failure: [{ http: \"https://h/x?token=abcdef\" }] }\n", NULL);
    const struct resolved *items;
    size_t count;
    pipeline_resolve(p, fixture_config, &items, &count);
    resolved_print(items, count, &out);
    assert_null(strstr(out.data, "abcdef"));
    assert_non_null(strstr(out.data, "****"));
    assert_non_null(strstr(out.data, "schema: ods")); /* of the defaults */
    pipeline_free(p);
}

/* ---- params ------------------------------------------------------------------------------- */

#define PARAMS                                                                                     \
    STREAM "params:\n"                                                                             \
           "  day: { type: date, default: yesterday }\n"                                           \
           "  n: { type: int, default: 5 }\n"                                                      \
           "  note: text as it is\n"                                                               \
           "  must: { type: text }\n"

static int with_params(const char *const *given, size_t count, struct pipeline **ret,
                       struct error *err)
{
    const char *items[8];
    assert_true(count <= 8);
    memcpy((void *)items, (const void *)given, count * sizeof *items);
    struct field_strings params = {items, count};
    struct pipeline_options options = {.params = &params, .now_us = NOW_US};
    fixture_write("p.yaml", PARAMS);
    return pipeline_load("p", fixture_config, &options, ret, NULL, err);
}
#define GIVEN(...)                                                                                 \
    ((const char *const[]){__VA_ARGS__}),                                                          \
        (sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void params_have_defaults_types_and_words(void **state)
{
    struct pipeline *p;
    struct error err = ERROR_INIT;
    (void)state;
    assert_int_equal(with_params(GIVEN("must=a=b"), &p, &err), 0);
    assert_string_equal(pipeline_param(p, "day"), "2026-11-21");
    assert_string_equal(pipeline_param(p, "n"), "5");
    assert_string_equal(pipeline_param(p, "note"), "text as it is");
    assert_string_equal(pipeline_param(p, "must"), "a=b");
    assert_null(pipeline_param(p, "none"));
    pipeline_free(p);
    assert_int_equal(with_params(GIVEN("must=", "day=today", "n=-7"), &p, &err), 0);
    assert_string_equal(pipeline_param(p, "day"), "2026-11-22");
    assert_string_equal(pipeline_param(p, "n"), "-7");
    assert_string_equal(pipeline_param(p, "must"), "");
    pipeline_free(p);
    assert_int_equal(with_params(GIVEN("must=x", "day=3 days ago"), &p, &err), 0);
    assert_string_equal(pipeline_param(p, "day"), "2026-11-19");
    pipeline_free(p);
}

static void wrong_params_are_misuse(void **state)
{
    struct pipeline *p;
    struct error err = ERROR_INIT;
    (void)state;
    assert_int_equal(with_params(GIVEN("note=x"), &p, &err), ERR_USAGE);
    assert_string_equal(err.message, "param 'must' has no value");
    assert_string_equal(err.hint, "give it as --param must=VALUE");
    assert_int_equal(with_params(GIVEN("mus=x"), &p, &err), ERR_USAGE);
    assert_string_equal(err.message, "pipeline 'p' has no param 'mus'");
    assert_string_equal(err.hint, "did you mean 'must'?");
    assert_int_equal(with_params(GIVEN("must"), &p, &err), ERR_USAGE);
    assert_string_equal(err.message, "--param 'must': expected name=value");
    assert_int_equal(with_params(GIVEN("must=x", "n=1.5"), &p, &err), ERR_USAGE);
    assert_string_equal(err.message, "param 'n': '1.5' is not a whole number");
    assert_int_equal(with_params(GIVEN("must=x", "day=2026-02-30"), &p, &err), ERR_USAGE);
    assert_non_null(strstr(err.message, "param 'day': "));
}

static void a_pipeline_can_be_looked_at_without_its_params(void **state)
{
    (void)state;
    struct pipeline *p = loaded(PARAMS, NULL);
    assert_null(pipeline_param(p, "must"));
    pipeline_free(p);
    problems_are(PARAMS, "");
}

/* ---- finding ------------------------------------------------------------------------------ */

static void names_are_found_sorted_and_suggested(void **state)
{
    struct arena *arena = arena_new();
    const char **names, *path;
    struct error err = ERROR_INIT;
    (void)state;
    fixture_write("zeta.yaml", STREAM);
    fixture_write("alpha.yaml", STREAM);
    fixture_write("ignored.yml.bak", "");
    size_t count = pipeline_names(fixture_config, arena, &names);
    assert_true(count >= 3);
    for (size_t i = 1; i < count; i++)
        assert_true(strcmp(names[i - 1], names[i]) <= 0);
    assert_int_equal(pipeline_find("zeta", fixture_config, arena, &path, &err), 0);
    assert_string_equal(path, "./zeta.yaml");
    assert_int_equal(pipeline_find("/x/y.yaml", fixture_config, arena, &path, &err), 0);
    assert_string_equal(path, "/x/y.yaml");
    assert_int_equal(pipeline_find("zetta", fixture_config, arena, &path, &err), ERR_NOT_FOUND);
    assert_string_equal(err.message, "there is no pipeline 'zetta'");
    assert_string_equal(err.hint, "did you mean 'zeta'?");
    arena_free(arena);
}

/* What a mode needs, and what it has no use for. */
static void modes_know_what_they_need(void **state)
{
    (void)state;
    problems_are(
        STREAM "    mode: scd2\n"
               "    deletes: soft\n"
               "    scd2: { valid_from: at, valid_to: is_current, track: [b, a] }\n"
               "    key: [a]\n",
        "10:11: stream 's': column 'at' is kept by mode 'scd2' itself; name it by  scd2: { "
        "valid_from: ..., valid_to: ... }\n"
        "10:11: stream 's': scd2 needs three different column names\n"
        "10:11: stream 's': scd2.track 'b' is not one of its columns\n"
        "10:11: stream 's': scd2.track 'a' is part of the key\n"
        "9:14: stream 's': mode 'scd2' never deletes a row; deletes: hard  closes the "
        "version\n");
    problems_are(
        STREAM "    mode: delete_insert\n"
               "    deletes: hard\n",
        "8:11: stream 's': mode 'delete_insert' needs either 'incremental' or "
        "'partition_by', to say what it replaces; a window:  incremental: { cursor, start, "
        "window }, or  partition_by: [column]\n"
        "9:14: stream 's': mode 'delete_insert' has no use for 'deletes'\n");
    problems_are(STREAM "    mode: merge\n"
                        "    key: [a]\n"
                        "    partition_by: [a]\n"
                        "    scd2: { track: [n] }\n"
                        "    deletes: hard\n"
                        "    incremental: { cursor: at, start: 2026-01-01 }\n",
                 "11:11: stream 's': 'scd2' is for mode 'scd2'; mode: scd2\n"
                 "10:19: stream 's': 'partition_by' is for mode 'delete_insert'; mode: "
                 "delete_insert\n"
                 "12:14: stream 's': an incremental read has only what changed: the rest would be "
                 "deleted; deletes: keep\n"
                 "6:5: 'incremental' is for APIs and queries, not for files\n");
    problems_are(STREAM "    mode: replace\n"
                        "    deletes: soft\n",
                 "9:14: stream 's': 'deletes' needs a 'key' to know rows again; add  key: "
                 "[column, ...]\n");
}

static void transforms_and_figures_are_checked(void **state)
{
    (void)state;
    problems_are(
        STREAM "    transform:\n"
               "      - { filter: \"true\", set: { a: \"'x'\" } }\n"
               "      - lookup: { on: [b], take: [\"n = m\", \"q = r\"] }\n"
               "    checks:\n"
               "      - { unique: [z] }\n"
               "      - { rows: { min: 5, max: 2 } }\n"
               "      - { fresh: { column: n, within: 1d } }\n"
               "      - { drop: 50%, on_fail: reject }\n"
               "    reconcile: { sum: { a: total }, by: [a] }\n",
        "9:9: a step of 'transform' is one of 'filter', 'set', 'lookup'; steps run in "
        "order: make it two\n"
        "10:9: a lookup has either 'table' or 'query'\n"
        "10:9: stream 's': lookup.on 'b' is not one of its columns\n"
        "10:9: stream 's': lookup.take 'q' is not one of its columns\n"
        "12:9: stream 's': unique 'z' is not one of its columns\n"
        "13:9: 'rows': min is more than max\n"
        "14:9: 'fresh' needs a date or time, 'n' is none\n"
        "15:9: a check of 'sql', 'rows', 'fresh' or 'drop' looks at all rows: it can warn "
        "or abort, not reject; on_fail: warn  or  on_fail: abort\n"
        "16:16: 'reconcile': groups ('by') need figures 'against' which to hold them; "
        "against: select ... group by ...\n"
        "16:16: 'reconcile' without 'against' needs an API that states the figures; "
        "against: select ...   or the `trailer` of a file\n"
        "16:16: 'reconcile': 'a' is a JSON pointer into the answer, found 'total'; such as "
        " /data/total\n"
        "16:16: 'reconcile': column 'a' is not a number\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_problems_are_told_at_once),
        cmocka_unit_test(yaml_that_cannot_be_read_says_where),
        cmocka_unit_test(what_could_lose_a_row_is_an_error),
        cmocka_unit_test(checks_know_what_they_can_do),
        cmocka_unit_test(modes_know_what_they_need),
        cmocka_unit_test(transforms_and_figures_are_checked),
        cmocka_unit_test(names_must_be_defined_and_steps_exist),
        cmocka_unit_test(a_circle_of_needs_is_told_once),
        cmocka_unit_test(a_file_has_streams_or_steps),
        cmocka_unit_test(the_environment_goes_into_values),
        cmocka_unit_test(defaults_are_under_every_stream),
        cmocka_unit_test(columns_short_and_long),
        cmocka_unit_test(streams_come_in_the_order_of_needs),
        cmocka_unit_test(queries_are_files_beside_the_pipeline),
        cmocka_unit_test(what_is_secret_is_masked_when_shown),
        cmocka_unit_test(params_have_defaults_types_and_words),
        cmocka_unit_test(wrong_params_are_misuse),
        cmocka_unit_test(a_pipeline_can_be_looked_at_without_its_params),
        cmocka_unit_test(names_are_found_sorted_and_suggested),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
