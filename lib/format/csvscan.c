#include "format/csvscan.h"
#include "format/csvio.h"

#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* More marks than this in one record are libcsv's, so that memory stays bounded. */
#define MARKS_MAX ((size_t)64 << 10)

void csvscan_init(struct csvscan *s, size_t record_max_bytes)
{
    *s = (struct csvscan){0};
    strbuf_init(&s->unescaped, record_max_bytes);
}

void csvscan_release(struct csvscan *s)
{
    free(s->fields);
    free(s->marks);
    strbuf_release(&s->unescaped);
}

/* ---- blocks -------------------------------------------------------------------------------- */

struct csvscan_bits csvscan_block_portable(const char *block, char delimiter, char quote)
{
    struct csvscan_bits bits = {0};
    for (unsigned i = 0; i < CSVSCAN_BLOCK; i++) {
        char c = block[i];
        bits.marks |= (uint64_t)(c == delimiter || c == quote) << i;
        bits.odd |= (uint64_t)(c == '\0' || c == '\r') << i;
        bits.quotes |= (uint64_t)(c == quote) << i;
    }
    return bits;
}

#ifdef __SSE2__
static inline uint64_t bits_of(__m128i a, __m128i b, __m128i c, __m128i d)
{
    return (uint64_t)(unsigned)_mm_movemask_epi8(a) |
           (uint64_t)(unsigned)_mm_movemask_epi8(b) << 16 |
           (uint64_t)(unsigned)_mm_movemask_epi8(c) << 32 |
           (uint64_t)(unsigned)_mm_movemask_epi8(d) << 48;
}

static inline __m128i either(__m128i v, __m128i a, __m128i b)
{
    return _mm_or_si128(_mm_cmpeq_epi8(v, a), _mm_cmpeq_epi8(v, b));
}

static inline bool has_any(__m128i a, __m128i b, __m128i c, __m128i d)
{
    return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))) != 0;
}

static inline __m128i load16(const char *p)
{
    __m128i v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* SSE2 is part of x86-64. Wider vectors gain nothing: lines are two blocks long, and most of the
 * time goes into the marks found. */
static inline struct csvscan_bits block_bits(const char *p, char delimiter, char quote)
{
    const __m128i d = _mm_set1_epi8(delimiter), q = _mm_set1_epi8(quote);
    const __m128i cr = _mm_set1_epi8('\r'), nul = _mm_setzero_si128();
    const __m128i v0 = load16(p), v1 = load16(p + 16), v2 = load16(p + 32), v3 = load16(p + 48);
    const __m128i q0 = _mm_cmpeq_epi8(v0, q), q1 = _mm_cmpeq_epi8(v1, q);
    const __m128i q2 = _mm_cmpeq_epi8(v2, q), q3 = _mm_cmpeq_epi8(v3, q);
    struct csvscan_bits bits = {.marks = bits_of(_mm_or_si128(_mm_cmpeq_epi8(v0, d), q0),
                                                 _mm_or_si128(_mm_cmpeq_epi8(v1, d), q1),
                                                 _mm_or_si128(_mm_cmpeq_epi8(v2, d), q2),
                                                 _mm_or_si128(_mm_cmpeq_epi8(v3, d), q3))};
    if (has_any(q0, q1, q2, q3))
        bits.quotes = bits_of(q0, q1, q2, q3);
    const __m128i o0 = either(v0, cr, nul), o1 = either(v1, cr, nul);
    const __m128i o2 = either(v2, cr, nul), o3 = either(v3, cr, nul);
    if (has_any(o0, o1, o2, o3))
        bits.odd = bits_of(o0, o1, o2, o3);
    return bits;
}
#else
static inline struct csvscan_bits block_bits(const char *p, char delimiter, char quote)
{
    return csvscan_block_portable(p, delimiter, quote);
}
#endif

struct csvscan_bits csvscan_block(const char *block, char delimiter, char quote)
{
    return block_bits(block, delimiter, quote);
}

/* ---- marks --------------------------------------------------------------------------------- */

/* False at a byte that makes the record an odd one. */
static bool find_marks(struct csvscan *s, struct span body, char delimiter, char quote,
                       size_t *ret_count, bool *ret_quoted)
{
    size_t count = 0;
    bool quoted = false;
    for (size_t at = 0; at < body.len; at += CSVSCAN_BLOCK) {
        struct csvscan_bits bits = block_bits(body.ptr + at, delimiter, quote);
        if (body.len - at < CSVSCAN_BLOCK) {
            uint64_t within = (UINT64_C(1) << (body.len - at)) - 1;
            bits.marks &= within;
            bits.odd &= within;
            bits.quotes &= within;
        }
        if (bits.odd != 0 || count > MARKS_MAX)
            return false;
        quoted |= bits.quotes != 0;
        if (s->marks_capacity < count + CSVSCAN_BLOCK)
            s->marks = mem_grow(s->marks, &s->marks_capacity, count + 4 * (size_t)CSVSCAN_BLOCK,
                                sizeof *s->marks);
        for (uint32_t *to = s->marks + count; bits.marks != 0; bits.marks &= bits.marks - 1) {
            *to++ = (uint32_t)at + (uint32_t)__builtin_ctzll(bits.marks);
            count++;
        }
    }
    *ret_count = count;
    *ret_quoted = quoted;
    return true;
}

/* ---- fields -------------------------------------------------------------------------------- */

/* "" within a quoted field is one quote. There is room: no record is longer unescaped. */
static struct span unescape(struct csvscan *s, const char *from, const char *end, char quote)
{
    char *begin = s->unescaped.data + s->unescaped.len, *to = begin;
    while (from < end) {
        const char *stop = memchr(from, quote, (size_t)(end - from));
        size_t n = (size_t)((stop != NULL ? stop + 1 : end) - from);
        memcpy(to, from, n);
        to += n;
        from += stop != NULL ? n + 1 : n;
    }
    s->unescaped.len = (size_t)(to - s->unescaped.data);
    return (struct span){begin, (size_t)(to - begin)};
}

/* Where a walk over the marks of a record stands. */
struct walk {
    const char *text;
    size_t len;
    const uint32_t *marks;
    size_t count, next; /* of the marks */
    size_t start;       /* of the field at hand */
    char quote;
};

static bool is_quote(const struct walk *w, size_t mark)
{
    return w->text[w->marks[mark]] == w->quote;
}

/* A quoted field, whose opening quote is the next mark. False when it does not end, or when
 * something but a delimiter follows its end. *ret_end: the closing quote. */
static bool pass_quoted(struct walk *w, size_t *ret_end, bool *ret_doubled)
{
    *ret_doubled = false;
    for (w->next++;; w->next += 2) {
        while (w->next < w->count && !is_quote(w, w->next))
            w->next++;
        if (w->next == w->count)
            return false;
        bool doubled = w->next + 1 < w->count && is_quote(w, w->next + 1) &&
                       w->marks[w->next + 1] == w->marks[w->next] + 1;
        if (!doubled)
            break;
        *ret_doubled = true;
    }
    *ret_end = w->marks[w->next++];
    bool is_last = *ret_end + 1 == w->len;
    return is_last || (w->next < w->count && w->marks[w->next] == *ret_end + 1);
}

/* A record with quotes, or with what looks like one just behind it. */
static bool cut_quoted(struct csvscan *s, struct walk *w)
{
    strbuf_clear(&s->unescaped);
    if (!strbuf_reserve(&s->unescaped, w->len))
        return false;
    for (s->nfields = 0;; w->start = w->marks[w->next++] + 1) {
        struct span *field = &s->fields[s->nfields++];
        size_t end = w->len;
        if (w->next < w->count && w->marks[w->next] == w->start && is_quote(w, w->next)) {
            bool doubled;
            if (!pass_quoted(w, &end, &doubled))
                return false;
            const char *from = w->text + w->start + 1, *to = w->text + end;
            *field = doubled ? unescape(s, from, to, w->quote)
                             : (struct span){from, (size_t)(to - from)};
        } else {
            if (w->next < w->count && is_quote(w, w->next))
                return false;
            end = w->next < w->count ? w->marks[w->next] : w->len;
            *field = (struct span){w->text + w->start, end - w->start};
        }
        if (w->next == w->count)
            return true;
    }
}

static void cut_unquoted(struct csvscan *s, struct span body, size_t count)
{
    size_t start = 0;
    for (size_t i = 0; i < count; i++) {
        s->fields[i] = (struct span){body.ptr + start, s->marks[i] - start};
        start = s->marks[i] + (size_t)1;
    }
    s->fields[count] = (struct span){body.ptr + start, body.len - start};
    s->nfields = count + 1;
}

bool csvscan_record(struct csvscan *s, struct span body, char delimiter, int quote)
{
    size_t count = 0;
    bool quoted = false;
    /* Without quoting a carriage return stands in for the quote: it is odd already. */
    char q = quote < 0 ? '\r' : (char)quote;
    if (body.len > UINT32_MAX / 2 || !find_marks(s, body, delimiter, q, &count, &quoted))
        return false;
    /* Each mark ends at most one field. */
    if (count >= s->fields_capacity)
        s->fields = mem_grow(s->fields, &s->fields_capacity, count + 1, sizeof *s->fields);
    s->has_quote = quoted;
    if (!quoted) {
        cut_unquoted(s, body, count);
    } else {
        struct walk w = {body.ptr, body.len, s->marks, count, 0, 0, q};
        if (!cut_quoted(s, &w))
            return false;
    }
    return s->nfields <= CSVIO_FIELDS_MAX;
}
