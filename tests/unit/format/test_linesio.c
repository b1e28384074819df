#include "scratch.h"

#include "core/strbuf.h"
#include "format/linesio.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct linesio *open_bytes(const void *bytes, size_t n, const char *encoding)
{
    struct error err = ERROR_INIT;
    struct linesio *l = NULL;
    assert_ok(linesio_open_path(scratch_file("f", bytes, n), encoding, 1000, &l, &err));
    return l;
}

static void expect_line(struct linesio *l, const char *text, uint64_t number, uint64_t offset)
{
    struct error err = ERROR_INIT;
    struct linesio_line line;
    bool end = true;
    assert_ok(linesio_next(l, &line, &end, &err));
    assert_false(end);
    assert_int_equal(line.text.len, strlen(text));
    assert_memory_equal(line.text.ptr, text, line.text.len);
    assert_int_equal(line.number, number);
    assert_int_equal(line.byte_offset, offset);
}

static void expect_end(struct linesio *l)
{
    struct error err = ERROR_INIT;
    struct linesio_line line;
    bool end = false;
    assert_ok(linesio_next(l, &line, &end, &err));
    assert_true(end);
    assert_ok(linesio_next(l, &line, &end, &err));
    assert_true(end);
    linesio_close(l);
}

static void test_line_ends_stay(void **state)
{
    (void)state;
    struct linesio *l = open_bytes("a\r\nb\n\nlast", 10, NULL);
    expect_line(l, "a\r\n", 1, 0);
    expect_line(l, "b\n", 2, 3);
    expect_line(l, "\n", 3, 5);
    expect_line(l, "last", 4, 6);
    uint64_t total = 0;
    assert_int_equal(linesio_bytes_read(l, &total), 10);
    assert_int_equal(total, 10);
    expect_end(l);
}

static void test_mark_is_dropped(void **state)
{
    (void)state;
    struct linesio *l = open_bytes("\xEF\xBB\xBF"
                                   "a\n",
                                   5, "UTF-8");
    expect_line(l, "a\n", 1, 0);
    expect_end(l);
    l = open_bytes("\xFF\xFE"
                   "a\0\n\0",
                   6, NULL);
    expect_line(l, "a\n", 1, 0);
    expect_end(l);
}

static void test_empty(void **state)
{
    (void)state;
    expect_end(open_bytes("", 0, NULL));
    expect_end(open_bytes("\xEF\xBB\xBF", 3, NULL));
    expect_end(open_bytes("", 0, "GB18030"));
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct linesio *l = NULL;
    assert_int_equal(linesio_open_path("/nonexistent", NULL, 100, &l, &err), ERR_NOT_FOUND);
    assert_in(err.message, "/nonexistent");
    assert_int_equal(linesio_open_path("/tmp", NULL, 100, &l, &err), ERR_IO);
    assert_in(err.message, "directory");
    const char *path = scratch_file("f", "a\0\0\0\0", 5);
    assert_int_equal(linesio_open_path(path, NULL, 100, &l, &err), ERR_DATA);
    assert_in(err.message, path);
    assert_null(l);
}

/* Lines of every length around the size of a read. */
static void test_lines_over_chunk_ends(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    for (int i = 0; text.len < (size_t)1 << 20; i++)
        strbuf_addf(&text, "%d %.*s\n", i, 6 + i % 290,
                    "\xE9\xA4\x90\xE5\x8E\x85----------------------"
                    "--------------------------------------------------------------------------"
                    "--------------------------------------------------------------------------"
                    "--------------------------------------------------------------------------");
    for (int round = 0; round < 2; round++) {
        struct linesio *l = NULL;
        const char *path = scratch_file("f", text.data, text.len);
        int fd = open(path, O_RDONLY);
        assert_ok(linesio_open(fd, "f", round ? "latin1" : NULL, 1000, &l, &err));
        uint64_t bytes = 0, lines = 0;
        struct linesio_line line;
        bool end = false;
        for (;;) {
            assert_ok(linesio_next(l, &line, &end, &err));
            if (end)
                break;
            assert_int_equal(line.byte_offset, bytes);
            assert_int_equal(strtoul(line.text.ptr, NULL, 10), lines);
            if (round == 0)
                assert_memory_equal(line.text.ptr, text.data + bytes, line.text.len);
            bytes += line.text.len;
            lines++;
        }
        if (round == 0)
            assert_int_equal(bytes, text.len);
        linesio_close(l);
    }
}

static void test_faults_go_to_their_lines(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    const char gbk[] = "\xCE\xEF\xC1\xCF\xB1\xE0\xC2\xEB\n\xBF\xE2\xFF\xB4\xE6\xFF\n\xCA\xFD\n";
    struct linesio *l = open_bytes(gbk, sizeof(gbk) - 1, "GB18030");
    struct linesio_line line;
    bool end;
    assert_ok(linesio_next(l, &line, &end, &err));
    assert_null(line.fault);
    assert_ok(linesio_next(l, &line, &end, &err));
    assert_non_null(line.fault);
    assert_int_equal(line.fault->input_offset, 11);
    assert_string_equal(line.fault->hex, "FF");
    assert_ok(linesio_next(l, &line, &end, &err));
    assert_null(line.fault);
    expect_end(l);
}

/* Bad bytes far apart, so that each comes with another read. */
static void test_faults_of_many_reads(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    for (int i = 1; i <= 100000; i++)
        strbuf_adds(&text, i % 1000 == 0 ? "\xB8\xDF\xFF\n" : "\xB8\xDF ok\n");
    struct linesio *l = open_bytes(text.data, text.len, "GB18030");
    uint64_t faulty = 0;
    for (;;) {
        struct linesio_line line;
        bool end = false;
        assert_ok(linesio_next(l, &line, &end, &err));
        if (end)
            break;
        assert_int_equal(line.fault != NULL, line.number % 1000 == 0);
        if (line.fault)
            assert_int_equal((uint8_t)text.data[line.fault->input_offset], 0xFF);
        faulty += line.fault != NULL;
    }
    assert_int_equal(faulty, 100);
    linesio_close(l);
}

static void test_long_line_is_a_limit(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char text[3000];
    memset(text, 'x', sizeof(text));
    text[3] = '\n';
    struct linesio *l = open_bytes(text, sizeof(text), NULL);
    expect_line(l, "xxx\n", 1, 0);
    struct linesio_line line;
    bool end;
    assert_int_equal(linesio_next(l, &line, &end, &err), ERR_LIMIT);
    assert_in(err.message, "f:2: the line is longer than 1000 bytes");
    linesio_close(l);
}

static long resident_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* One line of 1 GiB: refused as soon as its limit is passed. */
static void test_gigabyte_line_in_flat_memory(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    if (fork() == 0) {
        char block[65536];
        memset(block, 'x', sizeof(block));
        close(ends[0]);
        for (int i = 0; i < 16384; i++)
            if (write(ends[1], block, sizeof(block)) < 0)
                break;
        _exit(0);
    }
    close(ends[1]);
    long before = resident_kib();
    struct linesio *l = NULL;
    struct linesio_line line;
    bool end;
    assert_ok(linesio_open(ends[0], "endless", NULL, (size_t)4 << 20, &l, &err));
    assert_int_equal(linesio_next(l, &line, &end, &err), ERR_LIMIT);
    assert_in(err.message, "endless:1:");
    assert_true(linesio_bytes_read(l, NULL) < (uint64_t)8 << 20);
    assert_true(resident_kib() - before < 40 * 1024);
    linesio_close(l);
}

/* ---- streams ------------------------------------------------------------------------------- */

static struct linesio *open_pipe(const void *bytes, size_t n, const char *encoding)
{
    struct error err = ERROR_INIT;
    struct linesio *l = NULL;
    assert_ok(linesio_open(scratch_pipe(bytes, n), "pipe", encoding, 10000, &l, &err));
    return l;
}

static void test_stream_encodings(void **state)
{
    (void)state;
    struct linesio *l = open_pipe("\xCE\xEF\xC1\xCF\xB1\xE0\xC2\xEB\n", 9, "auto");
    expect_line(l, "\xE7\x89\xA9\xE6\x96\x99\xE7\xBC\x96\xE7\xA0\x81\n", 1, 0);
    assert_string_equal(linesio_encoding(l)->name, "GB18030");
    assert_string_equal(linesio_sha256(l), "");
    uint64_t total = 1;
    linesio_bytes_read(l, &total);
    assert_int_equal(total, 0);
    expect_end(l);
    l = open_pipe("\xEF\xBB\xBF\xE9\xA4\x90\n", 7, NULL);
    expect_line(l, "\xE9\xA4\x90\n", 1, 0);
    expect_end(l);
    l = open_pipe("\xFF\xFE"
                  "a\0\n\0",
                  6, "UTF-16LE");
    expect_line(l, "a\n", 1, 0);
    expect_end(l);
    expect_end(open_pipe("", 0, NULL));
    expect_end(open_pipe("", 0, "UTF-8"));
}

static void test_stream_refusals(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct linesio_line line;
    bool end;
    struct linesio *l = open_pipe("\xEF\xBB\xBF"
                                  "a\n",
                                  5, "GB18030");
    assert_int_equal(linesio_next(l, &line, &end, &err), ERR_DATA);
    assert_in(err.message, "pipe: declared as GB18030");
    linesio_close(l);
    l = open_pipe("\0\0\0\0\0\0\0\0\0\0\0\0", 12, NULL);
    assert_int_equal(linesio_next(l, &line, &end, &err), ERR_DATA);
    assert_in(err.message, "not text");
    linesio_close(l);
    assert_int_equal(linesio_open(scratch_pipe("a", 1), "pipe", "klingon", 10, &l, &err), ERR_SPEC);
}

struct writer {
    int fd;
    const char *tail;
};

/* ASCII for longer than a read, a sample of more than 1 MiB of UTF-8, then what contradicts it. */
static void *write_long_stream(void *arg)
{
    const struct writer *w = arg;
    char block[4096];
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = i % 64 == 63 ? '\n' : 'a';
    for (int i = 0; i < 100; i++)
        if (write(w->fd, block, sizeof(block)) < 0)
            break;
    for (size_t i = 0; i + 64 <= sizeof(block); i += 64)
        memcpy(block + i, "\xE9\xA4\x90", 3);
    for (int i = 0; i < 400; i++)
        if (write(w->fd, block, sizeof(block)) < 0)
            break;
    if (write(w->fd, w->tail, strlen(w->tail)) < 0)
        perror("write");
    close(w->fd);
    return NULL;
}

static int read_long_stream(const char *tail, uint64_t *ret_lines, struct error *err)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct writer w = {.fd = ends[1], .tail = tail};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_long_stream, &w), 0);
    struct linesio *l = NULL;
    assert_int_equal(linesio_open(ends[0], "pipe", NULL, 10000, &l, err), 0);
    int code = 0;
    bool end = false;
    uint64_t offset = 0;
    struct linesio_line line;
    while ((code = linesio_next(l, &line, &end, err)) == 0 && !end) {
        assert_int_equal(line.byte_offset, offset);
        offset += line.text.len;
        *ret_lines = line.number;
    }
    pthread_join(thread, NULL);
    linesio_close(l);
    return code;
}

static void test_stream_decides_once(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    uint64_t lines = 0;
    assert_ok(read_long_stream("\xE5\x8E\x85\n", &lines, &err));
    assert_int_equal(lines, 500 * 64 + 1);
    assert_int_equal(read_long_stream("\xBF\xE2\n", &lines, &err), ERR_DATA);
    assert_in(err.message, "pipe:32001: byte 2048000 (BF) is not UTF-8, as the beginning was");
}

static void test_file_that_grows_is_refused(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct linesio_line line;
    bool end = false;
    struct linesio *l = open_bytes("a\n", 2, NULL);
    (void)scratch_file("f", "a\nb\n", 4);
    int code = 0;
    while (code == 0 && !end)
        code = linesio_next(l, &line, &end, &err);
    assert_int_equal(code, ERR_DATA);
    assert_in(err.message, "changed while it was being read");
    linesio_close(l);
}

/* ---- scanned beside the reading ------------------------------------------------------------- */

#define BESIDE_LINES 300000

/* A file of 5 MB: lines of ASCII, then some of what is given. */
static const char *large_file(const char *tail, size_t n)
{
    static char bytes[BESIDE_LINES * 18 + 4096];
    size_t at = 0;
    for (int i = 0; i < BESIDE_LINES; i++)
        at += (size_t)sprintf(bytes + at, "line %012d\n", i);
    memcpy(bytes + at, tail, n);
    return scratch_file("large", bytes, at + n);
}

static struct linesio *open_beside(const char *path, const char *encoding)
{
    struct error err = ERROR_INIT;
    struct linesio *l = NULL;
    assert_ok(linesio_open_beside(open(path, O_RDONLY), path, encoding, 1000, &l, &err));
    return l;
}

/* Reads to the end or to the first error; how many lines came, how many of them with a fault. */
static int read_lines(struct linesio *l, size_t *ret_lines, size_t *ret_faults, struct error *err)
{
    struct linesio_line line;
    bool end = false;
    *ret_lines = *ret_faults = 0;
    for (;;) {
        TRY(linesio_next(l, &line, &end, err));
        if (end)
            return 0;
        ++*ret_lines;
        *ret_faults += line.fault != NULL;
    }
}

static void test_scan_beside_says_the_same(void **state)
{
    (void)state;
    static const char utf8[] = "\xE7\x89\x9B\xE8\x85\xA9\nlast";
    const char *path = large_file(utf8, strlen(utf8));
    struct error err = ERROR_INIT;
    struct linesio *l = open_beside(path, NULL), *first;
    size_t lines, faults;
    assert_ok(linesio_open_path(path, NULL, 1000, &first, &err));
    assert_ok(read_lines(l, &lines, &faults, &err));
    assert_int_equal(lines, BESIDE_LINES + 2);
    assert_int_equal(faults, 0);
    assert_true(linesio_is_scanned(l) && linesio_encoding(l)->verified);
    assert_string_equal(linesio_sha256(l), linesio_sha256(first));
    uint64_t total = 0, read = linesio_bytes_read(l, &total);
    assert_int_equal(read, total);
    linesio_close(l);
    linesio_close(first);
    l = open_beside(path, NULL); /* and is waited for when somebody asks */
    assert_ok(linesio_settle(l, &err));
    assert_int_equal(strlen(linesio_sha256(l)), 64);
    linesio_close(l);
    linesio_close(open_beside(path, NULL)); /* or stopped */
}

static void test_scan_beside_that_finds_another_encoding(void **state)
{
    (void)state;
    static const char gb[] = "\xC5\xA3\xEB\xEE\xC5\xA3\xEB\xEE\n\xC5\xA3\xEB\xEE\n";
    const char *path = large_file(gb, strlen(gb));
    struct error err = ERROR_INIT;
    struct linesio *l = open_beside(path, NULL);
    size_t lines, faults;
    assert_int_equal(read_lines(l, &lines, &faults, &err), ERR_DATA);
    assert_true(linesio_is_misjudged(l));
    assert_in(err.message, "is GB18030, but begins as if it were UTF-8");
    linesio_close(l);
    l = open_beside(path, "gbk"); /* declared: nothing was assumed */
    error_clear(&err);
    assert_ok(read_lines(l, &lines, &faults, &err));
    assert_int_equal(lines, BESIDE_LINES + 2);
    linesio_close(l);
    l = open_beside(path, "utf-8"); /* declared, and wrong: its lines say where */
    assert_ok(read_lines(l, &lines, &faults, &err));
    assert_int_equal(faults, 2);
    assert_false(linesio_is_misjudged(l));
    linesio_close(l);
}

static void test_scan_beside_of_what_is_no_text(void **state)
{
    (void)state;
    static const char one_fault[] = "\xE7\x89\x9B\xE7\x89\x9B\xE7\x89\x9B\xE7\x89\x9B\xFF\n";
    static char nuls[4000];
    struct error err = ERROR_INIT;
    size_t lines, faults;
    struct linesio *l = open_beside(large_file(one_fault, strlen(one_fault)), NULL);
    assert_ok(read_lines(l, &lines, &faults, &err));
    assert_int_equal(faults, 1);
    linesio_close(l);
    const char *path = scratch_file("nuls", nuls, sizeof nuls);
    assert_int_equal(truncate(path, 5 << 20), 0);
    assert_int_equal(linesio_open_beside(open(path, O_RDONLY), path, NULL, 1000, &l, &err),
                     ERR_DATA); /* seen at once, and in the scan's words */
    assert_in(err.message, "not text");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gigabyte_line_in_flat_memory),
        cmocka_unit_test(test_line_ends_stay),
        cmocka_unit_test(test_mark_is_dropped),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_what_is_no_file),
        cmocka_unit_test(test_lines_over_chunk_ends),
        cmocka_unit_test(test_faults_go_to_their_lines),
        cmocka_unit_test(test_faults_of_many_reads),
        cmocka_unit_test(test_long_line_is_a_limit),
        cmocka_unit_test(test_stream_encodings),
        cmocka_unit_test(test_stream_refusals),
        cmocka_unit_test(test_stream_decides_once),
        cmocka_unit_test(test_file_that_grows_is_refused),
        cmocka_unit_test(test_scan_beside_says_the_same),
        cmocka_unit_test(test_scan_beside_that_finds_another_encoding),
        cmocka_unit_test(test_scan_beside_of_what_is_no_text),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
