/* The map. */
#include "core/hashmap.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int values[20000];

static void test_get_put_and_order(void **state)
{
    (void)state;
    struct hashmap *map = hashmap_new();
    char key[32];
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        assert_null(hashmap_puts(map, key, &values[i]));
    }
    assert_int_equal(hashmap_count(map), 20000);
    for (int i = 0; i < 20000; i++) {
        const char *at = NULL;
        snprintf(key, sizeof key, "key-%d", i);
        assert_ptr_equal(hashmap_gets(map, key), &values[i]);
        assert_ptr_equal(hashmap_at(map, (size_t)i, &at), &values[i]);
        assert_string_equal(at, key);
    }
    assert_null(hashmap_gets(map, "key-20000"));
    hashmap_free(map);
    hashmap_free(NULL);
}

static void test_replace_returns_the_old(void **state)
{
    (void)state;
    struct hashmap *map = hashmap_new();
    hashmap_puts(map, "a", &values[0]);
    hashmap_puts(map, "b", &values[1]);
    assert_ptr_equal(hashmap_puts(map, "a", &values[2]), &values[0]);
    assert_int_equal(hashmap_count(map), 2);
    assert_ptr_equal(hashmap_at(map, 0, NULL), &values[2]); /* keeps its place */
    hashmap_free(map);
}

static void test_keys_are_bytes_and_copied(void **state)
{
    (void)state;
    struct hashmap *map = hashmap_new();
    char key[] = "a\0b";
    hashmap_put(map, key, 3, &values[0]);
    hashmap_put(map, key, 1, &values[1]);
    hashmap_put(map, "", 0, &values[2]);
    key[0] = 'z';
    assert_ptr_equal(hashmap_get(map, "a\0b", 3), &values[0]);
    assert_ptr_equal(hashmap_get(map, "a", 1), &values[1]);
    assert_ptr_equal(hashmap_get(map, NULL, 0), &values[2]);
    assert_null(hashmap_get(map, "a\0c", 3));
    hashmap_free(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get_put_and_order),
        cmocka_unit_test(test_replace_returns_the_old),
        cmocka_unit_test(test_keys_are_bytes_and_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
