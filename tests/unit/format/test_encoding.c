#include "scratch.h"

#include "core/mem.h"
#include "format/encoding.h"
#include <fcntl.h>
#include <iconv.h>

static void test_utf8_is_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } CASES[] = {
        {"plain ascii, longer than eight bytes", true},
        {"\xE9\xA4\x90\xE5\x8E\x85", true}, /* two Chinese characters */
        {"\xF0\xA0\xAE\xB7", true},         /* U+20BB7 */
        {"\xF4\x8F\xBF\xBF", true},         /* U+10FFFF */
        {"\xF4\x90\x80\x80", false},        /* beyond */
        {"\xC0\xAF", false},                /* overlong slash */
        {"\xE0\x80\xAF", false},            /* overlong */
        {"\xF0\x80\x80\xAF", false},        /* overlong */
        {"\xED\xA0\x80", false},            /* surrogate */
        {"\xE9\xA4", false},                /* cut */
        {"abcdefgh\x80", false},            /* a tail alone */
        {"\xFF", false},
    };
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        assert_int_equal(utf8_is_valid(CASES[i].text, strlen(CASES[i].text)), CASES[i].valid);
}

/* Table 3-7 of the Unicode standard, one byte after the other. */
static size_t slow_prefix(const unsigned char *p, size_t n)
{
    size_t i = 0;
    while (i < n) {
        unsigned char c = p[i], low = 0x80, high = 0xBF;
        size_t tails = c < 0x80 ? 0 : c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
        if ((c >= 0x80 && c < 0xC2) || c > 0xF4 || n - i <= tails)
            break;
        low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : low;
        high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : high;
        size_t k = 1;
        for (; k <= tails && p[i + k] >= low && p[i + k] <= high; k++) {
            low = 0x80;
            high = 0xBF;
        }
        if (k <= tails)
            break;
        i += tails + 1;
    }
    return i;
}

/* Characters of every length and faults of every kind, wherever they fall within the vectors. */
static void test_utf8_prefix_is_exact(void **state)
{
    static const char *const PIECES[] = {"a",
                                         "0123456789abcdef",
                                         "\xC2\x80",
                                         "\xE9\xA4\x90",
                                         "\xE9\xA4\x90",
                                         "\xEF\xBF\xBD",
                                         "\xF0\xA0\xAE\xB7",
                                         "\xF4\x8F\xBF\xBF"};
    static const char *const FAULTS[] = {"\xC0\xAF",         "\xE0\x80\xAF",
                                         "\xED\xA0\x80",     "\x80",
                                         "\xF4\x90\x80\x80", "\xF0\x80\x80\x80",
                                         "\xE9\xA4",         "\xFF",
                                         "\xF8\x88\x80\x80", "\xC3",
                                         "\xF0\xA0\xAE"};
    unsigned seed = 11;
    (void)state;
    for (int round = 0; round < 60000; round++) {
        char text[160] = "";
        size_t n = 0;
        while (n < 100) {
            seed = seed * 1664525U + 1013904223U;
            bool bad = (seed >> 8) % 40 == 0;
            const char *piece = bad ? FAULTS[(seed >> 16) % 11] : PIECES[(seed >> 16) % 8];
            memcpy(text + n, piece, strlen(piece));
            n += strlen(piece);
        }
        n -= seed % 37;
        uint64_t count = 0, expected = 0;
        size_t valid = slow_prefix((const unsigned char *)text, n);
        for (size_t i = 0; i < valid; i++)
            expected += (unsigned char)text[i] >= 0xC0;
        assert_int_equal(utf8_valid_prefix(text, n, &count), valid);
        assert_int_equal(count, expected);
    }
}

static void test_utf8_cut_keeps_characters_whole(void **state)
{
    (void)state;
    const char *text = "a\xE9\xA4\x90z";
    assert_int_equal(utf8_cut(text, 5, 10), 5);
    assert_int_equal(utf8_cut(text, 5, 4), 4);
    assert_int_equal(utf8_cut(text, 5, 3), 1);
    assert_int_equal(utf8_cut(text, 5, 2), 1);
    assert_int_equal(utf8_cut(text, 5, 0), 0);
}

static int scan_bytes(const void *bytes, size_t n, const char *declared, struct encoding_scan *ret,
                      struct error *err)
{
    int fd = open(scratch_file("scan", bytes, n), O_RDONLY);
    assert_true(fd >= 0);
    int code = encoding_scan_file(fd, declared, ret, err);
    if (code == 0)
        assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    close(fd);
    return code;
}

static int scan_fixture(const char *path, struct encoding_scan *ret, struct error *err)
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    int code = encoding_scan_file(fd, "auto", ret, err);
    close(fd);
    return code;
}

static void test_scan_tells_the_samples_apart(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct encoding_scan s;
    assert_ok(scan_fixture("tests/fixtures/erp/erp_stock_kingdee_gb18030.csv", &s, &err));
    assert_string_equal(s.encoding.name, "GB18030");
    assert_int_equal(s.size_bytes, 5369);
    assert_ok(scan_fixture("tests/fixtures/erp/erp_stock_odoo_utf8.csv", &s, &err));
    assert_string_equal(s.encoding.name, "UTF-8");
    assert_true(s.encoding.verified);
    assert_ok(scan_fixture("tests/fixtures/erp/erp_stock_sap_utf16le.txt", &s, &err));
    assert_string_equal(s.encoding.name, "UTF-16LE");
    assert_int_equal(s.encoding.bom_bytes, 2);
}

static void test_scan_hashes(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct encoding_scan s;
    assert_ok(scan_bytes("abc", 3, NULL, &s, &err));
    assert_string_equal(s.sha256,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_ok(scan_bytes("", 0, NULL, &s, &err));
    assert_int_equal(s.size_bytes, 0);
}

/* The verdict must not depend on where the scan's chunks happen to end. */
static void test_scan_over_chunk_ends(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    size_t n = (256 << 10) + 40;
    char *text = mem_alloc(n);
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'x', n);
        for (size_t i = shift; i + 3 <= n; i += 3)
            memcpy(text + i, "\xE9\xA4\x90", 3);
        struct encoding_scan s;
        assert_ok(scan_bytes(text, n, NULL, &s, &err));
        assert_string_equal(s.encoding.name, "UTF-8");
        assert_true(s.encoding.verified);
    }
    free(text);
}

static void test_one_bad_byte_does_not_change_the_encoding(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct encoding_scan s;
    const char utf8[] = "\xE7\x89\xA9\xE6\x96\x99\xE7\xBC\x96\xE7\xA0\x81,\xE5\xBA\x93\xFF\n";
    assert_ok(scan_bytes(utf8, sizeof(utf8) - 1, NULL, &s, &err));
    assert_string_equal(s.encoding.name, "UTF-8");
    assert_false(s.encoding.verified);
    const char gbk[] = "\xCE\xEF\xC1\xCF\xB1\xE0\xC2\xEB,\xBF\xE2\xB4\xE6\xCA\xFD\xC1\xBF\xFF\n";
    assert_ok(scan_bytes(gbk, sizeof(gbk) - 1, NULL, &s, &err));
    assert_string_equal(s.encoding.name, "GB18030");
}

static void test_scan_refuses_what_is_no_text(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct encoding_scan s = {.size_bytes = 77};
    char garbage[4096];
    uint32_t seed = 42;
    for (size_t i = 0; i < sizeof(garbage); i++) {
        seed = seed * 1664525U + 1013904223U;
        garbage[i] = (char)(seed >> 24);
    }
    assert_int_equal(scan_bytes(garbage, sizeof(garbage), NULL, &s, &err), ERR_DATA);
    assert_in(err.message, "not text");
    char zeros[64] = {0};
    assert_int_equal(scan_bytes(zeros, sizeof(zeros), "GB18030", &s, &err), ERR_DATA);
    assert_in(err.message, "not text");
    assert_int_equal(scan_bytes("PK\3\4rest", 8, NULL, &s, &err), ERR_DATA);
    assert_in(err.message, "xlsx");
    assert_int_equal(s.size_bytes, 77); /* untouched on failure */
}

static void test_declared_against_mark(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct encoding_scan s;
    assert_int_equal(scan_bytes("\xEF\xBB\xBF"
                                "a",
                                4, "GB18030", &s, &err),
                     ERR_DATA);
    assert_in(err.message, "UTF-8");
    assert_int_equal(scan_bytes("a\0b\0", 4, "UTF-16", &s, &err), ERR_DATA);
    assert_in(err.message, "no byte order mark");
    assert_ok(scan_bytes("\xFE\xFF\0a", 4, "UTF-16", &s, &err));
    assert_string_equal(s.encoding.name, "UTF-16BE");
    assert_ok(scan_bytes("a\0b\0", 4, "utf-16le", &s, &err));
    assert_int_equal(s.encoding.bom_bytes, 0);
    assert_int_equal(scan_bytes("a", 1, "klingon", &s, &err), ERR_SPEC);
    assert_int_equal(scan_bytes("a", 1, "UTF-8//IGNORE", &s, &err), ERR_SPEC);
}

static void test_names(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct encoding enc;
    assert_ok(encoding_named("gbk", &enc, &err));
    assert_string_equal(enc.name, "GB18030");
    assert_ok(encoding_named("utf8", &enc, &err));
    assert_string_equal(enc.name, "UTF-8");
    assert_ok(encoding_named("WINDOWS-1252", &enc, &err));
    assert_string_equal(enc.name, "WINDOWS-1252");
}

/* ---- decoding ------------------------------------------------------------------------------ */

static struct decoder *new_decoder(const char *name, size_t bom_bytes)
{
    struct error err = ERROR_INIT;
    struct encoding enc = {.bom_bytes = bom_bytes};
    struct decoder *d = NULL;
    snprintf(enc.name, sizeof(enc.name), "%s", name);
    assert_ok(decoder_new(&enc, &d, &err));
    return d;
}

/* Decodes in pieces of `piece` bytes. */
static void decode_in_pieces(struct decoder *d, const char *in, size_t n, size_t piece,
                             struct strbuf *out)
{
    struct error err = ERROR_INIT;
    for (size_t i = 0; i < n; i += piece) {
        size_t k = n - i < piece ? n - i : piece;
        assert_ok(decoder_feed(d, in + i, k, false, out, &err));
    }
    assert_ok(decoder_feed(d, NULL, 0, true, out, &err));
}

/* Trail bytes that look like a backslash, a backtick and a pipe; a character of four bytes. */
static void test_gb18030_in_any_pieces(void **state)
{
    (void)state;
    const char in[] = "\x81\x5C,\x81\x60|\x81\x7C\n\x95\x32\x82\x36z";
    char expected[64];
    iconv_t cd = iconv_open("UTF-8", "GB18030");
    char *from = strdup(in), *p = from, *to = expected;
    size_t left = sizeof(in) - 1, room = sizeof(expected);
    assert_int_equal(iconv(cd, &p, &left, &to, &room), 0);
    iconv_close(cd);
    free(from);
    for (size_t piece = 1; piece <= sizeof(in); piece++) {
        AUTO_STRBUF struct strbuf out = {0};
        strbuf_init(&out, 0);
        struct decoder *d = new_decoder("GB18030", 0);
        decode_in_pieces(d, in, sizeof(in) - 1, piece, &out);
        size_t faults = 9;
        decoder_faults(d, &faults);
        assert_int_equal(faults, 0);
        assert_int_equal(out.len, sizeof(expected) - room);
        assert_memory_equal(out.data, expected, out.len);
        decoder_free(d);
    }
}

static void test_bad_bytes_are_placed(void **state)
{
    (void)state;
    /* a lone 0x80 (CP936 only), a lead before a comma, a lead at the very end */
    const char in[] = "\xB8\xDF\x80x\xD6,\xFF\xB8";
    for (size_t piece = 1; piece <= sizeof(in); piece++) {
        AUTO_STRBUF struct strbuf out = {0};
        strbuf_init(&out, 0);
        struct decoder *d = new_decoder("GB18030", 0);
        decode_in_pieces(d, in, sizeof(in) - 1, piece, &out);
        assert_string_equal(out.data, "\xE9\xAB\x98\xEF\xBF\xBDx\xEF\xBF\xBD,\xEF\xBF\xBD"
                                      "\xEF\xBF\xBD");
        size_t n = 0;
        const struct decode_fault *f = decoder_faults(d, &n);
        assert_int_equal(n, 4);
        assert_int_equal(f[0].input_offset, 2);
        assert_int_equal(f[0].output_offset, 3);
        assert_string_equal(f[0].hex, "80");
        assert_int_equal(f[1].input_offset, 4);
        assert_int_equal(f[1].output_offset, 7);
        assert_string_equal(f[1].hex, "D6");
        assert_int_equal(f[3].input_offset, 7);
        decoder_clear_faults(d, 3);
        f = decoder_faults(d, &n);
        assert_int_equal(n, 1);
        assert_int_equal(f[0].input_offset, 7);
        decoder_free(d);
    }
}

static void test_utf8_faults_and_mark(void **state)
{
    (void)state;
    const char in[] = "\xEF\xBB\xBF\xE9\xA4\x90\xED\xA0\x80\xE9\xA4";
    for (size_t piece = 1; piece <= sizeof(in); piece++) {
        AUTO_STRBUF struct strbuf out = {0};
        strbuf_init(&out, 0);
        struct decoder *d = new_decoder("UTF-8", 3);
        decode_in_pieces(d, in, sizeof(in) - 1, piece, &out);
        size_t n = 0;
        const struct decode_fault *f = decoder_faults(d, &n);
        assert_int_equal(n, 5); /* three bytes of a surrogate, two of a cut character */
        assert_int_equal(f[0].input_offset, 6);
        assert_int_equal(f[0].output_offset, 3);
        assert_memory_equal(out.data, "\xE9\xA4\x90\xEF\xBF\xBD", 6);
        decoder_free(d);
    }
}

static void test_utf16_in_any_pieces(void **state)
{
    (void)state;
    const char in[] =
        "\xFF\xFE\x10\x99,\0\x00\xD8x\0\x42\xD8\xB7\xDF"; /* a lone surrogate within */
    for (size_t piece = 1; piece <= sizeof(in); piece++) {
        AUTO_STRBUF struct strbuf out = {0};
        strbuf_init(&out, 0);
        struct decoder *d = new_decoder("UTF-16LE", 2);
        decode_in_pieces(d, in, sizeof(in) - 1, piece, &out);
        assert_string_equal(out.data, "\xE9\xA4\x90,\xEF\xBF\xBDx\xF0\xA0\xAE\xB7");
        size_t n = 0;
        const struct decode_fault *f = decoder_faults(d, &n);
        assert_int_equal(n, 1);
        assert_int_equal(f[0].input_offset, 6);
        decoder_free(d);
    }
}

static void test_endless_faults_end(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    struct decoder *d = new_decoder("UTF-8", 0);
    char bad[70000];
    memset(bad, 0xFF, sizeof(bad));
    assert_int_equal(decoder_feed(d, bad, sizeof(bad), false, &out, &err), ERR_DATA);
    assert_in(err.message, "not UTF-8 text");
    decoder_free(d);
}

static void test_encoder(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct encoder *e = NULL;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    assert_ok(encoder_new("GB18030", &e, &err));
    assert_ok(encoder_convert(e, "\xE9\xAB\x98", 3, &out, &err));
    assert_memory_equal(out.data, "\xB8\xDF", 3);
    assert_int_equal(encoder_convert(e, "x\xFF", 2, &out, &err), ERR_DATA);
    assert_int_equal(out.len, 2);
    encoder_free(e);
    assert_ok(encoder_new("ISO-8859-1", &e, &err));
    assert_int_equal(encoder_convert(e, "caf\xC3\xA9 \xE9\xA4\x90", 9, &out, &err), ERR_DATA);
    assert_in(err.message, "'\xE9\xA4\x90' (U+9910) does not exist in ISO-8859-1");
    encoder_free(e);
    assert_ok(encoder_new("utf8", &e, &err));
    assert_int_equal(encoder_convert(e, "\xED\xA0\x80", 3, &out, &err), ERR_DATA);
    encoder_free(e);
}

static size_t by_iconv(iconv_t cd, char *in, size_t n, char *out, size_t room)
{
    size_t left = n, before = room;
    (void)iconv(cd, NULL, NULL, NULL, NULL);
    return iconv(cd, &in, &left, &out, &room) == 0 && left == 0 ? before - room : 0;
}

/* Every code of two bytes, and codes of four around them: the same text or the same refusal. */
static void test_gb18030_is_what_iconv_says(void **state)
{
    struct encoding enc = {.name = "GB18030"};
    struct error err = ERROR_INIT;
    iconv_t cd = iconv_open("UTF-8", "GB18030");
    AUTO_STRBUF struct strbuf out = {0};
    (void)state;
    strbuf_init(&out, 0);
    for (unsigned code = 0; code < 0x10000; code++) {
        unsigned lead = code >> 8, trail = code & 0xFF;
        char in[] = {'a', (char)lead, (char)trail, '\x81', '\x30', '\x84', '\x36', 'z'};
        char expected[64];
        size_t n = by_iconv(cd, in, sizeof in, expected, sizeof expected), faults = 0;
        struct decoder *d = NULL;
        strbuf_clear(&out);
        assert_ok(decoder_new(&enc, &d, &err));
        assert_ok(decoder_feed(d, in, sizeof in, true, &out, &err));
        (void)decoder_faults(d, &faults);
        assert_int_equal(faults == 0, n > 0);
        if (n > 0)
            assert_true(out.len == n && memcmp(out.data, expected, n) == 0);
        decoder_free(d);
    }
    iconv_close(cd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_is_strict),
        cmocka_unit_test(test_utf8_prefix_is_exact),
        cmocka_unit_test(test_utf8_cut_keeps_characters_whole),
        cmocka_unit_test(test_gb18030_is_what_iconv_says),
        cmocka_unit_test(test_scan_tells_the_samples_apart),
        cmocka_unit_test(test_scan_hashes),
        cmocka_unit_test(test_scan_over_chunk_ends),
        cmocka_unit_test(test_one_bad_byte_does_not_change_the_encoding),
        cmocka_unit_test(test_scan_refuses_what_is_no_text),
        cmocka_unit_test(test_declared_against_mark),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_gb18030_in_any_pieces),
        cmocka_unit_test(test_bad_bytes_are_placed),
        cmocka_unit_test(test_utf8_faults_and_mark),
        cmocka_unit_test(test_utf16_in_any_pieces),
        cmocka_unit_test(test_endless_faults_end),
        cmocka_unit_test(test_encoder),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
