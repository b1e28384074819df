/* The load loop's response reader: framing, limits, and that the pieces bytes come in change
 * nothing. */
#include "net/load_response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct expected {
    const char *text;
    enum load_state state;
    int status;
    uint64_t body;
    bool keep_alive;
    size_t used; /* 0: all of it */
};

static const struct expected CASES[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", LOAD_DONE, 200, 5, true, 0},
    {"HTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhelloHTTP/1.1", LOAD_DONE, 200, 5, true, 42},
    {"HTTP/1.1 204 No Content\r\n\r\n", LOAD_DONE, 204, 0, true, 0},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", LOAD_DONE, 304, 0, true, 0},
    {"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", LOAD_DONE,
     429, 0, false, 0},
    {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", LOAD_DONE, 200, 1, false, 0},
    {"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx", LOAD_DONE, 200, 1,
     true, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\na;x=y\r\n0123456789\r\n"
     "0\r\nTrailer: t\r\n\r\n",
     LOAD_DONE, 200, 15, true, 0},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", LOAD_DONE,
     201, 2, true, 0},
    {"HTTP/1.1 200\nContent-Length: 2\n\nok", LOAD_DONE, 200, 2, true, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", LOAD_BODY, 200, 3, true, 0},
    {"HTTP/1.1 200 OK\r\n\r\nuntil the end", LOAD_BODY_EOF, 200, 13, false, 0},
    {"SSH-2.0-OpenSSH_9.2\r\n", LOAD_BROKEN, 0, 0, false, 21},
    {"HTTP/1.1 099 Odd\r\n", LOAD_BROKEN, 0, 0, false, 18},
    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", LOAD_BROKEN, 200, 0, false, 37},
    {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", LOAD_BROKEN, 200, 0, false,
     55},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", LOAD_BROKEN, 200, 0,
     false, 55},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", LOAD_BROKEN, 200, 0, false,
     52},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", LOAD_BROKEN, 200, 2,
     false, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", LOAD_BROKEN, 200,
     0, false, 65},
    {"HTTP/1.1 200 OK\r\nContent-Length: 1000001\r\n\r\n", LOAD_BROKEN, 200, 0, false, 44},
    {"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", LOAD_BROKEN, 200, 0, false, 32},
};

static void feed_in_pieces(const struct expected *e, size_t piece, struct load_response *r,
                           size_t *ret_used)
{
    size_t n = strlen(e->text), used = 0;
    load_response_begin(r, false, 1000000);
    while (used < n && r->state != LOAD_DONE && r->state != LOAD_BROKEN) {
        size_t part = n - used < piece ? n - used : piece;
        used += load_response_feed(r, e->text + used, part);
    }
    *ret_used = used;
}

static void test_cases_in_any_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct expected *e = &CASES[i];
        for (size_t piece = 1; piece <= strlen(e->text); piece++) {
            struct load_response r;
            size_t used = 0;
            feed_in_pieces(e, piece, &r, &used);
            if (r.state != e->state || r.status != e->status || r.body_bytes != e->body)
                fail_msg("case %zu, pieces of %zu: state %d status %d body %llu: %s", i, piece,
                         (int)r.state, r.status, (unsigned long long)r.body_bytes,
                         r.broken ? r.broken : "");
            if (r.state == LOAD_DONE)
                assert_int_equal(r.keep_alive, e->keep_alive);
            if (r.state != LOAD_BROKEN)
                assert_int_equal(used, e->used ? e->used : strlen(e->text));
            if (r.state == LOAD_BROKEN)
                assert_non_null(r.broken);
        }
    }
}

static void test_head_has_no_body(void **state)
{
    struct load_response r;
    const char *text = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n";
    (void)state;
    load_response_begin(&r, true, 1000);
    assert_int_equal(load_response_feed(&r, text, strlen(text)), strlen(text));
    assert_int_equal(r.state, LOAD_DONE);
    assert_int_equal(r.body_bytes, 0);
    assert_true(r.keep_alive);
}

static void test_eof_ends_or_breaks(void **state)
{
    struct load_response r;
    const char *open_end = "HTTP/1.1 200 OK\r\n\r\nabc";
    const char *cut = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc";
    (void)state;
    load_response_begin(&r, false, 1000);
    load_response_feed(&r, open_end, strlen(open_end));
    load_response_eof(&r);
    assert_int_equal(r.state, LOAD_DONE);
    assert_int_equal(r.body_bytes, 3);
    assert_false(r.keep_alive);
    load_response_begin(&r, false, 1000);
    load_response_feed(&r, cut, strlen(cut));
    load_response_eof(&r);
    assert_int_equal(r.state, LOAD_BROKEN);
    load_response_begin(&r, false, 1000);
    load_response_eof(&r);
    assert_int_equal(r.state, LOAD_BROKEN);
}

static void test_limits(void **state)
{
    struct load_response r;
    const char *start = "HTTP/1.1 200 OK\r\n";
    char filler[1024];
    (void)state;
    memset(filler, 'a', sizeof filler);
    load_response_begin(&r, false, 1000);
    load_response_feed(&r, start, strlen(start));
    for (int i = 0; i < 200 && r.state == LOAD_HEADERS; i++) /* one endless header line */
        load_response_feed(&r, filler, sizeof filler);
    assert_int_equal(r.state, LOAD_BROKEN);

    load_response_begin(&r, false, 1000); /* a body without length, over the limit */
    load_response_feed(&r, "HTTP/1.1 200 OK\r\n\r\n", 19);
    load_response_feed(&r, filler, 1000);
    assert_int_equal(r.state, LOAD_BODY_EOF);
    load_response_feed(&r, filler, 1);
    assert_int_equal(r.state, LOAD_BROKEN);

    load_response_begin(&r, false, 1000); /* many small chunks, over the limit together */
    load_response_feed(&r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 47);
    int chunks = 0;
    for (; chunks < 400 && r.state != LOAD_BROKEN; chunks++)
        load_response_feed(&r, "4\r\nabcd\r\n", 9);
    assert_int_equal(r.body_bytes, 1000);
    assert_int_equal(chunks, 251);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases_in_any_pieces),
        cmocka_unit_test(test_head_has_no_body),
        cmocka_unit_test(test_eof_ends_or_breaks),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
