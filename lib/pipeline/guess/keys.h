/* lib/pipeline/guess/keys.h - which column, or pair of columns, tells rows apart: looked for in the
 * first rows, then held against all of them. */
#ifndef DINER_PIPELINE_GUESS_KEYS_H
#define DINER_PIPELINE_GUESS_KEYS_H

#include "core/mem.h"

#include <stdbool.h>
#include <stdint.h>

enum { KEYS_SAMPLE_ROWS = 10000, KEYS_COLUMNS = 48, KEYS_MAX = 4, KEYS_WEAK = 8 };
enum { KEY_WIDTH_MAX = 32 }; /* as many columns as an index of PostgreSQL has */

/* The first rows as hashes; 0 is an empty cell. */
struct keys;
struct keys *keys_new(size_t columns);
void keys_free(struct keys *k); /* NULL-safe */
bool keys_is_full(const struct keys *k);
void keys_add(struct keys *k, const struct span *fields, size_t nfields);
/* Empty cells of a column are those of the row above. */
void keys_fill_down(struct keys *k, size_t column);

struct key_candidate {
    size_t columns[KEY_WIDTH_MAX], ncolumns; /* one or two, a catalogue's more */
    uint64_t rows, repeated, empty;          /* of the whole file: filled by key_check_* */
};
/* At most KEYS_MAX, the likelier first. weight[i] < 0 excludes column i; a higher one is likelier
 * (an identifier by its name); what is not above KEYS_WEAK (a time, a description) is no key alone,
 * nor with another such. */
size_t keys_find(const struct keys *k, const int *weights, struct key_candidate *ret);

/* Holds candidates against every row, up to a number of rows. */
struct key_check;
struct key_check *key_check_new(uint64_t rows_max);
void key_check_free(struct key_check *c);
/* texts[i] is the i-th column of the candidate; an empty one is no key. */
void key_check_row(struct key_check *c, struct key_candidate *k, const struct span *texts);

#endif
