#include "pipeline/target/rowhash.h"

#include "core/spool.h"
#include "core/strbuf.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Parts of a spill, by the first byte of the hash; so that one of 20 million rows has 80,000. */
#define PARTS              256
#define STREAM_UNMET       PARTS /* of the hashes; rows have PARTS streams of their own */
#define HASH_CHUNK_BYTES   ((size_t)4 << 10)
#define ROW_CHUNK_BYTES    ((size_t)32 << 10)
#define ROW_MAX_BYTES      ((size_t)256 << 20)
#define BATCH_ROWS         32
#define BUCKET_ROWS        8
#define BATCH_BYTES        ((size_t)64 << 10)
#define DIRECTORY_BITS_MAX 22

struct entry {
    uint8_t bytes[ROWHASH_BYTES];
};

/* Entries in buckets by their first bits; within a bucket in no order. */
struct table {
    struct entry *entries;
    size_t count;
    int skip_bits, bits; /* of the hash: those that all entries share, those of the bucket */
    uint32_t *starts;    /* of each bucket, and the end */
    uint8_t *met;        /* a bit an entry */
};

/* Rows whose answer is under way: the processor fetches what they need while others are read. */
struct batch {
    struct entry hashes[BATCH_ROWS];
    size_t ends[BATCH_ROWS]; /* of the rows in `rows` */
    size_t count;
    struct strbuf rows;
};

struct rowhash {
    size_t memory_rows;
    struct entry *entries; /* memory_rows of them, touched as they come; NULL once spilled */
    struct table table;
    struct batch batch;
    struct spool *hashes, *rows;
    uint64_t stored, met, again;
};

struct rowhash *rowhash_new(size_t memory_rows)
{
    struct rowhash *r = mem_alloc(sizeof *r);
    strbuf_init(&r->batch.rows, BATCH_ROWS * ROW_MAX_BYTES);
    r->memory_rows = memory_rows > 0 ? memory_rows : ROWHASH_MEMORY_ROWS;
    /* Reserved, not used: a growing array would hold its rows twice for a moment. */
    void *p = mmap(NULL, r->memory_rows * sizeof(struct entry), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        r->memory_rows = 0; /* all of it is spilled */
    else
        r->entries = p;
    return r;
}

static void table_release(struct table *t)
{
    free(t->starts);
    free(t->met);
    *t = (struct table){0};
}

static void give_memory_back(struct rowhash *r)
{
    if (r->entries != NULL)
        (void)munmap(r->entries, r->memory_rows * sizeof(struct entry));
    r->entries = NULL;
}

void rowhash_free(struct rowhash *r)
{
    if (r == NULL)
        return;
    table_release(&r->table);
    give_memory_back(r);
    strbuf_release(&r->batch.rows);
    spool_close(r->hashes);
    spool_close(r->rows);
    free(r);
}

/* ---- adding ----------------------------------------------------------------------------- */

static int spill(struct rowhash *r, struct error *err)
{
    TRY(spool_open(PARTS + 1, HASH_CHUNK_BYTES, &r->hashes, err));
    for (size_t i = 0; i < r->stored; i++)
        TRY(spool_add(r->hashes, r->entries[i].bytes[0], &r->entries[i], sizeof r->entries[i],
                      err));
    give_memory_back(r);
    return 0;
}

int rowhash_add(struct rowhash *r, const void *hash, struct error *err)
{
    const uint8_t *bytes = hash;
    if (r->hashes == NULL && r->entries != NULL && r->stored < r->memory_rows) {
        memcpy(&r->entries[r->stored++], bytes, ROWHASH_BYTES);
        return 0;
    }
    if (r->hashes == NULL)
        TRY(spill(r, err));
    r->stored++;
    return spool_add(r->hashes, bytes[0], bytes, ROWHASH_BYTES, err);
}

/* ---- the table -------------------------------------------------------------------------- */

static inline uint64_t first_word(const void *hash)
{
    uint64_t word;
    memcpy(&word, hash, sizeof word);
    return be64toh(word);
}

static inline uint32_t bits_of(const void *hash, int skip, int bits)
{
    return bits == 0 ? 0 : (uint32_t)((first_word(hash) << skip) >> (64 - bits));
}

/* In place, by `bits` of the hash: each entry goes to its bucket, the one it finds there goes on.
 * starts gets the 2^bits places where buckets begin, from `base` on. */
static void sort_into_buckets(struct entry *entries, size_t n, int skip, int bits, uint32_t base,
                              uint32_t *starts, uint32_t *next)
{
    const size_t buckets = (size_t)1 << bits;
    memset(next, 0, buckets * sizeof *next);
    for (size_t i = 0; i < n; i++)
        next[bits_of(&entries[i], skip, bits)]++;
    uint32_t at = 0;
    for (size_t b = 0; b < buckets; b++) {
        uint32_t size = next[b];
        starts[b] = base + at;
        next[b] = at;
        at += size;
    }
    for (size_t b = 0; b < buckets; b++) {
        const uint32_t end = b + 1 < buckets ? starts[b + 1] - base : (uint32_t)n;
        while (next[b] < end) {
            uint32_t to = bits_of(&entries[next[b]], skip, bits);
            if (to == b) {
                next[b]++;
                continue;
            }
            struct entry moved = entries[next[to]];
            entries[next[to]++] = entries[next[b]];
            entries[next[b]] = moved;
        }
    }
}

static int bits_for(size_t rows)
{
    int bits = 0;
    while (bits < DIRECTORY_BITS_MAX && ((size_t)BUCKET_ROWS << bits) < rows)
        bits++;
    return bits;
}

/* Two steps when there are many: each then works within the processor's cache. */
static void table_build(struct table *t, struct entry *entries, size_t n, int skip_bits)
{
    const int bits = bits_for(n), coarse = bits > 8 ? 8 : bits, fine = bits - coarse;
    uint32_t coarse_starts[257];
    uint32_t *next = mem_array((size_t)1 << (fine > 8 ? fine : 8), sizeof *next);
    *t = (struct table){.entries = entries, .count = n, .skip_bits = skip_bits, .bits = bits};
    t->starts = mem_array(((size_t)1 << bits) + 1, sizeof *t->starts);
    t->met = mem_alloc(n / 8 + 1);
    sort_into_buckets(entries, n, skip_bits, coarse, 0, coarse_starts, next);
    coarse_starts[(size_t)1 << coarse] = (uint32_t)n;
    for (size_t c = 0; c < (size_t)1 << coarse; c++) {
        const uint32_t from = coarse_starts[c];
        sort_into_buckets(entries + from, coarse_starts[c + 1] - from, skip_bits + coarse, fine,
                          from, t->starts + (c << fine), next);
    }
    t->starts[(size_t)1 << bits] = (uint32_t)n;
    free(next);
}

static bool table_repeats(const struct table *t)
{
    for (size_t b = 0; b < (size_t)1 << t->bits; b++)
        for (uint32_t i = t->starts[b]; i < t->starts[b + 1]; i++)
            for (uint32_t k = i + 1; k < t->starts[b + 1]; k++)
                if (memcmp(&t->entries[i], &t->entries[k], sizeof *t->entries) == 0)
                    return true;
    return false;
}

/* Whether the hash is stored. */
static bool table_meet(struct rowhash *r, struct table *t, const void *hash)
{
    const uint32_t b = bits_of(hash, t->skip_bits, t->bits);
    for (uint32_t i = t->starts[b]; i < t->starts[b + 1]; i++) {
        if (memcmp(&t->entries[i], hash, ROWHASH_BYTES) != 0)
            continue;
        const uint8_t bit = (uint8_t)(1u << (i & 7));
        if ((t->met[i >> 3] & bit) != 0)
            r->again++;
        else
            r->met++;
        t->met[i >> 3] |= bit;
        return true;
    }
    return false;
}

static int table_each_unmet(const struct table *t, rowhash_fn *unmet, void *self, struct error *err)
{
    for (size_t i = 0; i < t->count; i++)
        if ((t->met[i >> 3] & (1u << (i & 7))) == 0)
            TRY(unmet(self, &t->entries[i], err));
    return 0;
}

/* ---- sealing and offering --------------------------------------------------------------- */

/* The part's hashes as a table; *ret_entries is the caller's to free, after the table. */
static int load_part(struct rowhash *r, size_t part, struct table *ret, struct entry **ret_entries,
                     struct error *err)
{
    const size_t n = (size_t)(spool_size(r->hashes, part) / ROWHASH_BYTES);
    struct spool_reader reader;
    bool end = false;
    struct entry *entries = mem_array(n + 1, sizeof *entries);
    spool_reader_init(&reader, r->hashes, part);
    int code = n > 0 ? spool_read(&reader, entries, n * sizeof *entries, &end, err) : 0;
    spool_reader_release(&reader);
    if (code != 0) {
        free(entries);
        return code;
    }
    table_build(ret, entries, n, 8);
    *ret_entries = entries;
    return 0;
}

int rowhash_seal(struct rowhash *r, bool *ret_repeats, struct error *err)
{
    if (r->hashes == NULL) {
        table_build(&r->table, r->entries, (size_t)r->stored, 0);
        *ret_repeats = table_repeats(&r->table);
        return 0;
    }
    bool repeats = false;
    for (size_t part = 0; part < PARTS && !repeats; part++) {
        struct table table;
        struct entry *entries;
        TRY(load_part(r, part, &table, &entries, err));
        repeats = table_repeats(&table);
        table_release(&table);
        free(entries);
    }
    *ret_repeats = repeats;
    return repeats ? 0 : spool_open(PARTS, ROW_CHUNK_BYTES, &r->rows, err);
}

static int settle_batch(struct rowhash *r, rowhash_row_fn *absent, void *self, struct error *err)
{
    struct batch *b = &r->batch;
    const struct table *t = &r->table;
    for (size_t i = 0; i < b->count; i++) {
        const struct entry *first =
            &t->entries[t->starts[bits_of(&b->hashes[i], t->skip_bits, t->bits)]];
        __builtin_prefetch(first);
        __builtin_prefetch(first + 4);
    }
    for (size_t i = 0, from = 0; i < b->count; from = b->ends[i++])
        if (!table_meet(r, &r->table, &b->hashes[i]))
            TRY(absent(self, &b->hashes[i], (struct span){b->rows.data + from, b->ends[i] - from},
                       err));
    b->count = 0;
    strbuf_clear(&b->rows);
    return 0;
}

static int add_to_batch(struct rowhash *r, const void *hash, struct span row,
                        rowhash_row_fn *absent, void *self, struct error *err)
{
    struct batch *b = &r->batch;
    __builtin_prefetch(&r->table.starts[bits_of(hash, r->table.skip_bits, r->table.bits)]);
    memcpy(&b->hashes[b->count], hash, ROWHASH_BYTES);
    if (!strbuf_add(&b->rows, row.ptr, row.len))
        return error_set(err, ERR_LIMIT, "a row is larger than %zu MiB", ROW_MAX_BYTES >> 20);
    b->ends[b->count++] = b->rows.len;
    return b->count < BATCH_ROWS && b->rows.len < BATCH_BYTES ? 0
                                                              : settle_batch(r, absent, self, err);
}

int rowhash_offer(struct rowhash *r, const void *hash, struct span row, rowhash_row_fn *absent,
                  void *self, struct error *err)
{
    if (r->rows == NULL)
        return add_to_batch(r, hash, row, absent, self, err);
    const size_t part = *(const uint8_t *)hash;
    const uint32_t len = (uint32_t)row.len;
    TRY(spool_add(r->rows, part, hash, ROWHASH_BYTES, err));
    TRY(spool_add(r->rows, part, &len, sizeof len, err));
    return spool_add(r->rows, part, row.ptr, row.len, err);
}

/* ---- settling --------------------------------------------------------------------------- */

struct deferred {
    uint8_t hash[ROWHASH_BYTES];
    uint32_t len;
};

static int read_row(struct spool_reader *from, struct deferred *ret, struct strbuf *row,
                    bool *ret_end, struct error *err)
{
    bool end = false;
    TRY(spool_read(from, ret->hash, sizeof ret->hash, ret_end, err));
    if (*ret_end)
        return 0;
    TRY(spool_read(from, &ret->len, sizeof ret->len, &end, err));
    strbuf_clear(row);
    if (!strbuf_reserve(row, ret->len))
        return error_set(err, ERR_LIMIT, "a row is larger than %zu MiB", ROW_MAX_BYTES >> 20);
    TRY(spool_read(from, row->data, ret->len, &end, err));
    row->len = ret->len;
    return 0;
}

static int settle_rows(struct rowhash *r, struct table *table, size_t part, struct strbuf *row,
                       rowhash_row_fn *absent, void *self, struct error *err)
{
    struct spool_reader reader;
    struct deferred item;
    bool end = false;
    int code = 0;
    spool_reader_init(&reader, r->rows, part);
    while (code == 0) {
        code = read_row(&reader, &item, row, &end, err);
        if (code != 0 || end)
            break;
        if (!table_meet(r, table, item.hash))
            code = absent(self, item.hash, (struct span){row->data, row->len}, err);
    }
    spool_reader_release(&reader);
    return code;
}

static int keep_unmet(void *self, const void *hash, struct error *err)
{
    struct rowhash *r = self;
    return spool_add(r->hashes, STREAM_UNMET, hash, ROWHASH_BYTES, err);
}

int rowhash_settle(struct rowhash *r, rowhash_row_fn *absent, void *self, struct error *err)
{
    AUTO_STRBUF struct strbuf row = {0};
    if (r->rows == NULL)
        return settle_batch(r, absent, self, err);
    strbuf_init(&row, ROW_MAX_BYTES);
    for (size_t part = 0; part < PARTS; part++) {
        struct table table;
        struct entry *entries;
        TRY(load_part(r, part, &table, &entries, err));
        int code = settle_rows(r, &table, part, &row, absent, self, err);
        if (code == 0)
            code = table_each_unmet(&table, keep_unmet, r, err);
        table_release(&table);
        free(entries);
        TRY(code);
    }
    return 0;
}

int rowhash_each_unmet(struct rowhash *r, rowhash_fn *unmet, void *self, struct error *err)
{
    if (r->rows == NULL)
        return table_each_unmet(&r->table, unmet, self, err);
    struct spool_reader reader;
    bool end = false;
    int code = 0;
    spool_reader_init(&reader, r->hashes, STREAM_UNMET);
    while (code == 0) {
        uint8_t hash[ROWHASH_BYTES];
        code = spool_read(&reader, hash, sizeof hash, &end, err);
        if (code != 0 || end)
            break;
        code = unmet(self, hash, err);
    }
    spool_reader_release(&reader);
    return code;
}

uint64_t rowhash_stored(const struct rowhash *r)
{
    return r->stored;
}

uint64_t rowhash_met(const struct rowhash *r)
{
    return r->met;
}

uint64_t rowhash_again(const struct rowhash *r)
{
    return r->again;
}
