/* The one pass over plain records: what it cuts, what it leaves, and that it agrees with the slow
 * way on whatever it is given. */
#include "scratch.h"

#include "format/csvio.h"
#include "format/csvscan.h"

static struct csvscan scan;

static bool cut_with(const char *record, char delimiter, int quote)
{
    static char padded[4096];
    size_t n = strlen(record);
    assert_true(n + CSVSCAN_PADDING < sizeof padded);
    memset(padded, '"', sizeof padded); /* what lies behind must not matter */
    memcpy(padded, record, n);
    return csvscan_record(&scan, (struct span){padded, n}, delimiter, quote);
}

static void gives(const char *record, size_t n, const char *const *fields)
{
    if (!cut_with(record, ',', '"'))
        fail_msg("'%s' was left to libcsv", record);
    assert_int_equal(scan.nfields, n);
    for (size_t i = 0; i < n; i++)
        if (!span_equal(scan.fields[i], span_of(fields[i])))
            fail_msg("field %zu of '%s' is '%.*s'", i, record, (int)scan.fields[i].len,
                     scan.fields[i].ptr);
}
#define FIELDS(...)                                                                                \
    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), (const char *const[])             \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static void test_plain_records(void **state)
{
    (void)state;
    gives("a", FIELDS("a"));
    gives("a,b", FIELDS("a", "b"));
    gives(",", FIELDS("", ""));
    gives("a,,b,", FIELDS("a", "", "b", ""));
    gives(" a , b", FIELDS(" a ", " b"));
    gives("\"a\"", FIELDS("a"));
    gives("\"\"", FIELDS(""));
    gives("\"\",\"\"", FIELDS("", ""));
    gives("\"a,b\",c", FIELDS("a,b", "c"));
    gives("\"a\"\"b\",\"\"\"\"", FIELDS("a\"b", "\""));
    gives("x,\"\"\",\"\"\",y", FIELDS("x", "\",\"", "y"));
}

static void test_records_that_are_not_plain(void **state)
{
    static const char *const records[] = {
        "a\"b,c", "\"a\"b,c", "\"a", "a,\"b", "\"a\"\"", "\"a\" ,b", "a\rb", "\"a\rb\"", "\"a\"\"b",
    };
    (void)state;
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        if (cut_with(records[i], ',', '"'))
            fail_msg("'%s' was taken for plain", records[i]);
    char nul[3 + CSVSCAN_PADDING] = "a\0b";
    assert_false(csvscan_record(&scan, (struct span){nul, 3}, ',', '"'));
}

static void test_other_dialects(void **state)
{
    (void)state;
    assert_true(cut_with("a\"b|\"c", '|', -1));
    assert_int_equal(scan.nfields, 2);
    assert_true(span_equal(scan.fields[1], SPAN("\"c")));
    assert_true(cut_with("'a;''b';\"", ';', '\''));
    assert_int_equal(scan.nfields, 2);
    assert_true(span_equal(scan.fields[0], SPAN("a;'b")));
}

/* Marks at every place of the blocks, and lengths around their ends. */
static void test_places(void **state)
{
    char text[200];
    (void)state;
    for (size_t n = 1; n < sizeof text - CSVSCAN_PADDING; n++) {
        for (size_t at = 0; at < n; at++) {
            memset(text, 'x', sizeof text);
            memset(text + n, ',', sizeof text - n);
            text[at] = ',';
            assert_true(csvscan_record(&scan, (struct span){text, n}, ',', '"'));
            assert_int_equal(scan.nfields, 2);
            assert_int_equal(scan.fields[0].len, at);
            assert_int_equal(scan.fields[1].len, n - at - 1);
        }
    }
}

static void test_blocks_agree(void **state)
{
    static const char alphabet[] = ",\"\r\n\0ab\xE9\xA4\x90";
    char block[CSVSCAN_BLOCK];
    unsigned seed = 7;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof block; i++) {
            seed = seed * 1664525U + 1013904223U;
            block[i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
        }
        struct csvscan_bits a = csvscan_block(block, ',', '"');
        struct csvscan_bits b = csvscan_block_portable(block, ',', '"');
        assert_true(a.marks == b.marks && a.odd == b.odd && a.quotes == b.quotes);
    }
}

static void test_too_many_fields(void **state)
{
    static char text[CSVIO_FIELDS_MAX + 100 + CSVSCAN_PADDING];
    (void)state;
    memset(text, ',', sizeof text);
    assert_true(csvscan_record(&scan, (struct span){text, CSVIO_FIELDS_MAX - 1}, ',', '"'));
    assert_int_equal(scan.nfields, CSVIO_FIELDS_MAX);
    assert_false(csvscan_record(&scan, (struct span){text, CSVIO_FIELDS_MAX}, ',', '"'));
}

/* ---- both readers over one file ------------------------------------------------------------ */

static void require_same(const struct csvio_record *a, const struct csvio_record *b)
{
    assert_int_equal(a->line, b->line);
    assert_true(span_equal(a->raw, b->raw));
    assert_true((a->fault == NULL) == (b->fault == NULL));
    if (a->fault != NULL)
        assert_string_equal(a->fault, b->fault);
    assert_int_equal(a->fault_line, b->fault_line);
    assert_int_equal(a->fault_column, b->fault_column);
    assert_int_equal(a->nfields, b->nfields);
    for (size_t i = 0; i < a->nfields; i++)
        assert_true(span_equal(a->fields[i], b->fields[i]));
}

static void read_both(const char *path)
{
    struct csvio_options fast = {0}, slow = {.is_reference = true};
    struct csvio_reader *r = NULL, *reference = NULL;
    struct csvio_record a, b;
    struct error err = ERROR_INIT;
    bool end_a = false, end_b = false;
    assert_ok(csvio_open(path, &fast, &r, &err));
    assert_ok(csvio_open(path, &slow, &reference, &err));
    while (!end_a) {
        assert_ok(csvio_next(r, &a, &end_a, &err));
        assert_ok(csvio_next(reference, &b, &end_b, &err));
        assert_int_equal(end_a, end_b);
        if (!end_a)
            require_same(&a, &b);
    }
    csvio_close(r);
    csvio_close(reference);
}

static void test_same_as_the_slow_way(void **state)
{
    /* Records that are plain, quoted, over lines, faulty; files of every order of them, long enough
     * that lines cross the pieces a file is read in. */
    static const char *const lines[] = {"a,b,c\n",
                                        "\"q\"\"q\",\"x,y\",\n",
                                        "\"two\nlines\",2,3\n",
                                        "stray\"quote,2,3\n",
                                        "\n",
                                        "\"a\"b,2,3\r\n",
                                        "\xE9\xA4\x90\xE5\x8E\x85,\"\xE5\x8E\x85\",3\r\n",
                                        "c\rr,2,3\n"};
    const size_t n = sizeof lines / sizeof *lines;
    char *text = malloc(1 << 20), *to = text;
    unsigned seed = 3;
    (void)state;
    assert_non_null(text);
    while (to - text < (1 << 20) - 64) {
        seed = seed * 1664525U + 1013904223U;
        to = stpcpy(to, lines[(seed >> 16) % n]);
    }
    read_both(scratch_file("mixed.csv", text, (size_t)(to - text)));
    to = stpcpy(to, "\"open,2,3\nlast,2,3");
    read_both(scratch_file("open.csv", text, (size_t)(to - text)));
    free(text);
}

static int setup(void **state)
{
    csvscan_init(&scan, 1 << 20);
    return scratch_setup(state);
}

static int teardown(void **state)
{
    csvscan_release(&scan);
    return scratch_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_records),
        cmocka_unit_test(test_records_that_are_not_plain),
        cmocka_unit_test(test_other_dialects),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_blocks_agree),
        cmocka_unit_test(test_too_many_fields),
        cmocka_unit_test(test_same_as_the_slow_way),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
