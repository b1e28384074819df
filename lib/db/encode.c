/* lib/db/encode.c - text to the binary form of a field: all but numeric, text and jsonb.
 * Wire forms: the *_recv functions of src/backend/utils/adt. */
#include "core/datetime.h"
#include "core/message.h"
#include "db/encode_internal.h"
#include "db/wire.h"
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#define NOT_A_BOOL MESSAGE("not true or false")

/* ---- fixed sizes -------------------------------------------------------------------------- */

static const char *append_u16(struct strbuf *out, uint16_t v)
{
    char *p = field_reserve(out, 2);
    if (p == NULL)
        return TOO_LARGE;
    put_u16(p, v);
    field_finish(out, 2);
    return NULL;
}

static const char *append_u32(struct strbuf *out, uint32_t v)
{
    char *p = field_reserve(out, 4);
    if (p == NULL)
        return TOO_LARGE;
    put_u32(p, v);
    field_finish(out, 4);
    return NULL;
}

static const char *append_u64(struct strbuf *out, uint64_t v)
{
    char *p = field_reserve(out, 8);
    if (p == NULL)
        return TOO_LARGE;
    put_u64(p, v);
    field_finish(out, 8);
    return NULL;
}

void db_encode_null(struct strbuf *out)
{
    char *p = field_reserve(out, 0);
    if (p == NULL)
        return;
    put_u32(p - 4, UINT32_MAX);
    out->len += 4;
    out->data[out->len] = '\0';
}

bool db_is_encoded_null(const struct strbuf *out, size_t start)
{
    return out->len == start + 4 && get_u32(out->data + start) == UINT32_MAX;
}

void db_encode_int4(struct strbuf *out, int32_t v)
{
    (void)append_u32(out, (uint32_t)v);
}

void db_encode_int8(struct strbuf *out, int64_t v)
{
    (void)append_u64(out, (uint64_t)v);
}

void db_encode_date(struct strbuf *out, int32_t days_since_1970)
{
    (void)append_u32(out, (uint32_t)(days_since_1970 - PG_EPOCH_DAYS));
}

void db_encode_timestamp(struct strbuf *out, int64_t us_since_1970)
{
    (void)append_u64(out, (uint64_t)(us_since_1970 - PG_EPOCH_US));
}

void db_encode_text(struct strbuf *out, struct span text)
{
    char *p = field_reserve(out, text.len);
    if (p == NULL)
        return;
    if (text.len > 0)
        memcpy(p, text.ptr, text.len);
    field_finish(out, text.len);
}

void db_encode_uuid(struct strbuf *out, const void *bytes)
{
    db_encode_text(out, (struct span){bytes, 16});
}

int64_t db_field_int8(struct span binary)
{
    uint64_t v = 0;
    if (binary.ptr != NULL && binary.len == sizeof v)
        memcpy(&v, binary.ptr, sizeof v);
    return (int64_t)be64toh(v);
}

/* ---- numbers ------------------------------------------------------------------------------ */

/* Decimal digits with an optional sign, within [-max - 1, max]. */
static const char *parse_int(struct span text, int64_t max, int64_t *ret)
{
    const char *s = text.ptr;
    const char *end = s + text.len;
    bool is_negative = s < end && *s == '-';
    uint64_t limit = (uint64_t)max + is_negative;
    uint64_t value = 0;
    if (s < end && (*s == '-' || *s == '+'))
        s++;
    if (s == end)
        return MESSAGE("not a whole number");
    bool is_over = false;
    for (; s < end; s++) {
        unsigned digit = (unsigned char)(*s - '0');
        if (digit > 9)
            return MESSAGE("not a whole number");
        /* A product that wraps is over the limit too; the scan goes on to find letters. */
        is_over = is_over || __builtin_mul_overflow(value, 10, &value) ||
                  __builtin_add_overflow(value, digit, &value) || value > limit;
    }
    if (is_over)
        return MESSAGE("out of the type's range");
    *ret = (int64_t)(is_negative ? 0 - value : value);
    return NULL;
}

static const char *encode_int2(struct span text, struct strbuf *out)
{
    int64_t v;
    const char *reason = parse_int(text, INT16_MAX, &v);
    return reason != NULL ? reason : append_u16(out, (uint16_t)v);
}

static const char *encode_int4(struct span text, struct strbuf *out)
{
    int64_t v;
    const char *reason = parse_int(text, INT32_MAX, &v);
    return reason != NULL ? reason : append_u32(out, (uint32_t)v);
}

static const char *encode_int8(struct span text, struct strbuf *out)
{
    int64_t v;
    const char *reason = parse_int(text, INT64_MAX, &v);
    return reason != NULL ? reason : append_u64(out, (uint64_t)v);
}

/* Only digits, sign, point and exponent: no "nan", "inf" or hexadecimal as strtod takes them. */
static bool is_decimal_notation(struct span text)
{
    bool has_digit = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c >= '0' && c <= '9')
            has_digit = true;
        else if (c == '\0' || strchr("+-.eE", c) == NULL)
            return false;
    }
    return has_digit;
}

static const char *encode_float8(struct span text, struct strbuf *out)
{
    static locale_t c_locale; /* strtod would follow the process's decimal point */
    char copy[512];
    if (text.len >= sizeof copy || !is_decimal_notation(text))
        return MESSAGE("not a number");
    if (c_locale == NULL)
        c_locale = newlocale(LC_ALL_MASK, "C", NULL);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *end;
    errno = 0;
    double v = strtod_l(copy, &end, c_locale);
    if (end != copy + text.len)
        return MESSAGE("not a number");
    /* A denormal is exact enough (and the server takes it); zero or infinity are not the value. */
    if (errno == ERANGE && (isinf(v) || v == 0))
        return MESSAGE("out of the type's range");
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return append_u64(out, bits);
}

static const char *encode_bool(struct span text, struct strbuf *out)
{
    static const char *const words[] = {"true", "t", "yes", "y", "1", "false", "f", "no", "n", "0"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i]) != text.len || strncasecmp(words[i], text.ptr, text.len) != 0)
            continue;
        char *p = field_reserve(out, 1);
        if (p == NULL)
            return TOO_LARGE;
        *p = i < 5;
        field_finish(out, 1);
        return NULL;
    }
    return NOT_A_BOOL;
}

/* ---- times -------------------------------------------------------------------------------- */

static const char *encode_date(struct span text, struct strbuf *out)
{
    struct datetime at;
    if (!datetime_parse_iso(text.ptr, text.len, &at))
        return MESSAGE("not a date (YYYY-MM-DD)");
    if (at.has_zone || at.us % DAY_US != 0)
        return MESSAGE("a date with a time of day");
    return append_u32(out, (uint32_t)(int32_t)(at.us / DAY_US - PG_EPOCH_DAYS));
}

static const char *encode_timestamp(struct span text, struct strbuf *out)
{
    struct datetime at;
    if (!datetime_parse_iso(text.ptr, text.len, &at))
        return MESSAGE("not a timestamp (YYYY-MM-DD hh:mm:ss)");
    if (at.has_zone)
        return MESSAGE("a timestamp with a time zone where none is expected");
    return append_u64(out, (uint64_t)(at.us - PG_EPOCH_US));
}

static const char *encode_timestamptz(struct span text, struct strbuf *out)
{
    struct datetime at;
    if (!datetime_parse_iso(text.ptr, text.len, &at))
        return MESSAGE("not a timestamp (YYYY-MM-DD hh:mm:ss+hh:mm)");
    if (!at.has_zone)
        return MESSAGE("timestamp without a time zone");
    return append_u64(out, (uint64_t)(at.us - PG_EPOCH_US));
}

/* ---- hexadecimal -------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* As uuid_in: 32 digits, a hyphen allowed after each four, braces around the whole. */
static const char *encode_uuid(struct span text, struct strbuf *out)
{
    const char *s = text.ptr;
    const char *end = s + text.len;
    char *p = field_reserve(out, 16);
    if (p == NULL)
        return TOO_LARGE;
    if (text.len >= 2 && s[0] == '{') {
        if (*--end != '}')
            return MESSAGE("not a UUID");
        s++;
    }
    for (int i = 0; i < 16; i++) {
        int high = s < end ? hex_digit(s[0]) : -1;
        int low = s + 1 < end ? hex_digit(s[1]) : -1;
        if (high < 0 || low < 0)
            return MESSAGE("not a UUID");
        p[i] = (char)(high << 4 | low);
        s += 2;
        if (i % 2 == 1 && i < 15 && s < end && *s == '-')
            s++;
    }
    if (s != end)
        return MESSAGE("not a UUID");
    field_finish(out, 16);
    return NULL;
}

static const char *encode_bytea(struct span text, struct strbuf *out)
{
    if (text.len < 2 || text.len % 2 != 0 || text.ptr[0] != '\\' || text.ptr[1] != 'x')
        return MESSAGE("not bytes in hexadecimal (\\x...)");
    size_t n = text.len / 2 - 1;
    char *p = field_reserve(out, n);
    if (p == NULL)
        return TOO_LARGE;
    const char *s = text.ptr + 2;
    for (size_t i = 0; i < n; i++, s += 2) {
        int high = hex_digit(s[0]);
        int low = hex_digit(s[1]);
        if (high < 0 || low < 0)
            return MESSAGE("not bytes in hexadecimal (\\x...)");
        p[i] = (char)(high << 4 | low);
    }
    field_finish(out, n);
    return NULL;
}

/* ---- any ---------------------------------------------------------------------------------- */

static const char *encode(const struct db_type *t, struct span text, unsigned flags,
                          struct strbuf *out)
{
    switch (t->kind) {
    case DB_BOOL: return encode_bool(text, out);
    case DB_INT2: return encode_int2(text, out);
    case DB_INT4: return encode_int4(text, out);
    case DB_INT8: return encode_int8(text, out);
    case DB_NUMERIC: return encode_numeric(t, text, out);
    case DB_FLOAT8: return encode_float8(text, out);
    case DB_TEXT: return encode_text(t, text, flags, out);
    case DB_DATE: return encode_date(text, out);
    case DB_TIMESTAMP: return encode_timestamp(text, out);
    case DB_TIMESTAMPTZ: return encode_timestamptz(text, out);
    case DB_UUID: return encode_uuid(text, out);
    case DB_JSONB: return encode_jsonb(text, flags, out);
    case DB_BYTEA: return encode_bytea(text, out);
    }
    return MESSAGE("a type that cannot be loaded");
}

const char *db_encode_flags(const struct db_type *t, struct span text, unsigned flags,
                            struct strbuf *out)
{
    if (text.ptr == NULL)
        text.ptr = "";
    return encode(t, text, flags, out);
}

const char *db_encode(const struct db_type *t, struct span text, struct strbuf *out)
{
    return db_encode_flags(t, text, 0, out);
}
