#include "pipeline/target/rowstream.h"

#include "core/spool.h"
#include "core/strbuf.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW        ((size_t)8192) /* hashes looked at; a power of two */
#define INDEX_SLOTS   (4 * WINDOW)
#define NO_ENTRY      UINT32_MAX
#define MISSES_MAX    512 /* in a row, until the window goes on without having been met */
#define WAITING_BYTES ((size_t)1 << 20)
#define CHUNK_BYTES   ((size_t)64 << 10)
#define ROW_MAX_BYTES ((size_t)256 << 20)

struct hash {
    uint64_t words[2];
};

/* A row that waits, before its bytes. */
struct waiting {
    struct hash hash;
    uint64_t len;
};

struct rowstream {
    struct rowhash *set;
    rowstream_pull_fn *pull;
    void *pull_self;
    struct hash *hashes; /* pulled, from the window's beginning on */
    bool *taken;         /* by a row */
    size_t count, capacity;
    size_t guess;    /* the one behind that of the last row: most likely the next */
    uint32_t *index; /* of the window by hash; stands when is_indexed */
    bool is_indexed, is_pulled, is_sealed, repeats;
    size_t misses; /* in a row */
    struct strbuf waiting;
    struct spool *spool; /* of what waits beyond it, or NULL */
    uint64_t met, again;
};

struct rowstream *rowstream_new(struct rowhash *set, rowstream_pull_fn *pull, void *self)
{
    struct rowstream *s = mem_alloc(sizeof *s);
    s->set = set;
    s->pull = pull;
    s->pull_self = self;
    strbuf_init(&s->waiting, WAITING_BYTES);
    return s;
}

void rowstream_free(struct rowstream *s)
{
    if (s == NULL)
        return;
    free(s->hashes);
    free(s->taken);
    free(s->index);
    strbuf_release(&s->waiting);
    spool_close(s->spool);
    free(s);
}

/* ---- the window ------------------------------------------------------------------------- */

static inline bool is_equal(const struct hash *a, const struct hash *b)
{
    return ((a->words[0] ^ b->words[0]) | (a->words[1] ^ b->words[1])) == 0;
}

static size_t window_size(const struct rowstream *s)
{
    return s->count < WINDOW ? s->count : WINDOW;
}

/* So that the window is full, or all is pulled. */
static int pull_more(struct rowstream *s, struct error *err)
{
    while (s->count < WINDOW && !s->is_pulled) {
        struct span bytes = SPAN("");
        TRY(s->pull(s->pull_self, &bytes, &s->is_pulled, err));
        const size_t n = s->is_pulled ? 0 : bytes.len / sizeof *s->hashes;
        if (s->count + n > s->capacity) {
            s->capacity = s->count + n + WINDOW;
            s->hashes = mem_realloc(s->hashes, s->capacity * sizeof *s->hashes);
            s->taken = mem_realloc(s->taken, s->capacity * sizeof *s->taken);
        }
        if (n > 0) {
            memcpy(s->hashes + s->count, bytes.ptr, n * sizeof *s->hashes);
            memset(s->taken + s->count, 0, n * sizeof *s->taken);
        }
        s->count += n;
    }
    return 0;
}

/* The first n leave the window: what no row took is looked for among all. */
static int leave_behind(struct rowstream *s, size_t n, struct error *err)
{
    if (n == 0)
        return 0; /* nothing is stored */
    for (size_t i = 0; i < n; i++)
        if (!s->taken[i])
            TRY(rowhash_add(s->set, &s->hashes[i], err));
    s->count -= n;
    memmove(s->hashes, s->hashes + n, s->count * sizeof *s->hashes);
    memmove(s->taken, s->taken + n, s->count * sizeof *s->taken);
    s->guess = s->guess > n ? s->guess - n : 0;
    s->is_indexed = false;
    return pull_more(s, err);
}

static void make_index(struct rowstream *s)
{
    const size_t n = window_size(s);
    if (s->index == NULL)
        s->index = mem_array(INDEX_SLOTS, sizeof *s->index);
    memset(s->index, 0xFF, INDEX_SLOTS * sizeof *s->index);
    for (size_t i = 0; i < n; i++) {
        size_t slot = s->hashes[i].words[0] % INDEX_SLOTS;
        while (s->index[slot] != NO_ENTRY)
            slot = (slot + 1) % INDEX_SLOTS;
        s->index[slot] = (uint32_t)i;
    }
    s->is_indexed = true;
}

static uint32_t find(struct rowstream *s, const struct hash *hash)
{
    if (!s->is_indexed)
        make_index(s);
    size_t slot = hash->words[0] % INDEX_SLOTS;
    while (s->index[slot] != NO_ENTRY && !is_equal(&s->hashes[s->index[slot]], hash))
        slot = (slot + 1) % INDEX_SLOTS;
    return s->index[slot];
}

/* ---- rows that wait --------------------------------------------------------------------- */

static int wait_for_all(struct rowstream *s, const struct hash *hash, struct span row,
                        struct error *err)
{
    const struct waiting w = {*hash, row.len};
    if (s->spool == NULL && s->waiting.len + sizeof w + row.len <= WAITING_BYTES) {
        strbuf_add(&s->waiting, &w, sizeof w);
        strbuf_add(&s->waiting, row.ptr, row.len);
        return 0;
    }
    if (s->spool == NULL)
        TRY(spool_open(1, CHUNK_BYTES, &s->spool, err));
    TRY(spool_add(s->spool, 0, &w, sizeof w, err));
    return spool_add(s->spool, 0, row.ptr, row.len, err);
}

static int offer_spooled(struct rowstream *s, struct spool_reader *from, rowhash_row_fn *absent,
                         void *self, struct error *err)
{
    AUTO_STRBUF struct strbuf row = {0};
    strbuf_init(&row, ROW_MAX_BYTES);
    for (;;) {
        struct waiting w;
        bool end = false;
        TRY(spool_read(from, &w, sizeof w, &end, err));
        if (end)
            return 0;
        strbuf_clear(&row);
        if (!strbuf_reserve(&row, w.len))
            return error_set(err, ERR_LIMIT, "a row is larger than %zu MiB", ROW_MAX_BYTES >> 20);
        TRY(spool_read(from, row.data, w.len, &end, err));
        TRY(rowhash_offer(s->set, &w.hash, (struct span){row.data, w.len}, absent, self, err));
    }
}

static int offer_waiting(struct rowstream *s, rowhash_row_fn *absent, void *self, struct error *err)
{
    struct waiting w;
    for (size_t at = 0; at < s->waiting.len; at += sizeof w + w.len) {
        memcpy(&w, s->waiting.data + at, sizeof w);
        const struct span row = {s->waiting.data + at + sizeof w, w.len};
        TRY(rowhash_offer(s->set, &w.hash, row, absent, self, err));
    }
    strbuf_release(&s->waiting);
    if (s->spool == NULL)
        return 0;
    struct spool_reader reader;
    spool_reader_init(&reader, s->spool, 0);
    int code = offer_spooled(s, &reader, absent, self, err);
    spool_reader_release(&reader);
    spool_close(s->spool);
    s->spool = NULL;
    return code;
}

/* ---- offering --------------------------------------------------------------------------- */

/* All stored hashes are known from here on. */
static int seal(struct rowstream *s, rowhash_row_fn *absent, void *self, struct error *err)
{
    while (s->count > 0)
        TRY(leave_behind(s, window_size(s), err));
    TRY(rowhash_seal(s->set, &s->repeats, err));
    if (s->repeats)
        return error_set(err, ERR_BUG, "a row hash is stored twice");
    s->is_sealed = true;
    return offer_waiting(s, absent, self, err);
}

/* A row that is not the expected one. */
static int look_around(struct rowstream *s, const struct hash *hash, struct span row,
                       rowhash_row_fn *absent, void *self, struct error *err)
{
    uint32_t at = find(s, hash);
    if (at == NO_ENTRY) {
        TRY(wait_for_all(s, hash, row, err));
        if (++s->misses < MISSES_MAX)
            return 0;
        s->misses = 0;
        TRY(leave_behind(s, window_size(s), err));
        return s->count == 0 ? seal(s, absent, self, err) : 0;
    }
    s->misses = 0;
    s->guess = (size_t)at + 1;
    if (s->taken[at]) {
        s->again++;
        return 0;
    }
    s->taken[at] = true;
    s->met++;
    return 0;
}

int rowstream_offer(struct rowstream *s, const void *hash, struct span row, rowhash_row_fn *absent,
                    void *self, struct error *err)
{
    struct hash h;
    if (s->is_sealed)
        return rowhash_offer(s->set, hash, row, absent, self, err);
    memcpy(&h, hash, sizeof h);
    if (s->count < WINDOW && !s->is_pulled)
        TRY(pull_more(s, err));
    if (s->guess >= s->count || s->taken[s->guess] || !is_equal(&s->hashes[s->guess], &h))
        return look_around(s, &h, row, absent, self, err);
    s->taken[s->guess++] = true;
    s->met++;
    s->misses = 0;
    /* Only rows in a row take the window on: one that has moved says nothing of the others. */
    return s->guess >= WINDOW ? leave_behind(s, WINDOW / 2, err) : 0;
}

int rowstream_settle(struct rowstream *s, rowhash_row_fn *absent, void *self, struct error *err)
{
    if (!s->is_sealed) {
        TRY(pull_more(s, err));
        TRY(seal(s, absent, self, err));
    }
    return rowhash_settle(s->set, absent, self, err);
}

bool rowstream_repeats(const struct rowstream *s)
{
    return s->repeats;
}

uint64_t rowstream_met(const struct rowstream *s)
{
    return s->met;
}

uint64_t rowstream_again(const struct rowstream *s)
{
    return s->again;
}
