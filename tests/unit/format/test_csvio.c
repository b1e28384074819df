#include "scratch.h"

#include "core/strbuf.h"
#include "format/csvio.h"

static const struct csvio_options DEFAULTS = {.encoding = "UTF-8"};

static struct csvio_reader *open_text(const char *text, size_t n, const struct csvio_options *o)
{
    struct error err = ERROR_INIT;
    struct csvio_reader *r = NULL;
    assert_ok(csvio_open(scratch_file("f.csv", text, n), o ? o : &DEFAULTS, &r, &err));
    return r;
}

/* Reads the next record as "field|field", with "!fault" and its place appended. */
static const char *next(struct csvio_reader *r)
{
    static char shown[4096];
    struct error err = ERROR_INIT;
    struct csvio_record rec;
    bool end = false;
    assert_ok(csvio_next(r, &rec, &end, &err));
    if (end)
        return "end";
    size_t n = (size_t)snprintf(shown, sizeof(shown), "%d:", (int)rec.line);
    for (size_t i = 0; i < rec.nfields; i++)
        n += (size_t)snprintf(shown + n, sizeof(shown) - n, "%s%.*s", i ? "|" : "",
                              (int)rec.fields[i].len, rec.fields[i].ptr);
    if (rec.fault)
        snprintf(shown + n, sizeof(shown) - n, "!%s@%d:%d", rec.fault, (int)rec.fault_line,
                 (int)rec.fault_column);
    return shown;
}

#define READ(text, options) struct csvio_reader *r = open_text("" text, sizeof(text) - 1, options)
#define EXPECT(...)                                                                                \
    do {                                                                                           \
        const char *const expected_[] = {__VA_ARGS__, "end", "end"};                               \
        for (size_t i_ = 0; i_ < sizeof(expected_) / sizeof(expected_[0]); i_++)                   \
            assert_string_equal(next(r), expected_[i_]);                                           \
        csvio_close(r);                                                                            \
    } while (0)

static void test_line_ends(void **state)
{
    (void)state;
    READ("a,b\r\n1,2\n\n\r\n\"x\",\"y\"\r\n3,last", NULL);
    EXPECT("1:a|b", "2:1|2", "5:x|y", "6:3|last");
}

static void test_nothing_is_trimmed(void **state)
{
    (void)state;
    READ("\" a \", b ,\t\n a \n\" q\t\",z \n", NULL);
    EXPECT("1: a | b |\t", "2: a ", "3: q\t|z ");
}

static void test_quotes(void **state)
{
    (void)state;
    READ("\"a,b\",\"say \"\"hi\"\"\",\"\"\n,,\n\"\"\n\"\",\n", NULL);
    EXPECT("1:a,b|say \"hi\"|", "2:||", "3:", "4:|");
}

static void test_quoted_lines_and_raw(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    READ("1,\"two\r\nlines\n\nof \"\"text\"\"\",x\r\n2,y\n", NULL);
    struct csvio_record rec;
    bool end = false;
    assert_ok(csvio_next(r, &rec, &end, &err));
    assert_null(rec.fault);
    assert_int_equal(rec.line, 1);
    assert_int_equal(rec.nfields, 3);
    assert_memory_equal(rec.fields[1].ptr, "two\r\nlines\n\nof \"text\"", rec.fields[1].len);
    assert_int_equal(rec.fields[1].len, 21);
    const char raw[] = "1,\"two\r\nlines\n\nof \"\"text\"\"\",x";
    assert_int_equal(rec.raw.len, sizeof(raw) - 1);
    assert_memory_equal(rec.raw.ptr, raw, rec.raw.len);
    EXPECT("5:2|y");
}

static void test_stray_quote_costs_one_record(void **state)
{
    (void)state;
    READ("a,b\"c,d\n1,2\n\"x\"y,z\n3,4\n\"p\" ,q\n5,\"6\"\n", NULL);
    EXPECT("1:a!a quote within an unquoted field@1:4", "2:1|2", "3:!text after a closing quote@3:3",
           "4:3|4", "5:!text after a closing quote@5:3", "6:5|6");
}

static void test_unterminated_quote_costs_one_record(void **state)
{
    (void)state;
    READ("1,a\n2,\"never closed\n3,c\n4,\"d\"\n5,e\n", NULL);
    EXPECT("1:1|a", "2:2!an unterminated quote@2:3", "3:3|c", "4:4|d", "5:5|e");
}

static void test_unterminated_quote_at_the_end(void **state)
{
    (void)state;
    READ("1,a\n2,\"never closed\n3,c\n4,d", NULL);
    EXPECT("1:1|a", "2:2!an unterminated quote@2:3", "3:3|c", "4:4|d");
}

/* The quote that stays open may stand on a later line than the record's first. */
static void test_unterminated_quote_after_a_carriage_return(void **state)
{
    (void)state;
    READ("\r\"open\n2,b", NULL);
    EXPECT("1:!an unterminated quote@1:2", "2:2|b");
}

static void test_unterminated_quote_further_down(void **state)
{
    (void)state;
    READ("\"a\nb\",\"c\nd\n", NULL);
    EXPECT("1:!an unterminated quote@2:4", "2:!a quote within an unquoted field@2:2", "3:d");
}

/* Among 5,000 lines only the one that opens a quote is lost, and none is read twice. */
static void test_rewind_is_bounded(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    for (int i = 1; i <= 5000; i++)
        strbuf_addf(&text, i == 7 || i == 1500 ? "%d,\"open\n" : "%d,x\n", i);
    struct csvio_reader *r = open_text(text.data, text.len, NULL);
    char expected[80];
    for (int i = 1; i <= 5000; i++) {
        if (i == 7 || i == 1500)
            snprintf(expected, sizeof(expected), "%d:%d!an unterminated quote@%d:%d", i, i, i,
                     i == 7 ? 3 : 6);
        else
            snprintf(expected, sizeof(expected), "%d:%d|x", i, i);
        assert_string_equal(next(r), expected);
    }
    EXPECT("end");
}

static void test_quote_none(void **state)
{
    (void)state;
    struct csvio_options o = {.delimiter = '\t', .quote = -1};
    READ("a \"b\"\t\"c\n\"d\te\"\n", &o);
    EXPECT("1:a \"b\"|\"c", "2:\"d|e\"");
}

static void test_other_delimiters_and_quotes(void **state)
{
    (void)state;
    struct csvio_options o = {.delimiter = ';', .quote = '\''};
    READ("a;'b;c';\"d\n'it''s';,\n", &o);
    EXPECT("1:a|b;c|\"d", "2:it's|,");
    struct error err = ERROR_INIT;
    struct csvio_reader *bad = NULL;
    o.quote = ';';
    assert_int_equal(csvio_open("/dev/null", &o, &bad, &err), ERR_SPEC);
    o = (struct csvio_options){.delimiter = '\n'};
    assert_int_equal(csvio_open("/dev/null", &o, &bad, &err), ERR_SPEC);
    assert_null(bad);
}

static void test_nul_and_carriage_return(void **state)
{
    (void)state;
    READ("a,b\n1,\0x\n\"q\",\"\0\"\n2,a\rb\n\"x\ry\",z\n\"x\",y\rz\n3,c\n", NULL);
    EXPECT("1:a|b", "2:1|!a NUL byte@2:3", "3:q|!a NUL byte@3:6",
           "4:2|a\rb!a carriage return outside quotes@4:4", "5:x\ry|z",
           "6:x|y!a carriage return outside quotes@6:6", "7:3|c");
}

static void test_mark_before_a_quote(void **state)
{
    (void)state;
    READ("\xEF\xBB\xBF\"a\",b\n", NULL);
    EXPECT("1:a|b");
}

static void test_empty_file(void **state)
{
    (void)state;
    READ("", NULL);
    EXPECT("end");
    r = open_text("\n\r\n\n", 4, NULL);
    EXPECT("end");
}

/* Trail bytes 0x5C 0x60 0x7C are neither escapes nor delimiters. */
static void test_gb18030_trail_bytes(void **state)
{
    (void)state;
    struct csvio_options o = {.delimiter = '|', .encoding = "GB18030"};
    READ("\x81\x5C|\x81\x60\n\"\x81\x7C\"|z\n", &o);
    EXPECT("1:\xE4\xB9\x97|\xE4\xB9\xA3", "2:\xE4\xBA\x85|z");
}

static void test_bad_bytes_cost_one_record(void **state)
{
    (void)state;
    struct csvio_options o = {.encoding = "GB18030"};
    READ("\xB8\xDF,1\n\xB8\xDF\x80,2\n\"\xD6\",3\n4,x\n", &o);
    EXPECT("1:\xE9\xAB\x98|1",
           "2:\xE9\xAB\x98\xEF\xBF\xBD|2!bytes 80 at offset 7 of the file are not GB18030@2:7",
           "3:\xEF\xBF\xBD|3!bytes D6 at offset 12 of the file are not GB18030@3:12", "4:4|x");
}

static void test_limits(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct csvio_record rec;
    bool end;
    struct csvio_options o = {.record_max_bytes = 64};
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    strbuf_adds(&text, "a,\"b\n");
    for (int i = 0; i < 20; i++)
        strbuf_adds(&text, "12345678\n");
    strbuf_adds(&text, "\",x\n");
    struct csvio_reader *r = open_text(text.data, text.len, &o);
    assert_string_equal(next(r), "1:a!an unterminated quote@1:3");
    assert_string_equal(next(r), "2:12345678");
    csvio_close(r);
    for (int i = 0; i < 70; i++)
        strbuf_addch(&text, 'x');
    r = open_text(text.data, text.len, &o);
    int code = 0;
    for (int i = 0; i < 40 && code == 0; i++)
        code = csvio_next(r, &rec, &end, &err);
    assert_int_equal(code, ERR_LIMIT);
    assert_in(err.message, "f.csv:23:");
    csvio_close(r);
    strbuf_clear(&text);
    for (int i = 0; i < 5000; i++)
        strbuf_addch(&text, ',');
    strbuf_adds(&text, "\n\"\"");
    for (int i = 0; i < 5000; i++)
        strbuf_addch(&text, ',');
    r = open_text(text.data, text.len, NULL);
    for (int i = 0; i < 2; i++) {
        assert_ok(csvio_next(r, &rec, &end, &err));
        assert_int_equal(rec.nfields, 4096);
        assert_string_equal(rec.fault, "more than 4096 fields");
    }
    csvio_close(r);
}

/* ---- real exports -------------------------------------------------------------------------- */

static struct csvio_reader *open_fixture(const char *name, const struct csvio_options *o)
{
    struct error err = ERROR_INIT;
    struct csvio_reader *r = NULL;
    char path[200];
    snprintf(path, sizeof(path), "tests/fixtures/erp/%s", name);
    assert_ok(csvio_open(path, o, &r, &err));
    return r;
}

static void test_kingdee_export(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct csvio_reader *r = open_fixture("erp_stock_kingdee_gb18030.csv", NULL);
    assert_string_equal(csvio_encoding(r)->name, "GB18030");
    assert_int_equal(strlen(csvio_sha256(r)), 64);
    struct csvio_record rec;
    bool end = false;
    uint64_t records = 0;
    for (;;) {
        assert_ok(csvio_next(r, &rec, &end, &err));
        if (end)
            break;
        records++;
        assert_null(rec.fault);
        assert_int_equal(rec.nfields, 11);
        assert_int_equal(rec.line, records); /* the file has no blank line */
        if (rec.line == 7)
            assert_memory_equal(rec.fields[3].ptr, "\xE5\xA4\xA7\xE7\xB1\xB3,", 7);
        if (rec.line == 8)
            assert_memory_equal(rec.fields[3].ptr + 7, "\"\xE9\x87\x91", 4);
        for (size_t i = 0; i < rec.nfields; i++)
            assert_true(utf8_is_valid(rec.fields[i].ptr, rec.fields[i].len));
    }
    assert_true(records > 60);
    uint64_t total;
    uint64_t read = csvio_bytes_read(r, &total);
    assert_int_equal(read, 5369);
    assert_int_equal(total, 5369);
    csvio_close(r);
}

static void test_odoo_export(void **state)
{
    (void)state;
    struct csvio_reader *r = open_fixture("erp_stock_odoo_utf8.csv", NULL);
    assert_string_equal(
        next(r), "1:Location|Product|Internal Reference|Quantity|Unit of Measure|Last Count Date");
    for (int i = 0; i < 7; i++)
        next(r);
    assert_string_equal(next(r),
                        "9:|\xE5\x96\x86\xE8\xAE\xB0\xE8\xB1\x86\xE8\x85\x90|04.017.1008|31.66|"
                        "\xE7\x9B\x92|2026-11-08");
    csvio_close(r);
}

static void test_sap_export(void **state)
{
    (void)state;
    struct csvio_options o = {.delimiter = '\t', .quote = -1};
    struct csvio_reader *r = open_fixture("erp_stock_sap_utf16le.txt", &o);
    assert_string_equal(next(r),
                        "1:Material|Plnt|SLoc|Material Description|Unrestricted|BUn|Value");
    for (int i = 0; i < 3; i++)
        next(r);
    assert_string_equal(next(r),
                        "5:000000000000009879|1000|0001|\xE7\x94\x9F\xE6\x8A\xBD \"\xE9\x87\x91"
                        "\xE6\xA0\x87\"|4.320,853|KG|102.836,30");
    csvio_close(r);
}

static void test_pipe(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct csvio_reader *r = NULL;
    assert_ok(csvio_open_fd(scratch_pipe("a,\"b\"\n1,2", 9), "pipe", NULL, &r, &err));
    assert_string_equal(csvio_sha256(r), "");
    EXPECT("1:a|b", "2:1|2");
}

/* ---- writing ------------------------------------------------------------------------------- */

static void write_row(struct strbuf *out, const struct csvio_style *style, const char *const *texts,
                      size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(csvio_write_field(out, style, span_of(texts[i]), false, i == 0));
    assert_true(csvio_write_end(out, style));
}

static void test_write_reads_back(void **state)
{
    (void)state;
    static const char *const ROW[] = {"a", " b ", "c,d", "e\"f", "g\nh", "", "i\rj"};
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    struct csvio_style style = {.crlf = true};
    write_row(&out, &style, ROW, 7);
    assert_string_equal(out.data, "a,\" b \",\"c,d\",\"e\"\"f\",\"g\nh\",\"\",\"i\rj\"\r\n");
    struct csvio_reader *r = open_text(out.data, out.len, NULL);
    EXPECT("1:a| b |c,d|e\"f|g\nh||i\rj");
}

/* What must be quoted is found at every place of texts of every length. */
static void test_write_quotes_wherever_it_must(void **state)
{
    static const char special[] = {',', '"', '\n', '\r'};
    struct csvio_style style = {0};
    AUTO_STRBUF struct strbuf out = {0};
    char text[80];
    (void)state;
    strbuf_init(&out, 0);
    for (size_t n = 1; n <= sizeof text; n++) {
        memset(text, 'x', n);
        strbuf_clear(&out);
        csvio_write_field(&out, &style, (struct span){text, n}, false, true);
        assert_int_equal(out.len, n);
        for (size_t at = 0; at < n; at++) {
            text[at] = special[(n + at) % sizeof special];
            strbuf_clear(&out);
            csvio_write_field(&out, &style, (struct span){text, n}, false, true);
            assert_int_equal(out.data[0], '"');
            text[at] = 'x';
        }
    }
}

static void test_write_null_and_guard(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    struct csvio_style style = {.formula_guard = true};
    static const char *const ROW[] = {NULL, "", "=1+1", "-5", "@x", "\tx"};
    write_row(&out, &style, ROW, 6);
    assert_string_equal(out.data, ",\"\",'=1+1,'-5,'@x,'\tx\n");
    strbuf_clear(&out);
    csvio_write_field(&out, &style, span_of("-5"), true, true);
    assert_string_equal(out.data, "-5");
    strbuf_clear(&out);
    style = (struct csvio_style){.null_text = "\\N", .quote_all = true, .delimiter = ';'};
    static const char *const OTHER[] = {NULL, "\\N", "x"};
    write_row(&out, &style, OTHER, 3);
    assert_string_equal(out.data, "\\N;\"\\N\";\"x\"\n");
    strbuf_clear(&out);
    style = (struct csvio_style){0};
    write_row(&out, &style, ROW, 1);
    write_row(&out, &style, ROW, 1);
    assert_string_equal(out.data, "\"\"\n\"\"\n"); /* a blank line would be skipped */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_nothing_is_trimmed),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_quoted_lines_and_raw),
        cmocka_unit_test(test_stray_quote_costs_one_record),
        cmocka_unit_test(test_unterminated_quote_costs_one_record),
        cmocka_unit_test(test_unterminated_quote_at_the_end),
        cmocka_unit_test(test_unterminated_quote_after_a_carriage_return),
        cmocka_unit_test(test_unterminated_quote_further_down),
        cmocka_unit_test(test_rewind_is_bounded),
        cmocka_unit_test(test_quote_none),
        cmocka_unit_test(test_other_delimiters_and_quotes),
        cmocka_unit_test(test_nul_and_carriage_return),
        cmocka_unit_test(test_mark_before_a_quote),
        cmocka_unit_test(test_empty_file),
        cmocka_unit_test(test_gb18030_trail_bytes),
        cmocka_unit_test(test_bad_bytes_cost_one_record),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_kingdee_export),
        cmocka_unit_test(test_odoo_export),
        cmocka_unit_test(test_sap_export),
        cmocka_unit_test(test_pipe),
        cmocka_unit_test(test_write_reads_back),
        cmocka_unit_test(test_write_quotes_wherever_it_must),
        cmocka_unit_test(test_write_null_and_guard),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
