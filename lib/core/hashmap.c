/* lib/core/hashmap.c - an index of open addressing over an array of entries in insertion order. */
#include "core/hashmap.h"
#include "core/clock.h"
#include "core/mem.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct hashmap_entry {
    const char *key; /* in the arena, NUL-terminated */
    size_t key_len;
    uint64_t hash;
    void *value;
};

struct hashmap {
    struct hashmap_entry *entries;
    size_t count;
    size_t capacity;
    uint32_t *slots;   /* 0 is empty, else the entry's number + 1 */
    size_t slot_count; /* a power of two, at most half full */
    struct arena *keys;
};

static uint64_t rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate_left(v[1], 13) ^ v[0];
    v[0] = rotate_left(v[0], 32);
    v[2] += v[3];
    v[3] = rotate_left(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate_left(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate_left(v[1], 17) ^ v[2];
    v[2] = rotate_left(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein, 2012), keyed by 128 random bits a process. */
static uint64_t hashmap_hash(const char *key, size_t len)
{
    static uint64_t seed[2];
    static bool seeded;
    if (!seeded) {
        seed[0] = clock_random_u64();
        seed[1] = clock_random_u64();
        seeded = true;
    }
    uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575U, seed[1] ^ 0x646f72616e646f6dU,
                     seed[0] ^ 0x6c7967656e657261U, seed[1] ^ 0x7465646279746573U};
    size_t left = len;
    for (; left >= 8; left -= 8, key += 8) {
        uint64_t word;
        memcpy(&word, key, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)len << 56;
    for (size_t i = 0; i < left; i++) {
        last |= (uint64_t)(unsigned char)key[i] << (8 * i);
    }
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct hashmap *hashmap_new(void)
{
    struct hashmap *map = mem_alloc(sizeof *map);
    map->slot_count = 16;
    map->slots = mem_array(map->slot_count, sizeof *map->slots);
    map->keys = arena_new();
    return map;
}

void hashmap_free(struct hashmap *map)
{
    if (map == NULL) {
        return;
    }
    arena_free(map->keys);
    free(map->slots);
    free(map->entries);
    free(map);
}

size_t hashmap_count(const struct hashmap *map)
{
    return map->count;
}

/* The slot that holds the key, or the empty one where it belongs. */
static size_t hashmap_slot(const struct hashmap *map, const char *key, size_t key_len,
                           uint64_t hash)
{
    size_t mask = map->slot_count - 1;
    for (size_t slot = (size_t)hash & mask;; slot = (slot + 1) & mask) {
        if (map->slots[slot] == 0) {
            return slot;
        }
        const struct hashmap_entry *e = &map->entries[map->slots[slot] - 1];
        if (e->hash == hash && e->key_len == key_len &&
            (key_len == 0 || memcmp(e->key, key, key_len) == 0)) {
            return slot;
        }
    }
}

void *hashmap_get(const struct hashmap *map, const char *key, size_t key_len)
{
    size_t slot = hashmap_slot(map, key, key_len, hashmap_hash(key, key_len));
    return map->slots[slot] == 0 ? NULL : map->entries[map->slots[slot] - 1].value;
}

static void hashmap_enlarge(struct hashmap *map)
{
    free(map->slots);
    map->slot_count *= 2;
    map->slots = mem_array(map->slot_count, sizeof *map->slots);
    size_t mask = map->slot_count - 1;
    for (size_t i = 0; i < map->count; i++) {
        size_t slot = (size_t)map->entries[i].hash & mask;
        while (map->slots[slot] != 0) {
            slot = (slot + 1) & mask;
        }
        map->slots[slot] = (uint32_t)(i + 1);
    }
}

void *hashmap_put(struct hashmap *map, const char *key, size_t key_len, void *value)
{
    uint64_t hash = hashmap_hash(key, key_len);
    size_t slot = hashmap_slot(map, key, key_len, hash);
    if (map->slots[slot] != 0) {
        struct hashmap_entry *e = &map->entries[map->slots[slot] - 1];
        void *replaced = e->value;
        e->value = value;
        return replaced;
    }
    map->entries = mem_grow(map->entries, &map->capacity, map->count + 1, sizeof *map->entries);
    char *copy = arena_alloc(map->keys, key_len + 1);
    if (key_len > 0) {
        memcpy(copy, key, key_len);
    }
    map->entries[map->count++] =
        (struct hashmap_entry){.key = copy, .key_len = key_len, .hash = hash, .value = value};
    map->slots[slot] = (uint32_t)map->count;
    if (map->count * 2 > map->slot_count) {
        hashmap_enlarge(map);
    }
    return NULL;
}

void *hashmap_gets(const struct hashmap *map, const char *key)
{
    return hashmap_get(map, key, strlen(key));
}

void *hashmap_puts(struct hashmap *map, const char *key, void *value)
{
    return hashmap_put(map, key, strlen(key), value);
}

void *hashmap_at(const struct hashmap *map, size_t i, const char **ret_key)
{
    if (ret_key != NULL) {
        *ret_key = map->entries[i].key;
    }
    return map->entries[i].value;
}
