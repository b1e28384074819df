#include "cli/internal.h"
#include "format/jsonx.h"
#include "sample.h"

static const struct table_column columns[] = {
    {"store_id", TABLE_TEXT}, {"name", TABLE_TEXT},   {"qty", TABLE_INT},
    {"rate", TABLE_DECIMAL},  {"total", TABLE_MONEY}, {"open", TABLE_BOOL},
    {"at", TABLE_TIME},       {"items", TABLE_JSON},  {NULL, TABLE_TEXT}};
static const char *const rows[][8] = {
    {"S001", "老北京涮肉", "5", "0.10", "12.30", "t", "2024-01-01T00:00:00+08:00", "[1,\n2]"},
    {"S2", "=cmd|\"x\"", "-12345", "3", "1000.00", "false", NULL, NULL},
    {"S3", "a\tb\033[31m\nc", NULL, NULL, "-0.05", NULL, NULL, "{}"},
};

static struct cli cli;
static char *text;
static size_t text_size;

static struct table *begin(enum cli_output output)
{
    cli = (struct cli){.arena = arena_new(), .output = output};
    cli.out = cli.err = open_memstream(&text, &text_size);
    return table_new(&cli, columns);
}

static const char *end(struct table *t)
{
    struct error err = ERROR_INIT;

    if (table_end(t, "nothing there", &err) != 0)
        fail_msg("%s", err.message);
    return text;
}

static int teardown(void **state)
{
    (void)state;
    (void)fclose(cli.out);
    free(text);
    arena_free(cli.arena);
    return 0;
}

static struct table *filled(enum cli_output output)
{
    struct table *t = begin(output);

    for (size_t i = 0; i < 3; i++)
        table_row(t, rows[i]);
    assert_int_equal(table_rows(t), 3);
    return t;
}

static void test_table(void **state)
{
    (void)state;
    assert_string_equal(
        end(filled(CLI_OUTPUT_TABLE)),
        "STORE_ID  NAME                QTY  RATE    TOTAL  OPEN  AT                         "
        "ITEMS\n"
        "S001      老北京涮肉            5  0.10    12.30  yes   2024-01-01T00:00:00+08:00  "
        "[1,\\n2]\n"
        "S2        =cmd|\"x\"         -12345     3  1000.00  no    -                          -\n"
        "S3        a\\tb\\x1b[31m\\nc       -     -    -0.05  -     -                          "
        "{}\n");
}

/* A terminal that is too narrow breaks rows between columns, not in words; a line of a row that
 * says nothing is left out; only a long text of the last column stands alone. */
static void test_narrow_terminal(void **state)
{
    static const struct table_column four[] = {{"order", TABLE_TEXT},
                                               {"qty", TABLE_INT},
                                               {"changed", TABLE_TIME},
                                               {"reason", TABLE_TEXT},
                                               {NULL, TABLE_TEXT}};
    static const char *const cells[][4] = {
        {"S001-1", "5", "2026-11-21T08:30:00.125000Z", "老北京涮肉"},
        {"S001-22", "-12", NULL, "not a date as %Y/%m/%d"},
        {"S001-3", "7", NULL, NULL},
    };

    (void)state;
    struct table *t = begin(CLI_OUTPUT_TABLE);
    t = table_new(&cli, four);
    cli.columns = 33;
    for (size_t i = 0; i < 3; i++)
        table_row(t, cells[i]);
    assert_string_equal(end(t), "ORDER    QTY\n"
                                "    CHANGED               REASON\n"
                                "S001-1     5\n"
                                "    2026-11-21T08:30:00Z\n"
                                "    老北京涮肉\n"
                                "S001-22  -12\n"
                                "    not a date as %Y/%m/%d\n"
                                "S001-3     7\n");
    (void)teardown(NULL);
    (void)begin(CLI_OUTPUT_TABLE);
    t = table_new(&cli, four);
    cli.columns = 46;
    for (size_t i = 0; i < 3; i++)
        table_row(t, cells[i]);
    assert_string_equal(end(t), "ORDER    QTY  CHANGED               REASON\n"
                                "S001-1     5  2026-11-21T08:30:00Z  老北京涮肉\n"
                                "S001-22  -12  -\n"
                                "    not a date as %Y/%m/%d\n"
                                "S001-3     7  -                     -\n");
}

static void test_json(void **state)
{
    struct error err = ERROR_INIT;
    struct jsonx *doc;
    int64_t n;
    const char *json = end(filled(CLI_OUTPUT_JSON));

    (void)state;
    if (jsonx_parse(json, strlen(json), "table", &doc, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(jsonx_count(doc), 3);
    assert_true(jsonx_integer(jsonx_pointer(doc, "/1/qty"), &n) && n == -12345);
    assert_true(jsonx_integer(jsonx_pointer(doc, "/2/total/amount_minor"), &n) && n == -5);
    assert_string_equal(jsonx_text(jsonx_pointer(doc, "/0/total/currency")), "CNY");
    assert_string_equal(jsonx_text(jsonx_pointer(doc, "/0/rate")), "0.10");
    assert_string_equal(jsonx_text(jsonx_pointer(doc, "/0/name")), "老北京涮肉");
    assert_string_equal(jsonx_text(jsonx_pointer(doc, "/2/name")), "a\tb\033[31m\nc");
    assert_true(jsonx_is_true(jsonx_pointer(doc, "/0/open")));
    assert_int_equal(jsonx_kind_of(jsonx_pointer(doc, "/1/open")), JSONX_BOOL);
    assert_int_equal(jsonx_kind_of(jsonx_pointer(doc, "/1/at")), JSONX_NULL);
    assert_int_equal(jsonx_count(jsonx_pointer(doc, "/0/items")), 2);
    jsonx_free(doc);
}

static void test_jsonl(void **state)
{
    struct table *t = begin(CLI_OUTPUT_JSONL);

    (void)state;
    table_row(t, rows[0]);
    (void)fflush(cli.out); /* rows are written as they come */
    assert_string_equal(text, "{\"store_id\":\"S001\",\"name\":\"老北京涮肉\",\"qty\":5,"
                              "\"rate\":\"0.10\",\"total\":{\"amount_minor\":1230,\"currency\":"
                              "\"CNY\"},\"open\":true,\"at\":\"2024-01-01T00:00:00+08:00\","
                              "\"items\":[1, 2]}\n");
    (void)end(t);
}

static void test_csv(void **state)
{
    struct table *t = begin(CLI_OUTPUT_CSV);

    (void)state;
    table_row(t, rows[1]);
    assert_string_equal(end(t), "store_id,name,qty,rate,total,open,at,items\n"
                                "S2,\"'=cmd|\"\"x\"\"\",-12345,3,1000.00,false,,\n");
}

static void test_empty(void **state)
{
    (void)state;
    assert_string_equal(end(begin(CLI_OUTPUT_JSON)), "[]\n");
    (void)teardown(NULL);
    assert_string_equal(end(begin(CLI_OUTPUT_CSV)), "store_id,name,qty,rate,total,open,at,items\n");
    (void)teardown(NULL);
    assert_string_equal(end(begin(CLI_OUTPUT_TABLE)), "");
    (void)teardown(NULL);
    struct table *t = begin(CLI_OUTPUT_TABLE);
    cli.is_terminal = true;
    assert_string_equal(end(t), "nothing there\n");
}

#define MANY 100000

static void fill_many(struct table *t)
{
    char qty[16];

    for (int i = 0; i < MANY; i++) {
        (void)snprintf(qty, sizeof(qty), "%d", i);
        table_row(t, (const char *[]){"S001", "老北京涮肉", qty, "0.10", "12.30", "t", NULL, NULL});
    }
}

static void test_many_rows_are_not_held(void **state)
{
    struct error err = ERROR_INIT;
    struct jsonx *doc;
    int64_t n;
    struct table *t = begin(CLI_OUTPUT_JSON);

    (void)state;
    fill_many(t);
    (void)fflush(cli.out);
    assert_true(text_size > (size_t)MANY * 100); /* all of them are there before the end */
    const char *json = end(t);
    if (jsonx_parse(json, strlen(json), "table", &doc, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(jsonx_count(doc), MANY);
    assert_true(jsonx_integer(jsonx_pointer(doc, "/99999/qty"), &n) && n == MANY - 1);
    jsonx_free(doc);
}

static void test_a_table_that_flows_is_as_one_that_does_not(void **state)
{
    struct table *t = begin(CLI_OUTPUT_TABLE);
    size_t lines = 0, width = 0;

    (void)state;
    fill_many(t);
    for (const char *line = end(t), *next; *line != '\0'; line = next + 1, lines++) {
        next = strchr(line, '\n');
        size_t now = display_width(line, (size_t)(next - line));
        assert_true(lines <= 1 || now == width || (lines > 1000 && now == width + 1));
        width = now;
    }
    assert_int_equal(lines, MANY + 1);
}

static void test_a_quiet_column_speaks_where_later_rows_are_not_known(void **state)
{
    static const struct table_column own[] = {
        {"id", TABLE_TEXT}, {"note", TABLE_TEXT, .is_quiet = true}, {NULL, TABLE_TEXT}};

    (void)state;
    (void)begin(CLI_OUTPUT_TABLE);
    struct table *t = table_new(&cli, own);
    for (int i = 0; i < MANY; i++)
        table_row(t, (const char *[]){"a number of some length", NULL});
    table_row(t, (const char *[]){"the last", "said"});
    assert_non_null(strstr(end(t), "the last                 said\n"));
}

static void test_wrong_values(void **state)
{
    static const char *const wrong[][8] = {
        {"S", "n", "007", "1", "1.00", "t"}, {"S", "n", "1.5", "1", "1.00", "t"},
        {"S", "n", "1", "1", "1.005", "t"},  {"S", "n", "1", "1", "1.00", "perhaps"},
        {"S", "n", "", "1", "1.00", "t"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct error err = ERROR_INIT;
        struct table *t = begin(CLI_OUTPUT_JSON);
        table_row(t, wrong[i]);
        assert_int_equal(table_end(t, NULL, &err), ERR_BUG);
        contains(err.message, "cannot show");
        (void)fflush(cli.out);
        assert_string_equal(text, "");
        if (i + 1 < sizeof(wrong) / sizeof(wrong[0]))
            (void)teardown(NULL);
    }
}

static void test_full_disk(void **state)
{
    struct error err = ERROR_INIT;
    struct table *t = begin(CLI_OUTPUT_TABLE);
    FILE *full = fopen("/dev/full", "w"), *memory = cli.out;

    (void)state;
    assert_non_null(full);
    cli.out = full;
    table_row(t, rows[0]);
    assert_int_equal(table_end(t, NULL, &err), ERR_IO);
    contains(err.message, "No space left on device");
    (void)fclose(full);
    cli.out = memory;
}

static size_t width(const char *s)
{
    return display_width(s, strlen(s));
}

static void test_width(void **state)
{
    (void)state;
    assert_int_equal(width(""), 0);
    assert_int_equal(width("abc"), 3);
    assert_int_equal(width("宫保鸡丁"), 8);
    assert_int_equal(width("¥12"), 3);
    assert_int_equal(width("￥12"), 4); /* fullwidth */
    assert_int_equal(width("café"), 4);
    assert_int_equal(width("cafe\xCC\x81"), 4); /* combining acute */
    assert_int_equal(width("한글"), 4);
    assert_int_equal(width("ｱｲ"), 2); /* halfwidth */
    assert_int_equal(width("🍜"), 2);
    assert_int_equal(width("𠮷"), 2);
    assert_int_equal(width("a\xE2\x80\x8B"
                           "b"),
                     2);                    /* zero width space */
    assert_int_equal(width("\xFF\xFE"), 2); /* shown as U+FFFD each */
    assert_int_equal(width("（全角）、。"), 12);
}

static void wraps(const char *words, const char *expected)
{
    AUTO_STRBUF struct strbuf out = {0};

    strbuf_init(&out, 0);
    cli_wrap(&out, words, 2, 14);
    assert_string_equal(out.data, expected);
}

static void test_wrap(void **state)
{
    (void)state;
    wraps("", "\n");
    wraps("words are kept whole", "words are\n  kept whole\n");
    wraps("a-word-that-is-too-long for it", "a-word-that-is-too-long\n  for it\n");
    wraps("没有空格的中文也要换行", "没有空格的中\n  文也要换行\n");
    wraps("标点不在行首，绝不", "标点不在行\n  首，绝不\n"); /* 首 comes along */
    wraps("括号不在末（尾）", "括号不在末\n  （尾）\n");     /* so does （ */
    wraps("用 `run` 运行", "用 `run` 运\n  行\n");
    wraps("中文与abcdef混排", "中文与abcdef\n  混排\n");
    wraps("坏\xE4\xBD字节", "坏\xE4\xBD字节\n");
}

static void test_safe(void **state)
{
    AUTO_STRBUF struct strbuf out = {0};
    static const char in[] = "菜\x00\x07\x7F\xC2\x9B"
                             "1\xE2\x80\xAE\xED\xA0\x80\xC0\xAF\xF5\n.";

    (void)state;
    strbuf_init(&out, 0);
    cli_add_safe(&out, in, sizeof(in) - 1, true);
    assert_string_equal(out.data, "菜\\x00\\x07\\x7f\\x9b1\\u202e\xEF\xBF\xBD\xEF\xBF\xBD"
                                  "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\n.");
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        T(test_table),
        T(test_narrow_terminal),
        T(test_json),
        T(test_jsonl),
        T(test_csv),
        T(test_empty),
        T(test_many_rows_are_not_held),
        T(test_a_table_that_flows_is_as_one_that_does_not),
        T(test_a_quiet_column_speaks_where_later_rows_are_not_known),
        T(test_wrong_values),
        T(test_full_disk),
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
