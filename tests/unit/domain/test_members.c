/* What a member is known by, how it is shown in part, and that nothing of it is left behind. */
#include "app_fixture.h"

#include "domain/member_erase.h"
#include "domain/member_key.h"
#include "format/mask.h"

#define KEY       "a key of the tests"
#define OTHER_KEY "another one of them"

static struct domain_context ctx;
static struct error err;

static int set_up(void **state)
{
    (void)state;
    app_reset();
    ctx = (struct domain_context){.conn = app_conn, .arena = arena_new(), .hash_key = KEY};
    error_clear(&err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    db_rollback(app_conn);
    arena_free(ctx.arena);
    return 0;
}

/* ---- keys --------------------------------------------------------------------------------- */

static void test_a_phone_has_one_form(void **state)
{
    (void)state;
    const char *const same[] = {"13800000001", "+8613800000001", "008613800000001",
                                "8613800000001"};
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(member_phone_plain(&ctx, same[i]), "13800000001");
    const char *const others[] = {"+8612800000001", "8613800000",     "+15551234567",
                                  "09157518479",    "86138000000011", "no phone"};
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(member_phone_plain(&ctx, others[i]), others[i]);
    assert_null(member_phone_plain(&ctx, NULL));
}

static void test_a_hash_is_of_its_key_and_kind(void **state)
{
    (void)state;
    const char *hash = member_hash(&ctx, "phone", "13800000001");
    assert_int_equal(strlen(hash), MEMBER_MARK_BYTES + 64);
    assert_null(strstr(hash, "1380000"));
    assert_string_equal(hash, member_hash(&ctx, "phone", "13800000001"));
    assert_string_not_equal(hash, member_hash(&ctx, "unionid", "13800000001"));
    ctx.hash_key = OTHER_KEY;
    /* Also its mark is another, so that it is seen which key it is by. */
    assert_memory_not_equal(hash, member_hash(&ctx, "phone", "13800000001"), MEMBER_MARK_BYTES);
    ctx.hash_key = NULL;
    assert_null(member_hash(&ctx, "phone", "13800000001"));
    assert_int_equal(member_key_require(&ctx, &err), ERR_CONFIG);
}

static void test_phones_without_a_hash_get_one(void **state)
{
    (void)state;
    int64_t hashed;
    app_run("insert into app.members (name, phone) select 'x', (13800000000 + i)::text "
            "from generate_series(1, 4100) i; insert into app.members (name) values ('y')");
    assert_db_ok(member_hash_all(&ctx, &hashed, &err));
    assert_int_equal(hashed, 4100);
    assert_db_ok(member_hash_all(&ctx, &hashed, &err));
    assert_int_equal(hashed, 0);
    ctx.hash_key = OTHER_KEY;
    assert_db_ok(member_hash_all(&ctx, &hashed, &err));
    assert_int_equal(hashed, 4100);
    assert_int_equal(app_number("select count(distinct phone_hash) from app.members"), 4100);
}

static void assert_masked(enum mask_kind kind, const char *sql, const char *text)
{
    AUTO_RESULT struct db_result *row = NULL;
    AUTO_STRBUF struct strbuf expected = {0};
    strbuf_init(&expected, 0);
    mask_text(kind, span_of(text), &expected);
    assert_db_ok(db_query(app_conn, sql, DB_PARAMS(text), &row, &err));
    assert_string_equal(db_result_text(row, 0, 0), expected.data);
}

static void test_masks_are_the_same_everywhere(void **state)
{
    (void)state;
    const char *const mobiles[] = {"18049531999", "+8618049531999", "1234567", "12345678", "12345"};
    const char *const landlines[] = {"09157518479", "02112345678", "012345", "0123456"};
    const char *const names[] = {"段正淳", "段", "欧阳娜娜", "Li Lei", "𠮷野"};
    for (size_t i = 0; i < 5; i++)
        assert_masked(MASK_CN_PHONE, "select app.mask_phone($1)", mobiles[i]);
    for (size_t i = 0; i < 4; i++)
        assert_masked(MASK_LANDLINE, "select app.mask_phone($1)", landlines[i]);
    for (size_t i = 0; i < 5; i++)
        assert_masked(MASK_NAME, "select app.mask_middle($1, 1, 0)", names[i]);
}

/* ---- traces ------------------------------------------------------------------------------- */

static int count(void *self, const char *table, int64_t rows, struct error *e)
{
    (void)table;
    (void)e;
    *(int64_t *)self += rows;
    return ERR_OK;
}

static int64_t replace(struct member_traces *t)
{
    int64_t rows = 0;
    t->token = "erased-1";
    t->ids = "{}";
    assert_db_ok(db_begin(app_conn, &err));
    assert_db_ok(member_traces_replace(app_conn, t, count, &rows, &err));
    assert_db_ok(db_commit(app_conn, &err));
    return rows;
}

static void make_table(void)
{
    app_run("create schema if not exists ods; drop table if exists ods.traces;"
            "create table ods.traces (id int, t text, doc jsonb)");
}

static void test_texts_full_of_signs_are_texts(void **state)
{
    (void)state;
    const char *const names[] = {"a.b*c",   "(x|y)",   "[z-a]+", "$1^",
                                 "{2,3}?x", "o'neill", "&amp;x", "甲{乙}"};
    make_table();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        AUTO_TRACES struct member_traces t;
        member_traces_init(&t);
        member_traces_add(&t, "openid", "openid-0001");
        member_traces_add(&t, "name", names[i]);
        app_run("truncate ods.traces");
        assert_db_ok(
            db_execute(app_conn,
                       "insert into ods.traces values (1, 'openid-0001 ' || $1::text || ' x',"
                       " jsonb_build_object('n', $1::text, 'o', 'openid-0001')), (2, $1, '{}')",
                       DB_PARAMS(names[i]), NULL, &err));
        assert_int_equal(replace(&t), 1);
        assert_int_equal(app_number("select count(*) from ods.traces "
                                    "where t = 'erased-1 erased-1 x' and doc ->> 'o' = 'erased-1'"),
                         1);
        assert_int_equal(app_number("select count(*) from ods.traces where t like '%erased%'"), 1);
    }
}

static void test_what_json_writes_otherwise_is_a_whole_value(void **state)
{
    (void)state;
    const char *const names[] = {"a\\", "\\d\\m", "say \"x\"", "\"", "b\\\"c\\1"};
    make_table();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        AUTO_TRACES struct member_traces t;
        member_traces_init(&t);
        member_traces_add(&t, "openid", "openid-0001");
        member_traces_add(&t, "name", names[i]);
        app_run("truncate ods.traces");
        assert_db_ok(db_execute(app_conn,
                                "insert into ods.traces values (1, $1, "
                                "jsonb_build_object('n', $1::text, 'o', 'openid-0001'))",
                                DB_PARAMS(names[i]), NULL, &err));
        assert_int_equal(replace(&t), 1);
        assert_int_equal(app_number("select count(*) from ods.traces where t = 'erased-1' and "
                                    "doc = '{\"n\": \"erased-1\", \"o\": \"erased-1\"}'"),
                         1);
    }
}

static void test_json_stays_json(void **state)
{
    (void)state;
    AUTO_TRACES struct member_traces t;
    const char *const documents[] = {"{\"p\": 13800000001}",
                                     "[13800000001, -13800000001, 8613800000001]",
                                     "13800000001",
                                     "\"13800000001\"",
                                     "{\"13800000001\": 1}",
                                     "{\"a\": \"tel, 13800000001, x\"}",
                                     "{\"a\": \"{\\\"p\\\":13800000001}\"}",
                                     "[13800000001.5, 1.13800000001, 138000000010]",
                                     "{\"null\": null, \"n\": \"null\", \"p\": \"13800000001\"}",
                                     "{\"88\": 88, \"p\": \"138-0000-0001\"}"};
    make_table();
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++)
        assert_db_ok(db_execute(app_conn, "insert into ods.traces (doc) values ($1::jsonb)",
                                DB_PARAMS(documents[i]), NULL, &err));
    member_traces_init(&t);
    member_traces_add(&t, "phone", "13800000001");
    member_traces_add(&t, "name", "null");
    member_traces_add(&t, "name", "88");
    assert_int_equal(replace(&t), 9);
    assert_int_equal(app_number("select count(*) from ods.traces where doc::text ~ "
                                "'(^|[^0-9.])138-?0000-?0001([^0-9.]|$)'"),
                     0);
    assert_int_equal(app_number("select count(*) from ods.traces where doc = "
                                "'[13800000001.5, 1.13800000001, 138000000010]'"),
                     1);
}

static void test_what_only_looks_like_it_stays(void **state)
{
    (void)state;
    AUTO_TRACES struct member_traces t;
    make_table();
    app_run("insert into ods.traces (t) values ('013800000001'), ('138000000012'), "
            "('openid-00011'), ('x-openid-0001'), ('段正淳'), ('a 12345 b'), ('0.13800000001')");
    member_traces_init(&t);
    member_traces_add(&t, "phone", "13800000001");
    member_traces_add(&t, "openid", "openid-0001");
    member_traces_add(&t, "phone", "12345");
    member_traces_add(&t, "name", "段正淳");
    assert_int_equal(replace(&t), 0);
    app_run("insert into ods.traces (t) values ('12345')");
    assert_int_equal(replace(&t), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_phone_has_one_form),
        T(test_a_hash_is_of_its_key_and_kind),
        T(test_phones_without_a_hash_get_one),
        T(test_masks_are_the_same_everywhere),
        T(test_texts_full_of_signs_are_texts),
        T(test_what_json_writes_otherwise_is_a_whole_value),
        T(test_json_stays_json),
        T(test_what_only_looks_like_it_stays),
    };
    return cmocka_run_group_tests(tests, app_fixture_start, app_fixture_stop);
}
