#include "pipeline/target/rowhash.h"

#include "core/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Row n, and a hash that tells it from all others. */
static struct span row_of(unsigned n, char text[64], uint8_t hash[16])
{
    static const struct siphash_key key = {1, 2};
    snprintf(text, 64, "row %u%.*s", n, (int)(n % 40), "----------------------------------------");
    siphash_128(&key, text, strlen(text), hash);
    return span_of(text);
}

struct seen {
    unsigned char absent[4096], unmet[4096];
    unsigned absent_count, unmet_count;
};

static int take_absent(void *self, const void *hash, struct span row, struct error *err)
{
    struct seen *s = self;
    char text[64];
    uint8_t expected[16];
    unsigned n = (unsigned)strtoul(row.ptr + 4, NULL, 10);
    struct span whole = row_of(n, text, expected);
    (void)err;
    assert_int_equal(row.len, whole.len);
    assert_memory_equal(row.ptr, text, row.len);
    assert_memory_equal(hash, expected, 16);
    assert_int_equal(s->absent[n]++, 0);
    s->absent_count++;
    return 0;
}

static int take_unmet(void *self, const void *hash, struct error *err)
{
    struct seen *s = self;
    (void)err;
    for (unsigned n = 0; n < 4096; n++) {
        char text[64];
        uint8_t of[16];
        row_of(n, text, of);
        if (memcmp(of, hash, 16) == 0) {
            assert_int_equal(s->unmet[n]++, 0);
            s->unmet_count++;
            return 0;
        }
    }
    fail_msg("a hash that was never stored");
    return 0;
}

/* Stored are the rows 0 .. stored-1; the source has those from `from` on, and `twice` two times. */
static void offer_all(size_t memory_rows, unsigned stored, unsigned from, unsigned to,
                      unsigned twice)
{
    struct rowhash *r = rowhash_new(memory_rows);
    struct error err = ERROR_INIT;
    struct seen seen = {0};
    bool repeats = true;
    char text[64];
    uint8_t hash[16];
    for (unsigned n = 0; n < stored; n++) {
        row_of(n, text, hash);
        assert_int_equal(rowhash_add(r, hash, &err), 0);
    }
    assert_int_equal(rowhash_seal(r, &repeats, &err), 0);
    assert_false(repeats);
    for (unsigned n = from; n <= to; n++) {
        struct span row = row_of(n == to ? twice : n, text, hash);
        assert_int_equal(rowhash_offer(r, hash, row, take_absent, &seen, &err), 0);
    }
    assert_int_equal(rowhash_settle(r, take_absent, &seen, &err), 0);
    assert_int_equal(rowhash_each_unmet(r, take_unmet, &seen, &err), 0);
    assert_int_equal(rowhash_stored(r), stored);
    assert_int_equal(rowhash_met(r), stored - from);
    assert_int_equal(rowhash_again(r), 1);
    assert_int_equal(seen.absent_count, to - stored);
    assert_int_equal(seen.unmet_count, from);
    for (unsigned n = 0; n < from; n++)
        assert_int_equal(seen.unmet[n], 1);
    for (unsigned n = stored; n < to; n++)
        assert_int_equal(seen.absent[n], 1);
    rowhash_free(r);
}

static void tells_stored_from_absent(void **state)
{
    (void)state;
    offer_all(4096, 1, 0, 2, 0);
    offer_all(4096, 9, 3, 12, 4);
    offer_all(4096, 3000, 100, 4000, 2000);
}

static void tells_the_same_when_it_spills(void **state)
{
    (void)state;
    offer_all(10, 3000, 100, 4000, 2000);
    offer_all(2999, 3000, 0, 3001, 7);
}

static void repeats_among_the_stored_are_told(void **state)
{
    (void)state;
    for (size_t memory = 10; memory <= 4096; memory += 4086) {
        struct rowhash *r = rowhash_new(memory);
        struct error err = ERROR_INIT;
        bool repeats = false;
        char text[64];
        uint8_t hash[16];
        for (unsigned n = 0; n < 1000; n++) {
            row_of(n == 999 ? 5 : n, text, hash);
            assert_int_equal(rowhash_add(r, hash, &err), 0);
        }
        assert_int_equal(rowhash_seal(r, &repeats, &err), 0);
        assert_true(repeats);
        rowhash_free(r);
    }
}

static void nothing_stored_means_all_absent(void **state)
{
    struct rowhash *r = rowhash_new(0);
    struct error err = ERROR_INIT;
    struct seen seen = {0};
    bool repeats = true;
    char text[64];
    uint8_t hash[16];
    (void)state;
    struct span row = row_of(1, text, hash);
    assert_int_equal(rowhash_seal(r, &repeats, &err), 0);
    assert_false(repeats);
    assert_int_equal(rowhash_offer(r, hash, row, take_absent, &seen, &err), 0);
    assert_int_equal(rowhash_settle(r, take_absent, &seen, &err), 0);
    assert_int_equal(seen.absent[1], 1);
    rowhash_free(r);
}

static void an_unusable_tmpdir_is_an_error_with_advice(void **state)
{
    struct rowhash *r = rowhash_new(1);
    struct error err = ERROR_INIT;
    uint8_t hash[16] = {1};
    (void)state;
    setenv("TMPDIR", "/nowhere/at/all", 1);
    assert_int_equal(rowhash_add(r, hash, &err), 0);
    hash[0] = 2;
    assert_int_equal(rowhash_add(r, hash, &err), ERR_IO);
    assert_non_null(strstr(err.message, "/nowhere/at/all"));
    assert_non_null(strstr(err.hint, "TMPDIR"));
    unsetenv("TMPDIR");
    rowhash_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_stored_from_absent),
        cmocka_unit_test(tells_the_same_when_it_spills),
        cmocka_unit_test(repeats_among_the_stored_are_told),
        cmocka_unit_test(nothing_stored_means_all_absent),
        cmocka_unit_test(an_unusable_tmpdir_is_an_error_with_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
