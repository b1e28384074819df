/* The arena, growth and spans. */
#include "core/mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_alloc_is_zeroed(void **state)
{
    (void)state;
    unsigned char *p = mem_array(1000, 7);
    for (size_t i = 0; i < 7000; i++) {
        assert_int_equal(p[i], 0);
    }
    free(p);
    free(mem_alloc(0)); /* a pointer, not NULL */
}

static void test_grow_keeps_and_doubles(void **state)
{
    (void)state;
    size_t capacity = 0;
    int *numbers = NULL;
    int moves = 0;
    for (size_t i = 0; i < 10000; i++) {
        size_t before = capacity;
        numbers = mem_grow(numbers, &capacity, i + 1, sizeof *numbers);
        moves += capacity != before;
        assert_true(capacity > i);
        assert_int_equal(numbers[i], 0);
        numbers[i] = (int)i + 1;
    }
    for (size_t i = 0; i < 10000; i++) {
        assert_int_equal(numbers[i], (int)i + 1);
    }
    assert_true(moves < 16); /* amortised, not one move an element */
    free(numbers);
}

static void test_strndup(void **state)
{
    (void)state;
    char *a = mem_strndup("abcdef", 3);
    char *b = mem_strndup("ab", 10); /* the text may end earlier */
    assert_string_equal(a, "abc");
    assert_string_equal(b, "ab");
    assert_null(mem_strdup(NULL));
    free(a);
    free(b);
}

static void test_span(void **state)
{
    (void)state;
    assert_true(span_equal(SPAN("abc"), span_of("abc")));
    assert_false(span_equal(SPAN("abc"), SPAN("abd")));
    assert_false(span_equal(SPAN("ab"), SPAN("abc")));
    assert_null(span_of(NULL).ptr);
    assert_true(span_equal(span_of(NULL), SPAN("")));
}

static void test_arena_aligns_and_separates(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    unsigned char *objects[500];
    for (size_t i = 0; i < 500; i++) {
        objects[i] = arena_alloc(a, i);
        assert_int_equal((uintptr_t)objects[i] % 16, 0);
        memset(objects[i], (int)(i & 0xff), i);
    }
    for (size_t i = 0; i < 500; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_int_equal(objects[i][k], i & 0xff);
        }
    }
    arena_free(a);
}

static void test_arena_clear_gives_zeroed_memory_again(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    char *first = arena_alloc(a, 64);
    memset(first, 'x', 64);
    memset(arena_alloc(a, 1 << 20), 'y', 1 << 20);
    arena_clear(a);
    char *again = arena_alloc(a, 64);
    assert_ptr_equal(again, first); /* the blocks are kept */
    char *large = arena_alloc(a, 1 << 20);
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(again[i], 0);
    }
    for (size_t i = 0; i < 1 << 20; i++) {
        assert_int_equal(large[i], 0);
    }
    arena_free(a);
    arena_free(NULL);
}

static void test_arena_text(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    char *joined = arena_printf(a, "%s-%d", arena_strdup(a, "store"), 7);
    assert_string_equal(joined, "store-7");
    assert_string_equal(arena_strndup(a, "abcdef", 2), "ab");
    assert_null(arena_strdup(a, NULL));
    char wide[5001];
    memset(wide, 'w', 5000);
    wide[5000] = '\0';
    assert_string_equal(arena_printf(a, "%s", wide), wide);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_is_zeroed),
        cmocka_unit_test(test_grow_keeps_and_doubles),
        cmocka_unit_test(test_strndup),
        cmocka_unit_test(test_span),
        cmocka_unit_test(test_arena_aligns_and_separates),
        cmocka_unit_test(test_arena_clear_gives_zeroed_memory_again),
        cmocka_unit_test(test_arena_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
