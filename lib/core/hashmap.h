/* lib/core/hashmap.h - byte-string keys to pointers; iteration is in insertion order.
 * Keys are copied in. Values belong to the caller. Seeded per process, so hostile keys cannot
 * be chosen to collide. */
#ifndef DINER_CORE_HASHMAP_H
#define DINER_CORE_HASHMAP_H

#include <stdbool.h>
#include <stddef.h>

struct hashmap;
struct hashmap *hashmap_new(void);
void hashmap_free(struct hashmap *map); /* NULL-safe; values are not freed */
size_t hashmap_count(const struct hashmap *map);
void *hashmap_get(const struct hashmap *map, const char *key, size_t key_len);
/* Returns the value replaced, or NULL. A NULL value is not allowed. */
void *hashmap_put(struct hashmap *map, const char *key, size_t key_len, void *value);
void *hashmap_gets(const struct hashmap *map, const char *key);
void *hashmap_puts(struct hashmap *map, const char *key, void *value);
/* The i-th entry, i < count; key is NUL-terminated and borrowed. */
void *hashmap_at(const struct hashmap *map, size_t i, const char **ret_key);

#endif
