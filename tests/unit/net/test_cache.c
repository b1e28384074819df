/* The last good answers of a list, where its system has none. */
#include "connector_fixture.h"
#include <dirent.h>
#include <ftw.h>
#include <sys/stat.h>

static char directory[] = "/tmp/diner-cache-XXXXXX";

#define LIST(cache)                                                                                \
    HEAD "retry: { max: 0 }\nbreaker: { failures: 1000 }\n"                                        \
         "resources: { l: { path: /l, query: { q: '${q}' }, records: /items,"                      \
         " paginate: { type: page, param: p }, cache: { " cache " } } }\n"

static const char GOOD[] = "{'/v1/l?q=1&p=1': [{'body': '{\\'items\\':[1, {\\'phone\\':\\'138\\',"
                           "\\'a\\':19.90}]}'}], '/v1/l?q=1&p=2': [{'body': '{\\'items\\':[]}'}]}";
static const char DOWN[] = "{'/v1/l': [{'status': 503}]}";

/* All records, joined; 'may': 0 no, 1 yes, 2 rows are removed by it. */
static int read_list(const char *yaml, const char *q, int may, struct strbuf *out,
                     bool *ret_degraded, struct error *err)
{
    const struct connector_param param = {"q", q, false};
    struct connector *c = open_yaml(yaml);
    struct connector_pages *p = NULL;
    struct connector_page page = {0};
    bool end = false;

    strbuf_clear(out);
    *ret_degraded = false;
    assert_int_equal(connector_pages_open(c, "l", &param, 1, &p, err), 0);
    if (may > 0)
        connector_pages_may_degrade(p, may == 2);
    connector_pages_ahead(p);
    int code;
    while ((code = connector_pages_next(p, &page, &end, err)) == 0 && !end) {
        for (size_t i = 0; i < page.count; i++)
            strbuf_addf(out, "%.*s ", (int)page.elements[i].len, page.elements[i].ptr);
        *ret_degraded = page.degraded != NULL;
        if (page.degraded) {
            assert_non_null(strstr(page.degraded, "answers of "));
            assert_non_null(strstr(page.degraded, "HTTP 503"));
        }
    }
    connector_pages_close(p);
    connector_close(c);
    return code;
}

static int files(mode_t *ret_mode)
{
    char path[256];
    int count = 0;

    snprintf(path, sizeof(path), "%s/cache", directory);
    DIR *d = opendir(path);
    struct dirent *entry;
    while (d && (entry = readdir(d))) {
        struct stat st;
        if (entry->d_name[0] == '.' || fstatat(dirfd(d), entry->d_name, &st, 0) != 0)
            continue;
        *ret_mode = st.st_mode & 0777;
        count++;
    }
    if (d)
        closedir(d);
    return count;
}

static void test_the_last_good_list_serves_where_there_is_none(void **state)
{
    (void)state;
    static const char yaml[] = LIST("for: 1h");
    AUTO_STRBUF struct strbuf out = {0}, good = {0};
    struct error err = ERROR_INIT;
    bool degraded;
    mode_t mode = 0;

    strbuf_init(&out, 0);
    strbuf_init(&good, 0);
    server_script(DOWN);
    assert_int_equal(read_list(yaml, "1", 1, &out, &degraded, &err), ERR_UNAVAILABLE);
    server_script(GOOD);
    assert_int_equal(read_list(yaml, "1", 1, &good, &degraded, &err), 0);
    assert_false(degraded);
    assert_int_equal(files(&mode), 1);
    assert_int_equal(mode, 0600);
    server_script(DOWN);
    assert_int_equal(read_list(yaml, "1", 1, &out, &degraded, &err), 0);
    assert_true(degraded);
    assert_string_equal(good.data, "1 {\"phone\":\"138\",\"a\":19.90} ");
    assert_non_null(strstr(out.data, "138")); /* as it was, nothing disguised */
    assert_non_null(strstr(out.data, "19.90"));
    /* only where it is asked for, and not for another question */
    assert_int_equal(read_list(yaml, "1", 0, &out, &degraded, &err), ERR_UNAVAILABLE);
    assert_int_equal(read_list(yaml, "2", 1, &out, &degraded, &err), ERR_UNAVAILABLE);
    /* rows that are not in it would be removed */
    assert_int_equal(read_list(yaml, "1", 2, &out, &degraded, &err), ERR_UNAVAILABLE);
    assert_int_equal(read_list(LIST("for: 1h, deletes: allow"), "1", 2, &out, &degraded, &err), 0);
    assert_true(degraded);
}

static void test_what_is_too_old_is_not_used(void **state)
{
    (void)state;
    static const char yaml[] = LIST("for: 1h");
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;
    bool degraded;

    strbuf_init(&out, 0);
    fake_clock_begin();
    server_script(GOOD);
    assert_int_equal(read_list(yaml, "1", 1, &out, &degraded, &err), 0);
    server_script(DOWN);
    fake_advance(INT64_C(3600) * 1000);
    assert_int_equal(read_list(yaml, "1", 1, &out, &degraded, &err), 0);
    fake_advance(1);
    assert_int_equal(read_list(yaml, "1", 1, &out, &degraded, &err), ERR_UNAVAILABLE);
}

static void test_old_and_new_answers_are_never_mixed(void **state)
{
    (void)state;
    static const char yaml[] = LIST("for: 1h");
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;
    bool degraded;

    strbuf_init(&out, 0);
    server_script(GOOD);
    assert_int_equal(read_list(yaml, "1", 1, &out, &degraded, &err), 0);
    server_script("{'/v1/l?q=1&p=1': [{'body': '{\\'items\\':[7]}'}],"
                  " '/v1/l?q=1&p=2': [{'status': 503}]}");
    assert_int_equal(read_list(yaml, "1", 1, &out, &degraded, &err), ERR_UNAVAILABLE);
    assert_string_equal(out.data, "7 ");
    /* and what did not come to its end is not kept */
    server_script(DOWN);
    assert_int_equal(read_list(yaml, "1", 1, &out, &degraded, &err), 0);
    assert_null(strchr(out.data, '7'));
}

static void test_other_failures_are_not_covered_up(void **state)
{
    (void)state;
    static const char yaml[] = LIST("for: 1h");
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;
    bool degraded;

    strbuf_init(&out, 0);
    server_script(GOOD);
    assert_int_equal(read_list(yaml, "1", 1, &out, &degraded, &err), 0);
    server_script("{'/v1/l': [{'status': 403}]}");
    assert_int_equal(read_list(yaml, "1", 1, &out, &degraded, &err), ERR_AUTH);
    server_script("{'/v1/l': [{'body': '{}'}]}");
    assert_int_equal(read_list(yaml, "1", 1, &out, &degraded, &err), ERR_REMOTE);
}

static void test_a_list_over_its_maximum_is_not_kept(void **state)
{
    (void)state;
    static const char yaml[] = LIST("for: 1h, max: 1KiB");
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;
    bool degraded;

    strbuf_init(&out, 0);
    server_script("{'/v1/l': [{'pad_bytes': 0, 'json': {'items': ['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
                  "]}}, {'json': {'items': []}}]}");
    assert_int_equal(read_list(yaml, "big", 1, &out, &degraded, &err), 0);
    server_script(DOWN);
    assert_int_equal(read_list(yaml, "big", 1, &out, &degraded, &err), ERR_UNAVAILABLE);
}

static int cache_start(void **state)
{
    if (!mkdtemp(directory) || group_start(state) != 0)
        return -1;
    setting("state_dir", directory);
    return 0;
}

static int entry_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int cache_stop(void **state)
{
    nftw(directory, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
    return group_stop(state);
}

#define TEST(name) cmocka_unit_test_teardown(name, fake_clock_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_last_good_list_serves_where_there_is_none),
        TEST(test_what_is_too_old_is_not_used),
        TEST(test_old_and_new_answers_are_never_mixed),
        TEST(test_other_failures_are_not_covered_up),
        TEST(test_a_list_over_its_maximum_is_not_kept),
    };
    return cmocka_run_group_tests(tests, cache_start, cache_stop);
}
