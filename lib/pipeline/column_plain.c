#include "pipeline/column_plain.h"

#include "core/datetime.h"

#include <string.h>

#define DATE_BYTES 10
#define TIME_BYTES 19

/* ---- which cells are plain -------------------------------------------------------------- */

static void add_first(struct column_plain *p, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p->odd_first[(unsigned char)words[i][0]] = true;
}

/* Where blanks begin and end (column.c, blank_at). */
static void add_blanks(struct column_plain *p)
{
    static const unsigned char first[] = {' ', 0xC2, 0xE3}, last[] = {' ', 0xA0, 0x80};
    for (size_t i = 0; i < sizeof first; i++) {
        p->odd_first[first[i]] = true;
        p->odd_last[last[i]] = true;
    }
    for (int c = '\t'; c <= '\r'; c++)
        p->odd_first[c] = p->odd_last[c] = true;
}

static void look_at_text(struct column_plain *p, const struct column_habits *h)
{
    static const char *const guards[] = {"'", "`", "="}, *const quotes[] = {"\""};
    if (h->trim)
        add_blanks(p);
    if (h->guard_apostrophe)
        add_first(p, guards, sizeof guards / sizeof guards[0]);
    if (h->unquote)
        add_first(p, quotes, 1);
}

/* No piece that is taken out of cells can be part of a plain number or time. */
static bool strips_other_things(const struct column_habits *h)
{
    for (size_t i = 0; i < h->nstrip; i++)
        if (strpbrk(h->strip[i], "0123456789+-.: TtZz") != NULL)
            return false;
    return true;
}

static bool time_is_plain(struct column_plain *p, const struct column_spec *c)
{
    const char *format = c->formats.count > 0 ? c->formats.items[0] : "iso";
    if (c->null.count > 0)
        return false; /* equal however it is written */
    p->time_bytes = strcmp(format, "%Y-%m-%d") == 0            ? DATE_BYTES
                    : strcmp(format, "%Y-%m-%d %H:%M:%S") == 0 ? TIME_BYTES
                                                               : 0;
    return p->time_bytes > 0 || strcmp(format, "iso") == 0;
}

static enum plain_form form_of(struct column_plain *p, const struct column_spec *c,
                               const struct column_habits *h)
{
    if (c->unit != 0 || c->units.count > 0 || c->strip_zeros || column_is_changed(c))
        return PLAIN_NONE;
    switch (c->type.kind) {
    case DB_TEXT: look_at_text(p, h); return PLAIN_VALUE;
    case DB_INT2:
    case DB_INT4:
    case DB_INT8:
    case DB_NUMERIC: return strips_other_things(h) && !h->decimal_comma ? PLAIN_VALUE : PLAIN_NONE;
    case DB_DATE:
    case DB_TIMESTAMP:
    case DB_TIMESTAMPTZ:
        return strips_other_things(h) && time_is_plain(p, c) ? PLAIN_TIME : PLAIN_NONE;
    default: return PLAIN_NONE;
    }
}

void column_plain_init(struct column_plain *p, const struct column_spec *spec,
                       const struct column_habits *habits)
{
    *p = (struct column_plain){.type = &spec->type,
                               .zone = spec->zone,
                               .takes_empty = !spec->required || spec->is_computed,
                               .is_code = spec->code == CODE_YES};
    add_first(p, habits->null_words, habits->nnull_words);
    add_first(p, (const char *const *)spec->null.items, spec->null.count);
    p->form = form_of(p, spec, habits);
}

/* ---- cells ------------------------------------------------------------------------------ */

static bool encode_time(const struct column_plain *p, struct span s, struct strbuf *out)
{
    struct datetime t;
    const int64_t day_us = INT64_C(86400000000);
    if (p->time_bytes > 0 &&
        (s.len != p->time_bytes || (s.len == TIME_BYTES && (s.ptr[10] != ' ' || s.ptr[16] != ':'))))
        return false;
    if (!datetime_parse_iso(s.ptr, s.len, &t))
        return false;
    if (t.has_zone != (p->type->kind == DB_TIMESTAMPTZ)) {
        if (t.has_zone || p->zone == NULL)
            return false;
        t.us = zone_local_to_utc(p->zone, t.us);
    }
    if (p->type->kind == DB_DATE)
        db_encode_date(out, (int32_t)(t.us / day_us - (t.us % day_us < 0)));
    else
        db_encode_timestamp(out, t.us);
    return !out->overflow;
}

/* "4.2E+27", of digits (column.c, is_scientific). */
static bool may_be_scientific(struct span s)
{
    return ((unsigned char)(s.ptr[0] - '0') <= 9 || s.ptr[0] == '.') &&
           (memchr(s.ptr, 'E', s.len) != NULL || memchr(s.ptr, 'e', s.len) != NULL);
}

static inline bool encode_one(const struct column_plain *p, struct span text, struct strbuf *out)
{
    if (p->form == PLAIN_NONE)
        return false;
    if (text.len == 0) {
        if (p->takes_empty)
            db_encode_null(out);
        return p->takes_empty && !out->overflow;
    }
    if (p->odd_first[(unsigned char)text.ptr[0]] ||
        p->odd_last[(unsigned char)text.ptr[text.len - 1]])
        return false;
    if (p->form == PLAIN_TIME)
        return encode_time(p, text, out);
    if (p->is_code && may_be_scientific(text))
        return false;
    return db_encode_plain(p->type, text, out);
}

size_t column_plain_encode(const struct column_plain *columns, const struct cell *cells, size_t n,
                           size_t first, struct strbuf *out)
{
    size_t i = first;
    while (i < n && cells[i].form == CELL_TEXT && encode_one(&columns[i], cells[i].text, out))
        i++;
    return i;
}
