/* What is packed: known by its bytes, unpacked in pieces, refused when it is cut or damaged. */
#include "scratch.h"

#include "format/archive.h"
#include "format/gzip.h"
#include "format/xlsx.h"
#include <fcntl.h>
#include <sys/stat.h>

static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* A gzip member of the text, by our own writer. */
static void pack(struct strbuf *out, const char *text)
{
    struct error err = ERROR_INIT;
    struct gzip_writer *w = gzip_writer_new();
    size_t n = strlen(text);
    assert_int_equal(gzip_writer_add(w, text, n / 2, false, out, &err), 0);
    assert_int_equal(gzip_writer_add(w, text + n / 2, n - n / 2, true, out, &err), 0);
    gzip_writer_free(w);
}

static struct byte_source *source_of(const char *bytes, size_t n, enum archive_kind kind)
{
    struct error err = ERROR_INIT;
    struct byte_source *b = NULL;
    int fd = open_file(scratch_file("packed", bytes, n));
    assert_int_equal(archive_open(fd, "packed", kind, SPAN(""), &b, &err), 0);
    return b;
}

static void expect_text(struct byte_source *b, const char *text)
{
    struct error err = ERROR_INIT;
    char bytes[7]; /* pieces smaller than anything in it */
    size_t at = 0;
    for (size_t n = 1; n > 0; at += n) {
        assert_int_equal(b->read(b, bytes, sizeof bytes, &n, &err), 0);
        assert_true(at + n <= strlen(text));
        assert_memory_equal(bytes, text + at, n);
    }
    assert_int_equal(at, strlen(text));
}

static int read_to_failure(struct byte_source *b, struct error *err)
{
    char bytes[4096];
    int code = 0;
    for (size_t n = 1; n > 0 && code == 0;)
        code = b->read(b, bytes, sizeof bytes, &n, err);
    b->close(b);
    return code;
}

static void kinds_are_known_by_their_bytes(void **state)
{
    (void)state;
    assert_int_equal(archive_kind_of("\x1f\x8b\x08\x00", 4), ARCHIVE_GZIP);
    assert_int_equal(archive_kind_of("\x1f", 1), ARCHIVE_NONE);
    assert_int_equal(archive_kind_of("\x28\xb5\x2f\xfd", 4), ARCHIVE_ZSTD);
    assert_int_equal(archive_kind_of("PK\3\4", 4), ARCHIVE_ZIP);
    assert_int_equal(archive_kind_of("PK\5\6", 4), ARCHIVE_ZIP);
    assert_int_equal(archive_kind_of("PKI,", 4), ARCHIVE_NONE);
    assert_int_equal(archive_kind_of("", 0), ARCHIVE_NONE);
}

static void members_follow_each_other_and_zeros_are_padding(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf packed = {0};
    struct error err = ERROR_INIT;
    strbuf_init(&packed, 0);
    pack(&packed, "first, ");
    pack(&packed, "");
    pack(&packed, "second");
    strbuf_add(&packed, "\0\0\0\0", 4);
    struct byte_source *b = source_of(packed.data, packed.len, ARCHIVE_GZIP);
    expect_text(b, "first, second");
    assert_int_equal(b->rewind(b, &err), 0);
    expect_text(b, "first, second");
    b->close(b);
    strbuf_addch(&packed, 'x');
    b = source_of(packed.data, packed.len, ARCHIVE_GZIP);
    assert_int_equal(read_to_failure(b, &err), ERR_DATA);
    assert_string_equal(err.message,
                        "'packed' is damaged: what follows is not gzip, after 13 unpacked bytes");
}

/* Wherever a file is cut, and whichever byte of its trailer is wrong: never a shorter text. */
static void every_cut_is_an_error(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf packed = {0};
    strbuf_init(&packed, 0);
    pack(&packed, "code,qty\nA,1\nB,2\n");
    for (size_t n = 2; n < packed.len; n++) {
        struct error err = ERROR_INIT;
        struct byte_source *b = source_of(packed.data, n, ARCHIVE_GZIP);
        assert_int_equal(read_to_failure(b, &err), ERR_DATA);
        assert_non_null(strstr(err.message, "cut off"));
    }
    for (size_t i = packed.len - 8; i < packed.len; i++) {
        struct error err = ERROR_INIT;
        packed.data[i] = (char)(packed.data[i] + 1);
        struct byte_source *b = source_of(packed.data, packed.len, ARCHIVE_GZIP);
        assert_int_equal(read_to_failure(b, &err), ERR_DATA);
        assert_non_null(strstr(err.message, "is damaged: incorrect"));
        packed.data[i] = (char)(packed.data[i] - 1);
    }
}

static void a_pipe_is_read_once_from_its_head_on(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct byte_source *b = NULL;
    int fd = scratch_pipe("cdef", 4);
    assert_int_equal(archive_open(fd, "pipe", ARCHIVE_NONE, SPAN("ab"), &b, &err), 0);
    assert_null(b->rewind);
    expect_text(b, "abcdef");
    b->close(b);
    AUTO_STRBUF struct strbuf packed = {0};
    strbuf_init(&packed, 0);
    pack(&packed, "text");
    fd = scratch_pipe(packed.data + 4, packed.len - 4);
    assert_int_equal(
        archive_open(fd, "pipe", ARCHIVE_GZIP, (struct span){packed.data, 4}, &b, &err), 0);
    expect_text(b, "text");
    b->close(b);
}

static void a_spooled_pipe_is_a_file(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    int fd = -1;
    char bytes[8] = "";
    assert_int_equal(archive_spool(scratch_pipe("cd", 2), "pipe", SPAN("ab"), &fd, &err), 0);
    assert_int_equal(pread(fd, bytes, sizeof bytes, 0), 4);
    assert_string_equal(bytes, "abcd");
    close(fd);
}

static void what_is_no_zip_is_told(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct archive_zip *zip = NULL;
    int fd = open_file(scratch_file("cut", "PK\3\4 and no more", 16));
    assert_int_equal(archive_zip_open(fd, "cut", &zip, &err), ERR_DATA);
    assert_non_null(strstr(err.message, "'cut' is a zip file that cannot be read"));
    assert_null(zip);
}

static void texts_of_a_cell_are_counted_in_utf16(void **state)
{
    (void)state;
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    for (int i = 0; i < XLSX_TEXT_MAX / 2; i++)
        strbuf_adds(&text, "\xF0\x9F\x98\x80");
    assert_true(xlsx_fits((struct span){text.data, text.len}));
    strbuf_adds(&text, "x");
    assert_true(xlsx_fits((struct span){text.data, text.len}));
    strbuf_adds(&text, "x");
    assert_false(xlsx_fits((struct span){text.data, text.len}));
}

/* The cells that a workbook has, as its XML says them. */
static void a_workbook_is_a_zip_with_its_cells(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct xlsx_writer *w = NULL;
    struct stat st;
    char path[128];
    snprintf(path, sizeof path, "%s/book.xlsx", scratch_dir);
    assert_int_equal(xlsx_open(path, "a/b", &w, &err), 0);
    assert_int_equal(xlsx_text(w, 0, 0, SPAN("007"), &err), 0);
    assert_int_equal(xlsx_number(w, 0, 1, SPAN("-12.30"), &err), 0);
    assert_int_equal(xlsx_number(w, 0, 2, SPAN("1234567890123456"), &err), 0);
    assert_int_equal(xlsx_date(w, 1, 0, 0, &err), 0);
    assert_int_equal(xlsx_bool(w, 1, 1, true, &err), 0);
    assert_int_equal(xlsx_close(w, &err), 0);
    assert_int_equal(stat(path, &st), 0);
    struct archive_zip *zip = NULL;
    assert_int_equal(archive_zip_open(open_file(path), "book", &zip, &err), ERR_DATA);
    assert_string_equal(err.message, "'book' is an xlsx file, not text");
    assert_int_equal(xlsx_open(path, "s", &w, &err), 0);
    xlsx_discard(w);
    xlsx_discard(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_known_by_their_bytes),
        cmocka_unit_test(members_follow_each_other_and_zeros_are_padding),
        cmocka_unit_test(every_cut_is_an_error),
        cmocka_unit_test(a_pipe_is_read_once_from_its_head_on),
        cmocka_unit_test(a_spooled_pipe_is_a_file),
        cmocka_unit_test(what_is_no_zip_is_told),
        cmocka_unit_test(texts_of_a_cell_are_counted_in_utf16),
        cmocka_unit_test(a_workbook_is_a_zip_with_its_cells),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
