/* lib/db/wire.h - big-endian numbers and fields of the binary COPY format; inside lib/db only. */
#ifndef DINER_DB_WIRE_H
#define DINER_DB_WIRE_H

#include "core/strbuf.h"
#include <endian.h>
#include <stdint.h>

#define PG_EPOCH_DAYS 10957 /* 2000-01-01 in days since 1970-01-01 */
#define DAY_US        INT64_C(86400000000)
#define PG_EPOCH_US   (PG_EPOCH_DAYS * DAY_US)

/* numeric: src/backend/utils/adt/numeric.c */
#define NUMERIC_NEGATIVE       0x4000
#define NUMERIC_NAN            0xC000
#define NUMERIC_INFINITY       0xD000
#define NUMERIC_MINUS_INFINITY 0xF000
#define NUMERIC_MAX_INTEGER    131072
#define NUMERIC_MAX_FRACTION   16383

#define TOO_LARGE "the row is too large"

static inline void put_u16(char *p, uint16_t v)
{
    v = htobe16(v);
    memcpy(p, &v, sizeof v);
}
static inline void put_u32(char *p, uint32_t v)
{
    v = htobe32(v);
    memcpy(p, &v, sizeof v);
}
static inline void put_u64(char *p, uint64_t v)
{
    v = htobe64(v);
    memcpy(p, &v, sizeof v);
}
static inline uint16_t get_u16(const char *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return be16toh(v);
}
static inline uint32_t get_u32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return be32toh(v);
}
static inline uint64_t get_u64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return be64toh(v);
}

/* Room for a field of at most n bytes; where its bytes go, after the length. NULL: the buffer's
 * maximum is reached. */
static inline char *field_reserve(struct strbuf *out, size_t n)
{
    if (__builtin_expect(out->capacity - out->len < n + 5, 0) && !strbuf_reserve(out, n + 4))
        return NULL;
    return out->data + out->len + 4;
}

/* The field's bytes are written: puts their number before them. */
static inline void field_finish(struct strbuf *out, size_t n)
{
    put_u32(out->data + out->len, (uint32_t)n);
    out->len += n + 4;
    out->data[out->len] = '\0';
}

#endif
