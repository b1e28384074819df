#include "pipeline/column_plain.h"

#include "core/datetime.h"
#include "core/decimal.h"
#include "core/message.h"
#include "core/secret.h"
#include "core/sha256.h"
#include "format/json_time.h"
#include "format/jsonx.h"
#include "format/mask.h"

#include <stdlib.h>
#include <string.h>

#define CELL_CLEANED_MAX   ((size_t)16 << 20)
#define QUANTITY_MAX_BYTES 192

enum converted { CONVERTED_TEXT, CONVERTED_NULL, CONVERTED_DATE, CONVERTED_INSTANT };

struct value {
    enum converted kind;
    struct span text;
    int64_t number; /* days, or microseconds */
};

struct reader_column {
    const struct column_spec *spec;
    struct strbuf scratch, binary;
    bool is_number, is_time, is_text;
    bool is_verbatim; /* text that nothing is declared about: the cell is the value */
    bool is_code, has_units, is_hidden; /* hidden: masked or hashed */
    struct strbuf hidden;
    char *date_reason;
    int64_t *null_us; /* null words that are dates: equal however they are written */
    size_t nnull_us;
};

struct column_reader {
    struct column_habits habits;
    size_t n;
    struct reader_column *columns;
    struct column_plain *plain; /* by column */
    struct error ignored;       /* here because it is large: a cell should not have to clear it */
};

static char *date_reason(const struct column_spec *c)
{
    struct strbuf text;
    strbuf_init(&text, 1024);
    strbuf_addf(&text, "not a %s as ", c->type.kind == DB_DATE ? "date" : "time");
    for (size_t i = 0; i < c->formats.count; i++)
        strbuf_addf(&text, "%s%s", i > 0 ? " or " : "", c->formats.items[i]);
    if (c->formats.count == 0)
        strbuf_adds(&text, "iso (2026-11-22 or 2026-11-22T05:15:00+08:00)");
    char *reason = strbuf_detach(&text, NULL);
    strbuf_release(&text);
    return reason;
}

static bool time_fits(const char *format, struct span s, struct datetime *ret)
{
    return strcmp(format, "parts") == 0 ? json_time_parse(s, ret)
                                        : datetime_parse(format, s.ptr, s.len, ret);
}

static bool parse_time(const struct column_spec *c, struct span s, struct datetime *ret)
{
    bool ok = c->formats.count == 0 && datetime_parse_iso(s.ptr, s.len, ret);
    for (size_t i = 0; i < c->formats.count && !ok; i++)
        ok = time_fits(c->formats.items[i], s, ret);
    return ok;
}

/* "1900-01-01" is .NET's no date, whatever the file's way to write it. */
static void find_null_times(struct reader_column *c)
{
    const struct field_strings *words = &c->spec->null;
    c->null_us = mem_array(words->count + 1, sizeof *c->null_us);
    for (size_t i = 0; i < words->count; i++) {
        struct datetime t;
        struct span word = span_of(words->items[i]);
        if (parse_time(c->spec, word, &t) || datetime_parse_iso(word.ptr, word.len, &t))
            c->null_us[c->nnull_us++] = t.us;
    }
}

struct column_reader *column_reader_new(const struct column_spec *columns, size_t n,
                                        const struct column_habits *habits)
{
    struct column_reader *r = mem_alloc(sizeof *r);
    if (habits != NULL)
        r->habits = *habits;
    r->n = n;
    r->columns = mem_array(n + 1, sizeof *r->columns);
    r->plain = mem_array(n + 1, sizeof *r->plain);
    for (size_t i = 0; i < n; i++) {
        enum db_kind kind = columns[i].type.kind;
        struct reader_column *c = &r->columns[i];
        c->spec = &columns[i];
        strbuf_init(&c->scratch, CELL_CLEANED_MAX);
        strbuf_init(&c->binary, CELL_CLEANED_MAX);
        c->is_number = db_type_is_number(&columns[i].type);
        c->is_time = kind == DB_DATE || kind == DB_TIMESTAMP || kind == DB_TIMESTAMPTZ;
        c->is_text = kind == DB_TEXT || kind == DB_JSONB || kind == DB_BYTEA;
        c->is_code = c->is_text && columns[i].code == CODE_YES;
        c->has_units = columns[i].units.count > 0;
        c->is_hidden = columns[i].mask != MASK_NONE || columns[i].hash != NULL;
        if (c->is_hidden)
            strbuf_init(&c->hidden, CELL_CLEANED_MAX);
        c->is_verbatim =
            kind == DB_TEXT && columns[i].type.precision == 0 && columns[i].null.count == 0 &&
            columns[i].unit == 0 && !column_is_changed(&columns[i]) && !c->is_code &&
            !columns[i].strip_zeros && !r->habits.unquote && r->habits.nnull_words == 0 &&
            !r->habits.trim && !r->habits.guard_apostrophe;
        column_plain_init(&r->plain[i], c->spec, &r->habits);
        if (c->is_time) {
            c->date_reason = date_reason(&columns[i]);
            find_null_times(c);
        }
    }
    return r;
}

void column_reader_free(struct column_reader *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n; i++) {
        strbuf_release(&r->columns[i].scratch);
        strbuf_release(&r->columns[i].binary);
        if (r->columns[i].is_hidden)
            strbuf_release(&r->columns[i].hidden);
        free(r->columns[i].date_reason);
        free(r->columns[i].null_us);
    }
    free(r->columns);
    free(r->plain);
    free(r);
}

/* Bytes of a blank at s: ASCII blanks, NBSP (C2 A0), ideographic space (E3 80 80), BOM-less. */
static size_t blank_at(const char *s, size_t n)
{
    if (n == 0)
        return 0;
    unsigned char c = (unsigned char)*s;
    if (c == ' ' || (c >= '\t' && c <= '\r'))
        return 1;
    if (c == 0xC2 && n >= 2 && (unsigned char)s[1] == 0xA0)
        return 2;
    if (c == 0xE3 && n >= 3 && (unsigned char)s[1] == 0x80 && (unsigned char)s[2] == 0x80)
        return 3;
    return 0;
}

struct span span_trim(struct span s)
{
    for (size_t w; (w = blank_at(s.ptr, s.len)) > 0; s.ptr += w)
        s.len -= w;
    for (;;) {
        if (s.len >= 1 && blank_at(s.ptr + s.len - 1, 1) == 1)
            s.len -= 1;
        else if (s.len >= 2 && blank_at(s.ptr + s.len - 2, 2) == 2)
            s.len -= 2;
        else if (s.len >= 3 && blank_at(s.ptr + s.len - 3, 3) == 3)
            s.len -= 3;
        else
            return s;
    }
}

static bool is_word(struct span s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(words[i]) == s.len && memcmp(words[i], s.ptr, s.len) == 0)
            return true;
    return false;
}

/* Removes every occurrence of the declared pieces ("¥", "," ...). */
static struct span strip_pieces(const struct column_reader *r, struct span s, struct strbuf *out)
{
    strbuf_clear(out);
    for (size_t at = 0; at < s.len;) {
        size_t cut = 0;
        for (size_t i = 0; i < r->habits.nstrip && cut == 0; i++) {
            size_t m = strlen(r->habits.strip[i]);
            if (m > 0 && m <= s.len - at && memcmp(s.ptr + at, r->habits.strip[i], m) == 0)
                cut = m;
        }
        if (cut == 0)
            strbuf_addch(out, s.ptr[at++]);
        at += cut;
    }
    return span_trim((struct span){out->data, out->len});
}

static bool is_plain_number(struct span s)
{
    size_t i = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0;
    if (i == s.len)
        return false;
    for (; i < s.len; i++)
        if ((s.ptr[i] < '0' || s.ptr[i] > '9') && s.ptr[i] != '.')
            return false;
    return true;
}

/* Groups of three behind each separator, none after the decimal mark: 1,234,567.50. */
static bool grouping_is_sound(struct span s, char group, char mark)
{
    size_t digits = 0;
    bool grouped = false;
    for (size_t i = 0; i <= s.len; i++) {
        char c = i < s.len ? s.ptr[i] : mark;
        if (c >= '0' && c <= '9') {
            digits++;
        } else if (c == group || c == mark) {
            if (grouped ? digits != 3 : (c == group && (digits == 0 || digits > 3)))
                return false;
            if (c == mark)
                return i == s.len || memchr(s.ptr + i, group, s.len - i) == NULL;
            grouped = true;
            digits = 0;
        } else {
            return false;
        }
    }
    return true;
}

/* "4.2E+27": what a spreadsheet shows, and saves, of a long number. A code may look like 12E4,
 * which has no sign; a number has its decimal mark. */
static bool is_scientific(struct span s, bool is_code)
{
    size_t i = 0, digits = 0;
    for (; i < s.len; i++) {
        bool is_digit = s.ptr[i] >= '0' && s.ptr[i] <= '9';
        if (!is_digit && s.ptr[i] != '.' && (is_code || s.ptr[i] != ','))
            break;
        digits += is_digit;
    }
    if (digits == 0 || i == s.len || (s.ptr[i] != 'E' && s.ptr[i] != 'e'))
        return false;
    i++;
    if (i < s.len && (s.ptr[i] == '+' || s.ptr[i] == '-'))
        i++;
    else if (is_code)
        return false;
    digits = i;
    while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9')
        i++;
    return i == s.len && i > digits;
}

/* Numbers as people and ERPs write them: blanks, 1,234.50, 1.234,50 with a decimal comma, a
 * trailing minus (SAP), (12.00) of accountants, the formula guard's apostrophe. Returns plain
 * "-1234.50". */
static const char *clean_number(const struct column_reader *r, struct reader_column *c,
                                struct span s, struct span *ret)
{
    char group = r->habits.decimal_comma ? '.' : ',', mark = r->habits.decimal_comma ? ',' : '.';
    bool negative = false;
    if (s.len > 1 && s.ptr[0] == '\'' && strchr("=+-", s.ptr[1]) != NULL)
        s = (struct span){s.ptr + 1, s.len - 1};
    if (!r->habits.decimal_comma && is_plain_number(s)) {
        *ret = s;
        return NULL;
    }
    if (s.len > 2 && s.ptr[0] == '(' && s.ptr[s.len - 1] == ')') {
        negative = true;
        s = span_trim((struct span){s.ptr + 1, s.len - 2});
    } else if (s.len > 1 && s.ptr[s.len - 1] == '-') {
        negative = true;
        s = span_trim((struct span){s.ptr, s.len - 1});
    } else if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
        negative = s.ptr[0] == '-';
        s = span_trim((struct span){s.ptr + 1, s.len - 1});
    }
    if (s.len == 0)
        return MESSAGE("not a number");
    bool is_power = is_scientific(s, false);
    if (is_power && c->spec->type.kind != DB_FLOAT8)
        return MESSAGE("a number in scientific notation may be damaged");
    if (is_power ? memchr(s.ptr, group, s.len) != NULL : !grouping_is_sound(s, group, mark))
        return MESSAGE("not a number");
    char stack[128];
    if (s.len > sizeof stack)
        return MESSAGE("not a number");
    memcpy(stack, s.ptr, s.len);
    strbuf_clear(&c->scratch);
    if (negative)
        strbuf_addch(&c->scratch, '-');
    for (size_t i = 0; i < s.len; i++)
        if (stack[i] != group)
            strbuf_addch(&c->scratch, stack[i] == mark ? '.' : stack[i]);
    *ret = (struct span){c->scratch.data, c->scratch.len};
    return NULL;
}

static const char *clean_unit(struct reader_column *c, struct span s, struct span *ret)
{
    struct decimal d;
    char text[DECIMAL_TEXT_MAX];
    if (!decimal_parse(s.ptr, s.len, &d) || d.scale > 36)
        return MESSAGE("not a number");
    d.scale += 2;
    size_t n = decimal_print(&d, text);
    strbuf_clear(&c->scratch);
    strbuf_add(&c->scratch, text, n);
    *ret = (struct span){c->scratch.data, c->scratch.len};
    return NULL;
}

static const struct decimal *factor_of(const struct reader_column *c, struct span unit)
{
    if (unit.len == 0)
        unit = SPAN("none");
    for (size_t i = 0; i < c->spec->units.count; i++)
        if (span_equal(unit, span_of(c->spec->units.keys[i])))
            return &c->spec->unit_factors[i];
    return NULL;
}

/* "1,250.5" and "箱" of "1,250.5 箱3瓶", which s is moved behind. */
static struct span next_part(struct span *s, struct span *ret_unit)
{
    size_t n = 0, end;
    while (n < s->len && strchr("0123456789.,", s->ptr[n]) != NULL && s->ptr[n] != '\0')
        n++;
    for (end = n; end < s->len && (s->ptr[end] < '0' || s->ptr[end] > '9');)
        end++;
    struct span number = {s->ptr, n};
    *ret_unit = span_trim((struct span){s->ptr + n, end - n});
    *s = (struct span){s->ptr + end, s->len - end};
    return number;
}

/* Quantities with their units in the text: 2箱, 1.5kg, 2箱3瓶; exact. */
static const char *clean_quantity(const struct column_reader *r, struct reader_column *c,
                                  struct span s, struct span *ret)
{
    struct decimal total = {0};
    char text[DECIMAL_TEXT_MAX], whole[QUANTITY_MAX_BYTES];
    bool negative = s.len > 1 && (s.ptr[0] == '-' || s.ptr[s.len - 1] == '-');
    if (negative)
        s = (struct span){s.ptr + (s.ptr[0] == '-'), s.len - 1};
    if (s.len > sizeof whole)
        return MESSAGE("not a quantity");
    memcpy(whole, s.ptr, s.len); /* it may stand in the scratch */
    s.ptr = whole;
    do {
        struct span unit, number = next_part(&s, &unit);
        struct decimal value, sum;
        const struct decimal *factor = factor_of(c, unit);
        const char *reason = clean_number(r, c, number, &number);
        if (reason != NULL)
            return reason;
        if (factor == NULL)
            return unit.len > 0
                       ? MESSAGE("a unit that is not among its `units`")
                       : MESSAGE("a quantity without a unit (declare `none` among its `units`)");
        if (!decimal_parse(number.ptr, number.len, &value) ||
            !decimal_multiply(&value, factor, &value) || !decimal_add(&total, &value, &sum))
            return MESSAGE("a quantity out of range");
        total = sum;
    } while (s.len > 0);
    while (total.scale > 0 && total.coefficient % 10 == 0) {
        total.coefficient /= 10;
        total.scale--;
    }
    total.coefficient = negative ? -total.coefficient : total.coefficient;
    size_t n = decimal_print(&total, text);
    strbuf_clear(&c->scratch);
    strbuf_add(&c->scratch, text, n);
    *ret = (struct span){c->scratch.data, c->scratch.len};
    return NULL;
}

static bool is_null_time(const struct reader_column *c, int64_t us)
{
    const int64_t day_us = INT64_C(86400000000);
    for (size_t i = 0; i < c->nnull_us; i++)
        if (us == c->null_us[i] || (c->spec->type.kind == DB_DATE && us >= c->null_us[i] &&
                                    us < c->null_us[i] + day_us && c->null_us[i] % day_us == 0))
            return true;
    return false;
}

static const char *convert_time(struct reader_column *c, struct span s, struct value *ret)
{
    struct datetime t;
    if (!parse_time(c->spec, s, &t))
        return c->date_reason;
    if (is_null_time(c, t.us))
        return c->spec->required ? MESSAGE("empty, but required") : NULL;
    if (c->spec->type.kind == DB_DATE) {
        if (t.has_zone && c->spec->zone != NULL)
            t.us = zone_utc_to_local(c->spec->zone, t.us);
        int64_t day_us = INT64_C(86400000000);
        int64_t days = t.us / day_us - (t.us % day_us < 0);
        *ret = (struct value){.kind = CONVERTED_DATE, .number = days};
        return NULL;
    }
    if (c->spec->type.kind == DB_TIMESTAMPTZ && !t.has_zone) {
        if (c->spec->zone == NULL)
            return MESSAGE("a time without a zone (declare `timezone` for the column)");
        t.us = zone_local_to_utc(c->spec->zone, t.us);
    } else if (c->spec->type.kind == DB_TIMESTAMP && t.has_zone) {
        if (c->spec->zone == NULL)
            return MESSAGE("a time with a zone in a column without one (declare `timezone`)");
        t.us = zone_utc_to_local(c->spec->zone, t.us);
    }
    *ret = (struct value){.kind = CONVERTED_INSTANT, .number = t.us};
    return NULL;
}

static struct span clean_text(const struct column_reader *r, struct span s)
{
    if (r->habits.trim)
        s = span_trim(s);
    if (r->habits.guard_apostrophe && s.len > 1 && s.ptr[0] == '\'' &&
        strchr("=+-@", s.ptr[1]) != NULL)
        return (struct span){s.ptr + 1, s.len - 1};
    if (r->habits.guard_apostrophe && s.len > 0 && s.ptr[0] == '`')
        return (struct span){s.ptr + 1, s.len - 1};
    if (r->habits.guard_apostrophe && s.len >= 3 && s.ptr[0] == '=' && s.ptr[1] == '"' &&
        s.ptr[s.len - 1] == '"')
        return (struct span){s.ptr + 2, s.len - 3};
    if (r->habits.unquote && s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"')
        return (struct span){s.ptr + 1, s.len - 2};
    return s;
}

static struct span strip_zeros(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return s;
    for (; s.len > 1 && s.ptr[0] == '0'; s.ptr++)
        s.len--;
    return s;
}

/* Null is refused here, neither a default nor a transform filling it later. */
static bool is_needed(const struct column_spec *c)
{
    return c->required && c->def == NULL && !c->is_computed;
}

static const char *convert_cell(struct column_reader *r, size_t i, const struct cell *cell,
                                struct value *ret)
{
    struct reader_column *c = &r->columns[i];
    const struct column_spec *spec = c->spec;
    struct span s = cell->text;
    *ret = (struct value){.kind = CONVERTED_NULL};
    if (cell->form != CELL_NULL) {
        if (cell->form == CELL_TEXT) {
            s = c->is_text ? clean_text(r, s) : span_trim(s);
            if (!c->is_text && r->habits.nstrip > 0)
                s = strip_pieces(r, s, &c->scratch);
            if (s.len == 0 || is_word(s, r->habits.null_words, r->habits.nnull_words) ||
                is_word(s, (const char *const *)spec->null.items, spec->null.count))
                return is_needed(spec) ? MESSAGE("empty, but required") : NULL;
        } else if (cell->form == CELL_CLEAN && spec->null.count > 0 &&
                   is_word(s, (const char *const *)spec->null.items, spec->null.count)) {
            return is_needed(spec) ? MESSAGE("empty, but required") : NULL; /* Odoo's false */
        }
        const char *reason = NULL;
        if (c->is_time)
            return convert_time(c, s, ret);
        if (c->has_units)
            reason = clean_quantity(r, c, s, &s);
        else if (c->is_number && cell->form == CELL_TEXT)
            reason = clean_number(r, c, s, &s);
        else if (c->is_code && cell->form == CELL_TEXT && is_scientific(s, true))
            reason = MESSAGE("a code in scientific notation is damaged");
        if (spec->strip_zeros)
            s = strip_zeros(s);
        if (reason == NULL && spec->unit == 1)
            reason = clean_unit(c, s, &s);
        *ret = (struct value){.kind = CONVERTED_TEXT, .text = s};
        return reason;
    }
    return is_needed(spec) ? MESSAGE("null, but required") : NULL;
}

static const char *hide(struct reader_column *c, struct span *text)
{
    char hex[65];
    strbuf_clear(&c->hidden);
    if (c->spec->hash == NULL) {
        mask_text((enum mask_kind)c->spec->mask, *text, &c->hidden);
    } else {
        if (c->spec->hash_key == NULL)
            return MESSAGE("the key of its hash is not known");
        hmac_sha256_hex(c->spec->hash_key, text->ptr, text->len, hex);
        strbuf_adds(&c->hidden, hex);
    }
    *text = (struct span){c->hidden.data, c->hidden.len};
    return NULL;
}

static const char *convert(struct column_reader *r, size_t i, const struct cell *cell,
                           struct value *ret)
{
    struct reader_column *c = &r->columns[i];
    const char *reason = convert_cell(r, i, cell, ret);
    if (reason != NULL)
        return reason;
    if (ret->kind == CONVERTED_NULL && c->spec->def != NULL) {
        const struct cell value = {CELL_CLEAN, span_of(c->spec->def)};
        reason = convert_cell(r, i, &value, ret);
    }
    return reason == NULL && c->is_hidden && ret->kind == CONVERTED_TEXT ? hide(c, &ret->text)
                                                                         : reason;
}

int column_keys_resolve(struct column_spec *columns, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++)
        if (columns[i].hash != NULL && columns[i].hash_key == NULL &&
            secret_resolve(columns[i].hash, &columns[i].hash_key, err) != 0)
            return error_context(err, "column '%s': the key of its hash", columns[i].name);
    return 0;
}

bool column_is_changed(const struct column_spec *c)
{
    return c->mask != MASK_NONE || c->hash != NULL || c->def != NULL;
}

bool column_has_words(const struct column_spec *c)
{
    return c->null.count > 0 || c->unit != 0 || c->units.count > 0 || c->strip_zeros;
}

bool column_is_of_child(const struct column_spec *c)
{
    return c->from[0] == '$' && !column_is_changed(c) &&
           (c->type.kind == DB_TEXT || c->type.kind == DB_INT4 || c->type.kind == DB_INT8);
}

static const char *decode(struct column_reader *r, struct reader_column *c, struct span binary,
                          struct span *ret_text)
{
    strbuf_clear(&c->scratch);
    if (db_decode(&c->spec->type, binary, &c->scratch, &r->ignored) != 0)
        return MESSAGE("cannot be shown as text");
    *ret_text = (struct span){c->scratch.data, c->scratch.len};
    return NULL;
}

void column_refuse_null(struct column_reader *r, size_t i)
{
    r->plain[i].takes_empty = false;
}

size_t column_encode_plain(const struct column_reader *r, const struct cell *cells, size_t first,
                           struct strbuf *out)
{
    return column_plain_encode(r->plain, cells, r->n, first, out);
}

const char *column_encode(struct column_reader *r, size_t i, const struct cell *cell,
                          struct strbuf *out)
{
    struct value v;
    const struct column_spec *spec = r->columns[i].spec;
    if (column_plain_encode(&r->plain[i], cell, 1, 0, out) == 1)
        return NULL;
    if (cell->form == CELL_BINARY && r->columns[i].is_hidden) {
        struct cell clear = {CELL_CLEAN, SPAN("")};
        const char *why = decode(r, &r->columns[i], cell->text, &clear.text);
        return why != NULL ? why : column_encode(r, i, &clear, out);
    }
    if (cell->form == CELL_BINARY) {
        db_encode_text(out, cell->text); /* its length and its bytes, whatever they are */
        return NULL;
    }
    const char *reason = convert(r, i, cell, &v);
    if (reason != NULL)
        return reason;
    switch (v.kind) {
    case CONVERTED_NULL: db_encode_null(out); return NULL;
    case CONVERTED_DATE: db_encode_date(out, (int32_t)v.number); return NULL;
    case CONVERTED_INSTANT: db_encode_timestamp(out, v.number); return NULL;
    case CONVERTED_TEXT: break;
    }
    /* A file's text was decoded, so it is valid UTF-8; an API's was not looked at yet. */
    return db_encode_flags(&spec->type, v.text, cell->form == CELL_TEXT ? DB_ENCODE_VALID_UTF8 : 0,
                           out);
}

static inline bool is_verbatim(const struct reader_column *c, const struct cell *cell)
{
    return c->is_verbatim && cell->form == CELL_TEXT && cell->text.len > 0 &&
           memchr(cell->text.ptr, 0, cell->text.len) == NULL;
}

const char *column_clean(struct column_reader *r, size_t i, const struct cell *cell,
                         struct span *ret_text, bool *ret_null)
{
    struct value v;
    struct reader_column *c = &r->columns[i];
    *ret_null = false;
    if (is_verbatim(c, cell)) {
        *ret_text = cell->text;
        return NULL;
    }
    if (cell->form == CELL_BINARY) {
        const char *why = decode(r, c, cell->text, ret_text);
        return why == NULL && c->is_hidden ? hide(c, ret_text) : why;
    }
    const char *reason = convert(r, i, cell, &v);
    if (reason != NULL)
        return reason;
    char text[DATETIME_ISO_MAX];
    switch (v.kind) {
    case CONVERTED_NULL: *ret_null = true; return NULL;
    case CONVERTED_TEXT: *ret_text = v.text; return NULL;
    case CONVERTED_DATE: date_print((int32_t)v.number, text); break;
    case CONVERTED_INSTANT: datetime_print(v.number, NULL, text); break;
    }
    strbuf_clear(&c->scratch);
    strbuf_adds(&c->scratch, text);
    *ret_text = (struct span){c->scratch.data, c->scratch.len};
    return NULL;
}

bool column_is_verbatim(const struct column_reader *r, size_t i)
{
    return r->columns[i].is_verbatim;
}

/* Most cells are written as they will be read: nothing to encode and decode again. */
static bool is_canonical_already(struct column_reader *r, size_t i, const struct cell *cell,
                                 struct span *ret_text, bool *ret_null)
{
    struct reader_column *c = &r->columns[i];
    struct value v;
    if (cell->form == CELL_BINARY || (cell->form == CELL_NULL && c->spec->def == NULL) ||
        c->is_time || convert(r, i, cell, &v) != NULL)
        return false;
    *ret_null = v.kind == CONVERTED_NULL;
    *ret_text = v.text;
    return *ret_null || (v.kind == CONVERTED_TEXT &&
                         db_is_canonical(&c->spec->type, v.text,
                                         cell->form == CELL_TEXT ? DB_ENCODE_VALID_UTF8 : 0));
}

const char *column_canonical(struct column_reader *r, size_t i, const struct cell *cell,
                             struct span *ret_text, bool *ret_null)
{
    struct reader_column *c = &r->columns[i];
    const size_t length_bytes = 4;
    struct span binary = cell->text;
    bool is_stored_text =
        cell->form == CELL_BINARY && c->spec->type.kind == DB_TEXT && !c->is_hidden;
    if (is_verbatim(c, cell) || is_stored_text) {
        *ret_null = false;
        *ret_text = cell->text;
        return NULL;
    }
    *ret_null = cell->form == CELL_NULL && !c->spec->required && c->spec->def == NULL;
    if (*ret_null || is_canonical_already(r, i, cell, ret_text, ret_null))
        return NULL;
    if (cell->form != CELL_BINARY || c->is_hidden) {
        strbuf_clear(&c->binary);
        const char *reason = column_encode(r, i, cell, &c->binary);
        if (reason != NULL)
            return reason;
        *ret_null = c->binary.len == length_bytes && (unsigned char)c->binary.data[0] == 0xFF;
        if (*ret_null)
            return NULL;
        binary = (struct span){c->binary.data + length_bytes, c->binary.len - length_bytes};
    }
    return decode(r, c, binary, ret_text);
}
