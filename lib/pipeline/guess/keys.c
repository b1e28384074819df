#include "pipeline/guess/keys.h"

#include "core/clock.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct keys {
    size_t columns, rows;
    uint64_t *hashes; /* row by row */
};

static uint64_t hash_span(uint64_t h, struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211U;
    h ^= h >> 29; /* the low bits choose the slot: let all of them count */
    h *= 0xBF58476D1CE4E5B9U;
    return h ^ (h >> 32);
}

/* Never 0, which is an empty cell. */
static uint64_t hash_cell(struct span s)
{
    return s.len == 0 ? 0 : hash_span(1469598103934665603U, s) | 1;
}

struct keys *keys_new(size_t columns)
{
    struct keys *k = mem_alloc(sizeof *k);
    k->columns = columns < KEYS_COLUMNS ? columns : KEYS_COLUMNS;
    k->hashes = mem_array(KEYS_SAMPLE_ROWS * (k->columns + 1), sizeof *k->hashes);
    return k;
}

void keys_free(struct keys *k)
{
    if (k != NULL)
        free(k->hashes);
    free(k);
}

bool keys_is_full(const struct keys *k)
{
    return k->rows == KEYS_SAMPLE_ROWS;
}

void keys_add(struct keys *k, const struct span *fields, size_t nfields)
{
    if (keys_is_full(k))
        return;
    uint64_t *row = k->hashes + k->rows++ * k->columns;
    for (size_t i = 0; i < k->columns; i++)
        row[i] = i < nfields ? hash_cell(fields[i]) : 0;
}

void keys_fill_down(struct keys *k, size_t column)
{
    for (size_t r = 1; r < k->rows && column < k->columns; r++) {
        uint64_t *cell = k->hashes + r * k->columns + column;
        if (*cell == 0)
            *cell = cell[-(ptrdiff_t)k->columns];
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A few rows without the key are rejects to be told of; a key seen twice is none. */
static bool is_unique(const struct keys *k, const size_t *columns, size_t n, uint64_t *scratch)
{
    size_t filled = 0;
    for (size_t r = 0; r < k->rows; r++) {
        const uint64_t *row = k->hashes + r * k->columns;
        uint64_t h = 1469598103934665603U;
        bool empty = false;
        for (size_t i = 0; i < n; i++) {
            empty |= row[columns[i]] == 0;
            h = (h ^ row[columns[i]]) * 0x9E3779B97F4A7C15U;
            h ^= h >> 31;
        }
        if (!empty)
            scratch[filled++] = h;
    }
    size_t missing = k->rows - filled;
    if (filled == 0 || (missing > 0 && (k->rows < 20 || missing * 20 > k->rows)))
        return false;
    qsort(scratch, filled, sizeof *scratch, by_value);
    for (size_t i = 1; i < filled; i++)
        if (scratch[i] == scratch[i - 1])
            return false;
    return true;
}

struct ranked {
    struct key_candidate key;
    int weight;
};

static void rank(struct ranked *best, size_t *count, const struct key_candidate *key, int weight)
{
    size_t at = *count < KEYS_MAX ? (*count)++ : KEYS_MAX;
    if (at == KEYS_MAX && best[--at].weight >= weight)
        return;
    for (; at > 0 && best[at - 1].weight < weight; at--)
        best[at] = best[at - 1];
    best[at] = (struct ranked){*key, weight};
}

size_t keys_find(const struct keys *k, const int *weights, struct key_candidate *ret)
{
    struct ranked best[KEYS_MAX] = {0};
    bool alone[KEYS_COLUMNS] = {false};
    size_t count = 0;
    uint64_t *scratch = mem_array(k->rows + 1, sizeof *scratch);
    for (size_t i = 0; i < k->columns && k->rows > 1; i++) {
        alone[i] = weights[i] > KEYS_WEAK && is_unique(k, &i, 1, scratch);
        /* A single column is likelier than any pair. */
        if (alone[i])
            rank(best, &count, &(struct key_candidate){.columns = {i}, .ncolumns = 1},
                 1000 + weights[i]);
    }
    for (size_t i = 0; i < k->columns && k->rows > 1; i++) {
        for (size_t j = i + 1; j < k->columns && weights[i] >= 0 && !alone[i]; j++) {
            struct key_candidate pair = {.columns = {i, j}, .ncolumns = 2};
            bool is_weak = weights[j] < 0 || (weights[i] <= KEYS_WEAK && weights[j] <= KEYS_WEAK);
            int weight = is_weak ? -1 : weights[i] + weights[j];
            bool is_better = count < KEYS_MAX || weight > best[KEYS_MAX - 1].weight;
            if (weight >= 0 && !alone[j] && is_better && is_unique(k, pair.columns, 2, scratch))
                rank(best, &count, &pair, weight);
        }
    }
    free(scratch);
    for (size_t i = 0; i < count; i++)
        ret[i] = best[i].key;
    return count;
}

/* ---- against the whole file ------------------------------------------------------------- */

struct key_check {
    uint64_t seed, rows_max, count;
    size_t capacity; /* a power of two */
    uint64_t *slots; /* open addressing; 0 is free */
};

struct key_check *key_check_new(uint64_t rows_max)
{
    struct key_check *c = mem_alloc(sizeof *c);
    c->seed = clock_random_u64();
    c->rows_max = rows_max;
    c->capacity = 4096;
    c->slots = mem_array(c->capacity, sizeof *c->slots);
    return c;
}

void key_check_free(struct key_check *c)
{
    if (c != NULL)
        free(c->slots);
    free(c);
}

/* True when it was not there. */
static bool insert(uint64_t *slots, size_t capacity, uint64_t hash)
{
    size_t at = hash & (capacity - 1);
    for (; slots[at] != 0; at = (at + 1) & (capacity - 1))
        if (slots[at] == hash)
            return false;
    slots[at] = hash;
    return true;
}

static void grow(struct key_check *c)
{
    size_t capacity = c->capacity * 2;
    uint64_t *slots = mem_array(capacity, sizeof *slots);
    for (size_t i = 0; i < c->capacity; i++)
        if (c->slots[i] != 0)
            insert(slots, capacity, c->slots[i]);
    free(c->slots);
    c->slots = slots;
    c->capacity = capacity;
}

void key_check_row(struct key_check *c, struct key_candidate *k, const struct span *texts)
{
    uint64_t hash = c->seed;
    if (k->rows == c->rows_max)
        return;
    k->rows++;
    for (size_t i = 0; i < k->ncolumns; i++) {
        if (texts[i].len == 0) {
            k->empty++;
            return;
        }
        hash = hash_span(hash ^ (i + 1), texts[i]);
    }
    if (c->count * 2 >= c->capacity)
        grow(c);
    if (insert(c->slots, c->capacity, hash | 1))
        c->count++;
    else
        k->repeated++;
}
