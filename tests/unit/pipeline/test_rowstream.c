/* Rows compared in the order of the table, against what sets say. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "core/siphash.h"
#include "pipeline/target/rowstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 60000

static uint32_t next_random(void)
{
    static uint64_t state = 20261122;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33);
}

/* Numbers of rows, in the order of the table and of the source. */
static unsigned stored[ROWS_MAX], source[ROWS_MAX];
static size_t nstored, nsource;

static struct span row_of(unsigned n, char text[64], uint8_t hash[16])
{
    static const struct siphash_key key = {1, 2};
    snprintf(text, 64, "row %u%.*s", n, (int)(n % 40), "----------------------------------------");
    siphash_128(&key, text, strlen(text), hash);
    return span_of(text);
}

/* ---- both sides ------------------------------------------------------------------------- */

struct pulled {
    size_t at, piece;
    uint8_t hashes[1024][16];
};

static int pull(void *self, struct span *ret, bool *ret_end, struct error *err)
{
    struct pulled *p = self;
    char text[64];
    size_t n = 0;
    (void)err;
    assert_true(p->at <= nstored); /* nobody asks again after the end */
    *ret_end = p->at == nstored;
    for (; n < p->piece && p->at < nstored; n++)
        row_of(stored[p->at++], text, p->hashes[n]);
    p->at += *ret_end;
    *ret = (struct span){(const char *)p->hashes, n * 16};
    return 0;
}

struct seen {
    unsigned char absent[2 * ROWS_MAX], unmet[2 * ROWS_MAX];
};

static int take_absent(void *self, const void *hash, struct span row, struct error *err)
{
    struct seen *s = self;
    char text[64];
    uint8_t expected[16];
    assert_in_range(row.len, 5, sizeof text - 1);
    snprintf(text, sizeof text, "%.*s", (int)row.len, row.ptr);
    unsigned n = (unsigned)strtoul(text + 4, NULL, 10);
    struct span whole = row_of(n, text, expected);
    (void)err;
    assert_true(span_equal(row, whole));
    assert_memory_equal(hash, expected, 16);
    s->absent[n]++;
    return 0;
}

#define SLOTS ((size_t)1 << 18)

/* The number of the row that has the hash. */
static unsigned row_with(const uint8_t hash[16])
{
    static uint8_t hashes[2 * ROWS_MAX][16];
    static unsigned slots[SLOTS]; /* number + 1 */
    uint32_t at;
    char text[64];
    for (unsigned n = 0; slots[0] == 0 && n < 2 * ROWS_MAX; n++) {
        row_of(n, text, hashes[n]);
        memcpy(&at, hashes[n], sizeof at);
        while (slots[1 + at % (SLOTS - 1)] != 0)
            at++;
        slots[1 + at % (SLOTS - 1)] = n + 1;
    }
    slots[0] = 1; /* filled */
    memcpy(&at, hash, sizeof at);
    for (; slots[1 + at % (SLOTS - 1)] != 0; at++)
        if (memcmp(hashes[slots[1 + at % (SLOTS - 1)] - 1], hash, 16) == 0)
            return slots[1 + at % (SLOTS - 1)] - 1;
    fail_msg("a hash of no row");
    return 0;
}

static int take_unmet(void *self, const void *hash, struct error *err)
{
    struct seen *s = self;
    (void)err;
    s->unmet[row_with(hash)]++;
    return 0;
}

/* Offers all rows; checks who was met, who was not, and the sums. */
static void compare(size_t piece, size_t memory_rows)
{
    static struct seen seen;
    static unsigned char is_stored[2 * ROWS_MAX], offered[2 * ROWS_MAX];
    struct error err = ERROR_INIT;
    struct pulled pulled = {.piece = piece};
    struct rowhash *set = rowhash_new(memory_rows);
    struct rowstream *s = rowstream_new(set, pull, &pulled);
    uint64_t met = 0, absent = 0;
    memset(&seen, 0, sizeof seen);
    memset(is_stored, 0, sizeof is_stored);
    memset(offered, 0, sizeof offered);
    for (size_t i = 0; i < nstored; i++)
        is_stored[stored[i]] = 1;
    for (size_t i = 0; i < nsource; i++) {
        char text[64];
        uint8_t hash[16];
        struct span row = row_of(source[i], text, hash);
        assert_int_equal(rowstream_offer(s, hash, row, take_absent, &seen, &err), 0);
        met += is_stored[source[i]] && offered[source[i]]++ == 0;
    }
    assert_int_equal(rowstream_settle(s, take_absent, &seen, &err), 0);
    assert_int_equal(rowhash_each_unmet(set, take_unmet, &seen, &err), 0);
    assert_int_equal(rowstream_met(s) + rowhash_met(set), met);
    for (unsigned n = 0; n < 2 * ROWS_MAX; n++) {
        absent += seen.absent[n];
        assert_true(is_stored[n] || seen.unmet[n] == 0);
        if (is_stored[n]) {
            assert_int_equal(seen.unmet[n], offered[n] == 0);
            assert_in_range(seen.absent[n], 0, offered[n] > 1 ? offered[n] - 1 : 0);
        }
    }
    for (size_t i = 0; i < nsource; i++)
        assert_true(is_stored[source[i]] || seen.absent[source[i]] > 0);
    assert_int_equal(met + absent + rowstream_again(s) + rowhash_again(set), nsource);
    rowstream_free(s);
    rowhash_free(set);
}

/* ---- orders ----------------------------------------------------------------------------- */

/* The table has 0..n-1 in order; so has the source. */
static void begin(size_t n)
{
    nstored = nsource = n;
    for (unsigned i = 0; i < n; i++)
        stored[i] = source[i] = i;
}

static void shuffle(unsigned *rows, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = next_random() % i;
        unsigned moved = rows[i - 1];
        rows[i - 1] = rows[k];
        rows[k] = moved;
    }
}

static void remove_rows(unsigned *rows, size_t *n, size_t from, size_t count)
{
    memmove(rows + from, rows + from + count, (*n - from - count) * sizeof *rows);
    *n -= count;
}

static void orders_that_agree(void **state)
{
    (void)state;
    begin(0);
    compare(100, 0);
    begin(1);
    compare(100, 0);
    begin(50000);
    compare(1000, 0);
    nsource = 0;
    compare(1000, 0);
    nsource = 50000;
    nstored = 0;
    compare(1000, 0);
}

static void changed_rows_and_moved_ones(void **state)
{
    (void)state;
    begin(50000);
    for (size_t i = 0; i < nsource; i += 20)
        source[i] += ROWS_MAX; /* changed */
    compare(1000, 0);
    for (size_t i = 100; i < nsource; i += 1000) { /* moved within the window, and beyond */
        size_t to = (i + next_random() % (i % 3 == 0 ? 50 : 30000)) % nstored;
        unsigned moved = stored[i];
        stored[i] = stored[to];
        stored[to] = moved;
    }
    compare(1000, 0);
    compare(7, 100);
}

static void ranges_that_went_and_came(void **state)
{
    (void)state;
    for (size_t count = 10; count < 30000; count *= 7) {
        begin(50000);
        remove_rows(source, &nsource, 5000, count);
        remove_rows(stored, &nstored, 15000, count);
        compare(1000, 0);
        compare(1000, 1000);
    }
}

static void orders_that_have_nothing_in_common(void **state)
{
    (void)state;
    begin(50000);
    shuffle(source, nsource);
    compare(1000, 0);
    compare(1000, 20000);
    for (size_t i = 0; i < nsource; i++)
        source[i] += ROWS_MAX;
    compare(1000, 0);
}

static void rows_that_come_twice(void **state)
{
    (void)state;
    begin(40000);
    source[1] = source[0];
    source[3000] = source[100]; /* within the window */
    source[39000] = source[200];
    source[39001] = source[200];
    compare(1000, 0);
}

static void any_mixture(void **state)
{
    (void)state;
    for (int round = 0; round < 30; round++) {
        begin(1 + next_random() % 30000);
        for (size_t i = 0; i < nsource / 20; i++) {
            size_t at = next_random() % nsource;
            source[at] =
                next_random() % 2 == 0 ? source[at] + ROWS_MAX : source[next_random() % nsource];
            if (source[at] >= 2 * ROWS_MAX)
                source[at] -= ROWS_MAX;
        }
        if (nsource > 1000) {
            size_t from = next_random() % (nsource - 1000);
            shuffle(source + from, 1000);
            remove_rows(stored, &nstored, from, next_random() % 1000);
        }
        compare(1 + next_random() % 1000, next_random() % 2 * 1000);
    }
}

static void repeats_are_told(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct seen *seen = calloc(1, sizeof *seen);
    begin(100);
    stored[5] = stored[4] = 70000;
    struct pulled pulled = {.piece = 10};
    struct rowhash *set = rowhash_new(0);
    struct rowstream *s = rowstream_new(set, pull, &pulled);
    assert_int_equal(rowstream_settle(s, take_absent, seen, &err), ERR_BUG);
    assert_true(rowstream_repeats(s));
    rowstream_free(s);
    rowhash_free(set);
    free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_that_agree),
        cmocka_unit_test(changed_rows_and_moved_ones),
        cmocka_unit_test(ranges_that_went_and_came),
        cmocka_unit_test(orders_that_have_nothing_in_common),
        cmocka_unit_test(rows_that_come_twice),
        cmocka_unit_test(any_mixture),
        cmocka_unit_test(repeats_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
