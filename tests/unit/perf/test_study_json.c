/* A study goes through its JSON whole: every member the table knows is filled, and the table knows
 * every member. */
#include "perf/study_json.h"

#include "perf/study_shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* ---- a study with all that there can be ------------------------------------------------------ */

static int serial;

static struct perf_result *result_make(void)
{
    struct perf_result *r = arena_alloc(arena, sizeof *r);
    perf_result_init(r, arena, "diner");
    r->outcomes[LOADGEN_OK] = (uint64_t)++serial;
    r->rps = perf_measured(12.5);
    r->latencies = histogram_new();
    histogram_record_n(r->latencies, 1000 + serial, 7);
    histogram_record(r->latencies, 250000);
    return r;
}

static void fill(void *base, const struct shape *shape);

static void fill_list(char *at, size_t *count, const struct member *m)
{
    char *items = arena_array(arena, 2, m->of->size);
    for (size_t i = 0; i < 2; i++)
        fill(items + i * m->of->size, m->of);
    *(void **)(void *)at = items;
    *count = 2;
}

static void fill_member(char *base, const struct member *m)
{
    char *at = base + m->offset;
    size_t *count = (size_t *)(void *)(base + m->count);
    double points[] = {2.5, 5, 10};
    serial++;
    switch (m->kind) {
    case MEMBER_TEXT:
        *(char **)(void *)at = arena_printf(arena, "%s \"%d\" 中", m->key, serial);
        break;
    case MEMBER_FLAG: *(bool *)at = true; break;
    case MEMBER_INT: *(int *)(void *)at = serial; break;
    case MEMBER_NUMBER:
    case MEMBER_KNOWN: *(double *)(void *)at = serial + 0.1; break;
    case MEMBER_COUNT: *(uint64_t *)(void *)at = (uint64_t)serial; break;
    case MEMBER_TIME: *(int64_t *)(void *)at = INT64_C(1700000000000000) + serial * 1000; break;
    case MEMBER_INDEX: *(size_t *)(void *)at = (size_t)serial % 2; break;
    case MEMBER_CHOICE: *(unsigned *)(void *)at = 2; break;
    case MEMBER_RESULT: *(struct perf_result **)(void *)at = result_make(); break;
    case MEMBER_OBJECT: fill(at, m->of); break;
    case MEMBER_LIST: fill_list(at, count, m); break;
    case MEMBER_INDEXES:
        *(size_t **)(void *)at = arena_array(arena, 2, sizeof(size_t));
        (*(size_t **)(void *)at)[1] = 1;
        *count = 2;
        break;
    case MEMBER_POINTS:
        memcpy(at, points, sizeof points);
        *count = 3;
        break;
    }
}

static void fill(void *base, const struct shape *shape)
{
    for (const struct member *m = shape->members; m->key != NULL; m++)
        fill_member(base, m);
}

static char *written(const struct perf_study *s)
{
    struct strbuf text;
    struct error err = ERROR_INIT;
    strbuf_init(&text, PERF_STUDY_MAX_BYTES);
    if (perf_study_write(s, &text, &err) != 0)
        fail_msg("%s", err.message);
    char *copy = arena_strdup(arena, text.data);
    strbuf_release(&text);
    return copy;
}

static struct perf_study parsed(const char *text)
{
    struct perf_study s;
    struct error err = ERROR_INIT;
    if (perf_study_parse(span_of(text), "s.json", arena, &s, &err) != 0)
        fail_msg("%s", err.message);
    return s;
}

static void test_whole(void **state)
{
    struct perf_study s;
    (void)state;
    perf_study_init(&s);
    fill(&s, &perf_study_shape);
    char *first = written(&s);
    struct perf_study again = parsed(first);
    assert_string_equal(written(&again), first);
    assert_true(perf_study_is(span_of(first)));
    assert_int_equal(again.nendpoints, 2);
    assert_int_equal(again.endpoints[1].slopes[1].points, 3);
    assert_true(again.endpoints[1].slopes[1].size[2] == 10);
    assert_string_equal(again.server.tables[1].columns[1].name, s.server.tables[1].columns[1].name);
    assert_true(again.endpoints[1].rounds[1].wal_bytes == s.endpoints[1].rounds[1].wal_bytes);
    assert_int_equal(again.findings[1].severity, PERF_MEDIUM);
    assert_int_equal(again.findings[1].endpoints[1], 1);
    assert_int_equal(again.server.taken_us, s.server.taken_us);
    assert_int_equal(histogram_count(again.endpoints[1].result->latencies), 8);
    assert_in_range(histogram_max(again.mixed->latencies), 250000, 250250); /* to its step */
    perf_study_release(&s);
    perf_study_release(&again);
}

static void test_empty_and_unknown(void **state)
{
    struct perf_study s;
    (void)state;
    perf_study_init(&s);
    struct perf_study again = parsed(written(&s));
    assert_true(again.mixed_explained < 0);
    assert_true(again.server.stats_age_s < 0);
    assert_int_equal(again.nendpoints, 0);
    assert_null(again.mixed);
    again = parsed("{\"diner_perf_study\":1,\"later\":{},\"endpoints\":[{\"name\":\"GET /a\"}]}");
    assert_true(again.endpoints[0].body_bytes < 0);
    assert_true(again.mixed_explained < 0);
    assert_null(again.endpoints[0].result);
}

/* ---- what does not fit ----------------------------------------------------------------------- */

/* What is read is written so that it reads the same: the second writing is the first. */
static void assert_lasting(const char *text)
{
    struct strbuf first, second;
    struct perf_study s, again;
    struct error err = ERROR_INIT;
    strbuf_init(&first, PERF_STUDY_MAX_BYTES);
    strbuf_init(&second, PERF_STUDY_MAX_BYTES);
    assert_int_equal(perf_study_parse(span_of(text), "a", arena, &s, &err), 0);
    assert_int_equal(perf_study_write(&s, &first, &err), 0);
    if (perf_study_parse((struct span){first.data, first.len}, "b", arena, &again, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(perf_study_write(&again, &second, &err), 0);
    assert_string_equal(first.data, second.data);
    perf_study_release(&s);
    perf_study_release(&again);
    strbuf_release(&first);
    strbuf_release(&second);
}

static void test_lasting(void **state)
{
    (void)state;
#define OF_RESULT(inside)                                                                          \
    "{\"diner_perf_study\":1,\"mixed\":{\"profile\":{\"source\":\"diner\"}," inside "}}"
    assert_lasting(OF_RESULT("\"latencies_us\":[]"));
    /* Two values of one step are written as one pair. */
    assert_lasting(OF_RESULT("\"latencies_us\":[[100000,400000000000],[100001,400000000000]]"));
    assert_lasting(OF_RESULT("\"p95_ms\":-0.0"));
    assert_lasting(OF_RESULT("\"samples\":[{\"seconds\":1,\"p50_ms\":-0.0}]"));
    assert_lasting("{\"diner_perf_study\":1,\"environment\":{\"memory_bytes\":-0.0}}");
    assert_lasting("{\"diner_perf_study\":1,\"server\":{\"stats_age_s\":-0.0}}");
#undef OF_RESULT
}

static void assert_refused(const char *text, const char *message)
{
    struct perf_study s;
    struct error err = ERROR_INIT;
    assert_int_equal(perf_study_parse(span_of(text), "s.json", arena, &s, &err), ERR_DATA);
    if (strstr(err.message, message) == NULL)
        fail_msg("'%s' is not in '%s'", message, err.message);
}

static void test_refused(void **state)
{
    (void)state;
    assert_refused("{}", "s.json: not a study");
    assert_refused("{\"diner_perf_study\":2}", "version 2");
    assert_refused("{\"diner_perf_study\":1,\"server\":{\"statements\":[{},{\"calls\":\"x\"}]}}",
                   "'server.statements[1].calls' must be a number");
    assert_refused("{\"diner_perf_study\":1,\"server\":{\"statements\":[{}]}}",
                   "'server.statements[0]' must be complete");
    assert_refused("{\"diner_perf_study\":1,\"endpoints\":{}}", "'endpoints' must be a list");
    assert_refused("{\"diner_perf_study\":1,\"endpoints\":[{\"name\":\"a\",\"uses\":[{"
                   "\"statement\":0}]}]}",
                   "'endpoints[0]' must be an endpoint with");
    assert_refused("{\"diner_perf_study\":1,\"endpoints\":[{\"name\":\"a\",\"slopes\":[{"
                   "\"size\":[1,2],\"calls\":[1]}]}]}",
                   "'endpoints[0].slopes[0].calls' must be a list of at most 8");
    assert_refused("{\"diner_perf_study\":1,\"findings\":[{\"severity\":\"bad\"}]}",
                   "'findings[0].severity' must be one of note, low, medium, high");
    assert_refused("{\"diner_perf_study\":1,\"mixed\":{\"profile\":{}}}", "s.json: in 'mixed'");
    assert_refused("{\"diner_perf_study\":1,\"endpoints\":[{\"name\":\"a\",\"result\":{\"profile\":"
                   "{\"source\":\"x\"},\"p50_ms\":true}}]}",
                   "in 'endpoints[0].result': 'p50_ms' must be a number");
}

/* What is read can be written so that it reads the same. */
static void test_unwritable_is_refused(void **state)
{
    static const char *const latencies[] = {"[[1000,0]]", "[[1,900000000000],[1,900000000000]]"};
    (void)state;
    for (size_t i = 0; i < 2; i++)
        assert_refused(arena_printf(arena,
                                    "{\"diner_perf_study\":1,\"mixed\":{\"profile\":{\"source\":"
                                    "\"diner\"},\"latencies_us\":%s}}",
                                    latencies[i]),
                       "'latencies_us' must be a list of");
    assert_refused("{\"diner_perf_study\":1,\"environment\":{\"started_us\":"
                   "\"0001-01-01T00:00:00+08:00\"}}",
                   "must be a time as in RFC 3339");
}

static void test_too_large_to_read_is_not_written(void **state)
{
    struct perf_study s;
    struct strbuf out;
    struct error err = ERROR_INIT;
    (void)state;
    perf_study_init(&s);
    s.server.nstatements = 400;
    s.server.statements = arena_array(arena, 400, sizeof *s.server.statements);
    char *text = arena_alloc(arena, 65537);
    memset(text, 'x', 65536);
    for (size_t i = 0; i < 400; i++)
        s.server.statements[i] = (struct perf_statement){.fingerprint = "f", .text = text};
    strbuf_init(&out, (size_t)64 << 20);
    assert_int_equal(perf_study_write(&s, &out, &err), ERR_LIMIT);
    strbuf_release(&out);
}

/* ---- the table ------------------------------------------------------------------------------ */

static size_t member_size(const struct member *m)
{
    switch (m->kind) {
    case MEMBER_FLAG: return sizeof(bool);
    case MEMBER_INT:
    case MEMBER_CHOICE: return sizeof(int);
    case MEMBER_OBJECT: return m->of->size;
    case MEMBER_POINTS: return sizeof(double[PERF_SLOPE_POINTS]);
    default: return sizeof(void *);
    }
}

static void check_shape(const struct shape *shape)
{
    unsigned char covered[4096] = {0};
    assert_true(shape->size <= sizeof covered);
    for (const struct member *m = shape->members; m->key != NULL; m++) {
        memset(covered + m->offset, 1, member_size(m));
        if (m->kind >= MEMBER_LIST)
            memset(covered + m->count, 1, sizeof(size_t));
        if (m->of != NULL)
            check_shape(m->of);
    }
    size_t gap = 0; /* what alignment leaves free is less than a word */
    for (size_t i = 0; i < shape->size; i++) {
        gap = covered[i] ? 0 : gap + 1;
        if (gap >= sizeof(void *))
            fail_msg("byte %zu of the struct with '%s' is in no JSON", i, shape->members[0].key);
    }
}

static void test_table_is_whole(void **state)
{
    (void)state;
    check_shape(&perf_study_shape);
}

static void test_lacks_once(void **state)
{
    struct perf_study s;
    (void)state;
    perf_study_init(&s);
    perf_study_lacks(&s, arena, "statements", "a", "b");
    perf_study_lacks(&s, arena, "statements", "c", "d");
    perf_study_lacks(&s, arena, "waits", "e", "f");
    assert_int_equal(s.nmissing, 2);
    assert_string_equal(s.missing[0].why_en, "a");
    assert_string_equal(s.missing[1].why_zh, "f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_empty_and_unknown),
        cmocka_unit_test(test_lasting),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_unwritable_is_refused),
        cmocka_unit_test(test_too_large_to_read_is_not_written),
        cmocka_unit_test(test_table_is_whole),
        cmocka_unit_test(test_lacks_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
