/* From a cell as read to a typed value. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "core/datetime.h"
#include "pipeline/column.h"
#include <stdio.h>
#include <string.h>

/* One column of a type and the habits of its source; released by the fixture. */
struct fixture {
    struct column_spec spec;
    struct column_habits habits;
    struct column_reader *reader;
};
static struct fixture f;

static void use(const char *type)
{
    struct error err = ERROR_INIT;
    column_reader_free(f.reader);
    assert_int_equal(db_type_parse(type, &f.spec.type, &err), 0);
    f.spec.name = "c";
    f.reader = column_reader_new(&f.spec, 1, &f.habits);
}

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    column_reader_free(f.reader);
    return 0;
}

static struct cell text_cell(const char *text)
{
    return (struct cell){CELL_TEXT, span_of(text)};
}

/* expect NULL: null. */
static void gives(const char *input, const char *expect)
{
    struct cell cell = text_cell(input);
    struct span text = SPAN("");
    bool is_null = false;
    const char *reason = column_clean(f.reader, 0, &cell, &text, &is_null);
    if (reason != NULL)
        fail_msg("'%s' was refused: %s", input, reason);
    if (expect == NULL) {
        assert_true(is_null);
        return;
    }
    assert_false(is_null);
    if (!span_equal(text, span_of(expect)))
        fail_msg("'%s' gave '%.*s', not '%s'", input, (int)text.len, text.ptr, expect);
}

static void refused(const char *input, const char *reason)
{
    struct cell cell = text_cell(input);
    struct span text = SPAN("");
    bool is_null = false;
    const char *found = column_clean(f.reader, 0, &cell, &text, &is_null);
    if (found == NULL)
        fail_msg("'%s' was taken", input);
    assert_string_equal(found, reason);
}

static void canonical(const char *input, const char *expect)
{
    struct cell cell = text_cell(input);
    struct span text = SPAN("");
    bool is_null = false;
    assert_null(column_canonical(f.reader, 0, &cell, &text, &is_null));
    assert_false(is_null);
    if (!span_equal(text, span_of(expect)))
        fail_msg("'%s' gave '%.*s', not '%s'", input, (int)text.len, text.ptr, expect);
}

static void not_canonical(const char *input)
{
    struct cell cell = text_cell(input);
    struct span text = SPAN("");
    bool is_null = false;
    if (column_canonical(f.reader, 0, &cell, &text, &is_null) == NULL)
        fail_msg("'%s' was taken as '%.*s'", input, (int)text.len, text.ptr);
}

/* ---- numbers ---------------------------------------------------------------------------- */

static void numbers_as_people_write_them(void **state)
{
    (void)state;
    use("numeric(18,2)");
    gives("12", "12");
    gives(" 12.50 ", "12.50");
    gives("\xC2\xA0"
          "12\xE3\x80\x80",
          "12"); /* NBSP, ideographic space */
    gives("1,234.50", "1234.50");
    gives("1,234,567", "1234567");
    gives("-1,234.50", "-1234.50");
    gives("1,234.50-", "-1234.50"); /* SAP */
    gives("12-", "-12");
    gives("+7", "+7"); /* plain: the encoder reads it */
    gives("- 7", "-7");
    gives("'-5", "-5"); /* a spreadsheet's formula guard */
    gives("", NULL);
    gives("   ", NULL);
}

static void groups_must_be_of_three(void **state)
{
    (void)state;
    use("numeric(18,2)");
    refused("1,23,456", "not a number");
    refused("1,2345", "not a number");
    refused("1234,567", "not a number");
    refused(",123", "not a number");
    refused("1,234.5,6", "not a number");
    refused("1.234,50", "not a number"); /* a decimal comma that was not declared */
    refused("abc", "not a number");
    refused("-", "not a number");
    refused("1 2", "not a number");
    refused("12,", "not a number");
}

static void a_decimal_comma_is_declared(void **state)
{
    (void)state;
    f.habits.decimal_comma = true;
    use("numeric(18,2)");
    gives("1.234,50", "1234.50");
    gives("12,5", "12.5");
    gives("1.234.567", "1234567");
    gives("1.234,50-", "-1234.50");
    refused("1,234.50", "not a number");
    refused("12.50", "not a number"); /* 12.50 is neither twelve and a half nor a group */
}

static void scientific_notation_may_be_damage(void **state)
{
    (void)state;
    use("numeric(18,2)");
    refused("6.92E+12", "a number in scientific notation may be damaged");
    use("bigint");
    refused("6.92E+12", "a number in scientific notation may be damaged");
    refused("1e5", "a number in scientific notation may be damaged");
    refused("-6,92E+12", "a number in scientific notation may be damaged");
    use("float8");
    gives("6.92E+12", "6.92E+12");
    gives("-6.92E-12", "-6.92E-12"); /* its sign was lost once */
    gives("(2e3)", "-2e3");
    refused("6,92E+12", "not a number");
    f.habits.decimal_comma = true;
    use("float8");
    gives("-6,92E+12", "-6.92E+12");
}

static void a_word_with_an_e_is_no_number(void **state)
{
    (void)state;
    use("bigint");
    refused("zwei", "not a number");
    refused("one", "not a number");
    refused("12E", "not a number");
    refused("E5", "not a number");
    refused("12E+", "not a number");
    use("float8");
    refused("zwei", "not a number");
}

static void pieces_are_stripped_from_numbers_only(void **state)
{
    static const char *const strip[] = {"\xC2\xA5", "\xEF\xBF\xA5", ",", "`"};
    (void)state;
    f.habits.strip = strip;
    f.habits.nstrip = 4;
    use("numeric(18,2)");
    gives("\xC2\xA5"
          "1,23,4.5",
          "1234.5");
    gives("`12", "12");
    gives("\xEF\xBF\xA5 9", "9");
    gives("\xC2\xA5", NULL); /* nothing is left */
    use("text");
    gives("a,b", "a,b");
}

static void cents_become_units(void **state)
{
    (void)state;
    f.spec.unit = 1;
    use("numeric(18,2)");
    gives("1230", "12.30");
    gives("-5", "-0.05");
    gives("0", "0.00");
    refused("1,2,3", "not a number");
}

/* ---- text and null ----------------------------------------------------------------------- */

static void empty_text_is_null_beside_the_null_words(void **state)
{
    static const char *const words[] = {"-", "N/A"};
    (void)state;
    use("text");
    gives("", NULL);
    gives(" ", " "); /* nothing is trimmed unless asked */
    gives("x", "x");
    f.habits.null_words = words;
    f.habits.nnull_words = 2;
    use("text");
    gives("", NULL);
    gives("-", NULL);
    gives("N/A", NULL);
    gives("n/a", "n/a");
    use("int");
    gives("", NULL);
    gives("-", NULL);
    gives("N/A", NULL);
}

static void a_column_has_null_words_of_its_own(void **state)
{
    static const char *words[] = {"0000-00-00"};
    (void)state;
    f.spec.null = (struct field_strings){words, 1};
    use("date");
    gives("0000-00-00", NULL);
    gives("2026-11-22", "2026-11-22");
}

static void required_refuses_null(void **state)
{
    struct cell null = {CELL_NULL, SPAN("")};
    struct span text;
    bool is_null;
    (void)state;
    f.spec.required = true;
    use("text");
    refused("", "empty, but required");
    assert_string_equal(column_clean(f.reader, 0, &null, &text, &is_null), "null, but required");
    assert_string_equal(column_canonical(f.reader, 0, &null, &text, &is_null),
                        "null, but required");
}

static void null_words_of_a_column_hold_for_json_too(void **state)
{
    static const char *words[] = {"false", ""};
    struct cell cell = {CELL_CLEAN, SPAN("false")};
    struct span text = SPAN("");
    bool is_null = false;
    (void)state;
    f.spec.null = (struct field_strings){words, 2};
    use("text");
    assert_null(column_clean(f.reader, 0, &cell, &text, &is_null));
    assert_true(is_null);
    cell.text = SPAN("False");
    assert_null(column_clean(f.reader, 0, &cell, &text, &is_null));
    assert_false(is_null);
    use("date");
    cell.text = SPAN("");
    assert_null(column_clean(f.reader, 0, &cell, &text, &is_null));
    assert_true(is_null);
    f.spec.required = true;
    use("date");
    assert_string_equal(column_clean(f.reader, 0, &cell, &text, &is_null), "empty, but required");
}

static void trim_and_the_apostrophe_guard_are_asked_for(void **state)
{
    (void)state;
    use("text");
    gives(" x ", " x ");
    gives("'=1+1", "'=1+1");
    f.habits.trim = true;
    f.habits.guard_apostrophe = true;
    use("text");
    gives(" x\xE3\x80\x80", "x");
    gives("'=1+1", "=1+1");
    gives("'@a", "@a");
    gives("'t was", "'t was"); /* an apostrophe of its own */
    gives("'", "'");
}

static void clean_cells_are_left_alone(void **state)
{
    static const char *const words[] = {"x"};
    struct cell cell = {CELL_CLEAN, SPAN(" x ")};
    struct span text = SPAN("");
    bool is_null = true;
    (void)state;
    f.habits = (struct column_habits){.null_words = words, .nnull_words = 1, .trim = true};
    use("text");
    assert_null(column_clean(f.reader, 0, &cell, &text, &is_null));
    assert_true(span_equal(text, SPAN(" x ")));
    cell.text = SPAN("x");
    assert_null(column_clean(f.reader, 0, &cell, &text, &is_null));
    assert_false(is_null);
}

/* ---- dates and times --------------------------------------------------------------------- */

static void dates_by_the_formats_declared(void **state)
{
    static const char *formats[] = {"%Y/%m/%d", "%Y%m%d", "excel"};
    (void)state;
    use("date");
    gives("2026-11-22", "2026-11-22");
    refused("2026/11/22", "not a date as iso (2026-11-22 or 2026-11-22T05:15:00+08:00)");
    f.spec.formats = (struct field_strings){formats, 3};
    use("date");
    gives("2026/1/2", "2026-01-02");
    gives("20261122", "2026-11-22");
    gives("46348", "2026-11-22");
    refused("2026-11-22", "not a date as %Y/%m/%d or %Y%m%d or excel");
    refused("2026/02/30", "not a date as %Y/%m/%d or %Y%m%d or excel");
}

static void times_need_a_zone_from_somewhere(void **state)
{
    static const char *formats[] = {"%Y-%m-%d %H:%M:%S", "iso", "epoch_ms"};
    struct error err = ERROR_INIT;
    (void)state;
    f.spec.formats = (struct field_strings){formats, 3};
    use("timestamptz");
    refused("2026-11-22 05:15:00", "a time without a zone (declare `timezone` for the column)");
    gives("2026-11-22T05:15:00+08:00", "2026-11-21T21:15:00Z");
    gives("1795295700000", "2026-11-21T21:15:00Z");
    assert_int_equal(zone_load("Asia/Shanghai", &f.spec.zone, &err), 0);
    use("timestamptz");
    gives("2026-11-22 05:15:00", "2026-11-21T21:15:00Z");
    gives("2026-11-22T05:15:00Z", "2026-11-22T05:15:00Z"); /* its own zone wins */
    use("date");
    gives("2026-11-21T21:15:00Z", "2026-11-22"); /* the day there */
    use("timestamp");
    gives("2026-11-21T21:15:00Z", "2026-11-22T05:15:00Z"); /* civil time, printed as it is */
    f.spec.zone = NULL;
    use("timestamp");
    refused("2026-11-22T05:15:00Z",
            "a time with a zone in a column without one (declare `timezone`)");
}

static void times_in_parts(void **state)
{
    static const char *formats[] = {"parts", "iso"};
    struct error err = ERROR_INIT;
    (void)state;
    f.spec.formats = (struct field_strings){formats, 2};
    use("date");
    gives("{\"__class__\": \"date\", \"year\": 2026, \"month\": 11, \"day\": 2}", "2026-11-02");
    gives("2026-11-02", "2026-11-02");
    refused("{\"year\": 2026, \"month\": 2, \"day\": 30}", "not a date as parts or iso");
    refused("{\"year\": 2026, \"month\": 2}", "not a date as parts or iso");
    refused("{\"year\": 2026, \"month\": 2, \"day\": 1, \"day\": 2}", "not a date as parts or iso");
    refused("{\"year\": 2026, \"month\": 2, \"day\": 1, \"zone\": 8}",
            "not a date as parts or iso");
    refused("{\"year\": \"2026\", \"month\": 2, \"day\": 1}", "not a date as parts or iso");
    refused("{\"year\": 2026, \"month\": 2, \"day\": 1, \"hour\": 24}",
            "not a date as parts or iso");
    refused("{}", "not a date as parts or iso");
    refused("[2026, 11, 2]", "not a date as parts or iso");
    assert_int_equal(zone_load("UTC", &f.spec.zone, &err), 0);
    use("timestamptz");
    gives("{\"year\": 2026, \"month\": 11, \"day\": 22, \"hour\": 21, \"minute\": 50, \"second\": "
          "29, "
          "\"microsecond\": 705544}",
          "2026-11-22T21:50:29.705544Z");
}

static void days_before_1970_are_days(void **state)
{
    (void)state;
    use("date");
    gives("1969-12-31", "1969-12-31");
    gives("1969-12-31T23:00:00", "1969-12-31");
    gives("0001-01-01", "0001-01-01");
}

/* ---- typed ------------------------------------------------------------------------------- */

static void canonical_is_a_value_of_the_type(void **state)
{
    (void)state;
    use("int");
    canonical("007", "7");
    canonical("+5", "5");
    canonical("1,234", "1234");
    not_canonical("12.5");
    not_canonical("99999999999");
    use("numeric(12,2)");
    canonical("1.5", "1.5"); /* decimals as written, never more than declared */
    canonical("0012.30", "12.30");
    not_canonical("1.234"); /* nothing is rounded in silence */
    not_canonical("12345678901");
    use("bool");
    canonical("true", "true");
    not_canonical("maybe");
    use("varchar(3)");
    canonical("\xE4\xB8\xAD\xE6\x96\x87\xE5\xAD\x97", "\xE4\xB8\xAD\xE6\x96\x87\xE5\xAD\x97");
    not_canonical("abcd");
    use("uuid");
    canonical("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
    not_canonical("x");
    use("date");
    canonical("2026-11-22", "2026-11-22");
    use("timestamptz");
    canonical("2026-11-22T05:15:00+08:00", "2026-11-21 21:15:00+00");
}

static void encode_and_canonical_agree_about_null(void **state)
{
    struct cell cell = text_cell("");
    struct span text = SPAN("");
    bool is_null = false;
    AUTO_STRBUF struct strbuf out = {0};
    (void)state;
    strbuf_init(&out, 64);
    use("int");
    assert_null(column_canonical(f.reader, 0, &cell, &text, &is_null));
    assert_true(is_null);
    assert_null(column_encode(f.reader, 0, &cell, &out));
    assert_int_equal(out.len, 4);
    assert_memory_equal(out.data, "\xFF\xFF\xFF\xFF", 4);
}

static void a_refused_value_appends_nothing(void **state)
{
    struct cell cell = text_cell("x");
    AUTO_STRBUF struct strbuf out = {0};
    (void)state;
    strbuf_init(&out, 64);
    use("int");
    assert_non_null(column_encode(f.reader, 0, &cell, &out));
    assert_int_equal(out.len, 0);
}

static void binary_cells_pass_and_can_be_shown(void **state)
{
    struct cell cell = {CELL_BINARY, {"\0\0\0\x07", 4}};
    struct span text = SPAN("");
    bool is_null = true;
    AUTO_STRBUF struct strbuf out = {0};
    (void)state;
    strbuf_init(&out, 64);
    use("int");
    assert_null(column_encode(f.reader, 0, &cell, &out));
    assert_int_equal(out.len, 8);
    assert_memory_equal(out.data, "\0\0\0\x04\0\0\0\x07", 8);
    assert_null(column_clean(f.reader, 0, &cell, &text, &is_null));
    assert_true(span_equal(text, SPAN("7")));
    assert_null(column_canonical(f.reader, 0, &cell, &text, &is_null));
    assert_true(span_equal(text, SPAN("7")));
    cell.text.len = 3;
    assert_non_null(column_clean(f.reader, 0, &cell, &text, &is_null));
}

static void negatives_stand_in_brackets_too(void **state)
{
    (void)state;
    use("numeric(12,2)");
    gives("(12.00)", "-12.00");
    gives("(1,234.5)", "-1234.5");
    gives(" ( 3 ) ", "-3");
    refused("()", "not a number");
    refused("(3", "not a number");
    refused("((3))", "not a number");
    f.habits.decimal_comma = true;
    use("numeric(12,2)");
    gives("(1.234,50)", "-1234.50");
}

static void units_are_exact_factors(void **state)
{
    const char *names[] = {"箱", "kg", "none"}, *texts[] = {"12", "0.001", "1"};
    struct decimal factors[] = {{12, 0}, {1, 3}, {1, 0}};
    (void)state;
    f.spec.units = (struct field_string_map){names, texts, 3};
    f.spec.unit_factors = factors;
    use("numeric(30,9)");
    gives("2箱", "24");
    gives("1.5 箱", "18");
    gives("2箱3", "27");
    gives("0.1kg", "0.0001");
    gives("-2箱3", "-27");
    gives("1,250.5kg", "1.2505");
    gives("", NULL);
    refused("2桶", "a unit that is not among its `units`");
    refused("箱", "not a number");
    refused("2箱x", "a unit that is not among its `units`");
    refused("99999999999999999999999999999999999999箱", "a quantity out of range");
    const char *strip[] = {"约"};
    f.habits.strip = strip;
    f.habits.nstrip = 1;
    use("numeric(30,9)");
    gives("约1,250.5kg", "1.2505"); /* what was stripped stands in the buffer that is written to */
    f.spec.units.count = 2;
    use("numeric(30,9)");
    refused("2", "a quantity without a unit (declare `none` among its `units`)");
}

static void codes_are_not_numbers(void **state)
{
    (void)state;
    f.spec.code = CODE_YES;
    use("text");
    refused("4.2E+27", "a code in scientific notation is damaged");
    refused("4e-05", "a code in scientific notation is damaged");
    gives("1E5", "1E5");
    gives("E+5", "E+5");
    gives("4.2E+27X", "4.2E+27X");
    gives("A4.2E+27", "A4.2E+27");
    f.spec.code = CODE_NO;
    use("text");
    gives("4.2E+27", "4.2E+27");
    f.spec.strip_zeros = true;
    use("text");
    gives("0009876", "9876");
    gives("000", "0");
    gives("00A1", "00A1");
    gives("0 1", "0 1");
}

static void literal_quotes_and_guards_go_when_that_is_said(void **state)
{
    (void)state;
    use("text");
    gives("\"a\"", "\"a\"");
    gives("=\"007\"", "=\"007\"");
    f.habits.unquote = true;
    f.habits.guard_apostrophe = true;
    use("text");
    gives("\"a\"", "a");
    gives("\"", "\"");
    gives("\"a", "\"a");
    gives("=\"007\"", "007");
    gives("=\"", "=\"");
    gives("=1", "=1");
    gives("`OTHERS", "OTHERS");
    gives("``x", "`x");
    gives("`", NULL);
}

static void a_date_that_means_none_is_null_however_it_is_written(void **state)
{
    const char *words[] = {"1900-01-01"}, *formats[] = {"%Y/%m/%d", "%Y/%m/%d %H:%M", "excel"};
    (void)state;
    f.spec.null = (struct field_strings){words, 1};
    f.spec.formats = (struct field_strings){formats, 3};
    use("date");
    gives("1900/1/1", NULL);
    gives("1900/01/01 00:00", NULL);
    gives("1", NULL);
    gives("1900/1/2", "1900-01-02");
    use("timestamp");
    gives("1900/1/1 0:00", NULL);
    gives("1900/1/1 0:01", "1900-01-01T00:01:00Z");
    f.spec.required = true;
    use("date");
    refused("1900/1/1", "empty, but required");
}

/* ---- the short way ---------------------------------------------------------------------- */

static uint32_t next_random(void)
{
    static uint64_t state = 20261122;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33);
}

/* A cell as files have them, with what makes one odd mixed in. */
static struct span random_cell(char *out, size_t size)
{
    static const char *const pieces[] = {
        "2026-10-01", " ",    "12:30:05", "12:30", "+08", "+08:00", "T",          "7",    "-",
        ".",          "1250", "0",        "E+2",   "'",   "=",      "\"",         "牛腩", "　",
        "\xC2\xA0",   "\\N",  "Z",        ",",     "¥",   "备注",   "1900-01-01", "08",   ":"};
    const size_t n = next_random() % 5;
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const char *piece = pieces[next_random() % (sizeof pieces / sizeof *pieces)];
        at += (size_t)snprintf(out + at, size - at, "%s", piece);
    }
    return (struct span){out, at};
}

/* What column_encode must give, by way of the text. */
static const char *encode_by_text(const struct cell *cell, struct strbuf *out)
{
    struct span text = SPAN("");
    struct datetime at;
    bool is_null = false;
    const char *reason = column_clean(f.reader, 0, cell, &text, &is_null);
    if (reason != NULL)
        return reason;
    if (is_null) {
        db_encode_null(out);
        return NULL;
    }
    if (f.spec.type.kind == DB_TIMESTAMP && datetime_parse_iso(text.ptr, text.len, &at)) {
        db_encode_timestamp(out, at.us); /* it is printed as an instant */
        return NULL;
    }
    return db_encode_flags(&f.spec.type, text, DB_ENCODE_VALID_UTF8, out);
}

static void choose_habits(void)
{
    static const char *const strip[] = {"¥", ","}, *const words[] = {"\\N", "", "0"};
    const uint32_t r = next_random();
    f.habits = (struct column_habits){.strip = strip,
                                      .nstrip = r % 3,
                                      .null_words = words,
                                      .nnull_words = r / 4 % 4,
                                      .decimal_comma = r / 16 % 8 == 0,
                                      .guard_apostrophe = r / 128 % 2 == 0,
                                      .unquote = r / 256 % 2 == 0,
                                      .trim = r / 512 % 2 == 0};
}

static void choose_column(const struct zone *zone)
{
    static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"};
    static const char *format, *words[] = {"1900-01-01"};
    static const char *const types[] = {"text",      "varchar(4)",  "int",  "numeric(8,2)",
                                        "timestamp", "timestamptz", "date", "bigint"};
    const uint32_t r = next_random();
    memset(&f.spec, 0, sizeof f.spec);
    f.spec.required = r % 4 == 0;
    f.spec.code = r / 4 % 4 == 0 ? CODE_YES : CODE_NO;
    f.spec.strip_zeros = r / 16 % 8 == 0;
    f.spec.zone = r / 128 % 2 == 0 ? zone : NULL;
    format = formats[r / 512 % 3];
    if (r / 256 % 2 == 0)
        f.spec.formats = (struct field_strings){.items = &format, .count = 1};
    if (r / 2048 % 8 == 0)
        f.spec.null = (struct field_strings){.items = words, .count = 1};
    f.spec.def = r / 16384 % 16 == 0 ? "7" : NULL;
    use(types[r / 262144 % (sizeof types / sizeof *types)]);
}

static void plain_cells_are_as_any_others(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    const struct zone *zone;
    size_t taken = 0;
    assert_int_equal(zone_load("Asia/Shanghai", &zone, &err), 0);
    for (int round = 0; round < 100000; round++) {
        char bytes[128];
        struct strbuf first, second;
        if (round % 16 == 0) {
            choose_habits();
            choose_column(zone);
        }
        const struct cell cell = {CELL_TEXT, random_cell(bytes, sizeof bytes)};
        strbuf_init(&first, 0);
        strbuf_init(&second, 0);
        const char *expect = encode_by_text(&cell, &first);
        const char *found = column_encode(f.reader, 0, &cell, &second);
        if ((expect == NULL) != (found == NULL) || first.len != second.len ||
            memcmp(first.data, second.data, first.len) != 0)
            fail_msg("round %d: '%s' in another form (%s, %s)", round, bytes,
                     expect != NULL ? expect : "taken", found != NULL ? found : "taken");
        taken += found == NULL;
        strbuf_release(&first);
        strbuf_release(&second);
    }
    assert_in_range(taken, 20000, 80000);
}

/* A run of plain cells is what its cells are one by one, and ends before the first other one. */
static void plain_cells_come_in_runs(void **state)
{
    (void)state;
    static const char *const types[] = {"text", "int8", "numeric(12,2)", "date"};
    static const char *const cells[][4] = {{"a", "7", "1.50", "2026-11-22"},
                                           {"a", "+7", "1.50", "2026-11-22"},
                                           {"a", "7", "1.505", "2026-11-22"},
                                           {"", "", "", ""},
                                           {"a", "7", "10000.5", "22.11.2026"}};
    static const size_t ends[] = {4, 1, 2, 4, 3};
    struct column_spec specs[4] = {{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"}};
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(db_type_parse(types[i], &specs[i].type, &err), 0);
    f.reader = column_reader_new(specs, 4, &f.habits);
    for (size_t k = 0; k < 5; k++) {
        struct strbuf run, single;
        struct cell row[4];
        strbuf_init(&run, 0);
        strbuf_init(&single, 0);
        for (size_t i = 0; i < 4; i++)
            row[i] = text_cell(cells[k][i]);
        assert_int_equal(column_encode_plain(f.reader, row, 0, &run), ends[k]);
        for (size_t i = 0; i < ends[k]; i++)
            assert_null(column_encode(f.reader, i, &row[i], &single));
        assert_int_equal(run.len, single.len);
        assert_memory_equal(run.data, single.data, run.len);
        strbuf_release(&run);
        strbuf_release(&single);
    }
}

static void an_empty_cell_is_not_plain_where_null_is_refused(void **state)
{
    (void)state;
    struct strbuf out;
    const struct cell cell = text_cell("");
    strbuf_init(&out, 0);
    use("int8");
    assert_int_equal(column_encode_plain(f.reader, &cell, 0, &out), 1);
    strbuf_clear(&out);
    column_refuse_null(f.reader, 0);
    assert_int_equal(column_encode_plain(f.reader, &cell, 0, &out), 0);
    assert_int_equal(out.len, 0);
    strbuf_release(&out);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(numbers_as_people_write_them),
        T(groups_must_be_of_three),
        T(a_decimal_comma_is_declared),
        T(scientific_notation_may_be_damage),
        T(a_word_with_an_e_is_no_number),
        T(pieces_are_stripped_from_numbers_only),
        T(cents_become_units),
        T(empty_text_is_null_beside_the_null_words),
        T(a_column_has_null_words_of_its_own),
        T(null_words_of_a_column_hold_for_json_too),
        T(required_refuses_null),
        T(trim_and_the_apostrophe_guard_are_asked_for),
        T(clean_cells_are_left_alone),
        T(dates_by_the_formats_declared),
        T(times_need_a_zone_from_somewhere),
        T(times_in_parts),
        T(days_before_1970_are_days),
        T(canonical_is_a_value_of_the_type),
        T(encode_and_canonical_agree_about_null),
        T(a_refused_value_appends_nothing),
        T(binary_cells_pass_and_can_be_shown),
        T(negatives_stand_in_brackets_too),
        T(units_are_exact_factors),
        T(codes_are_not_numbers),
        T(literal_quotes_and_guards_go_when_that_is_said),
        T(a_date_that_means_none_is_null_however_it_is_written),
        T(plain_cells_are_as_any_others),
        T(plain_cells_come_in_runs),
        T(an_empty_cell_is_not_plain_where_null_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
