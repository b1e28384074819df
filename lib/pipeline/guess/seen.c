#include "pipeline/guess/seen.h"

#include "core/datetime.h"
#include "pipeline/guess/names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const char *const seen_words[SEEN_WORDS] = {"-",    "--",  "—",    "——", "/",   "无",  "NULL",
                                            "null", "N/A", "#N/A", "NA", "\\N", "None"};
const char *const seen_pieces[] = {"`", "¥", "￥", "$", "€", "元", "%", NULL};
enum { PIECE_BACKTICK = 0, PIECE_PERCENT = 6, NPIECES = 7 };
/* After so many values that are only text, the others are not read as anything else. */
#define DEAD_AFTER 200

struct seen_readers {
    struct column_spec number;
    struct column_reader *plain[2], *stripped[2]; /* by decimal mark */
};

struct seen_readers *seen_readers_new(void)
{
    struct seen_readers *r = mem_alloc(sizeof *r);
    r->number = (struct column_spec){.name = "number", .type = {.kind = DB_NUMERIC}};
    for (int mark = 0; mark < 2; mark++) {
        struct column_habits habits = {.decimal_comma = mark == MARK_COMMA};
        r->plain[mark] = column_reader_new(&r->number, 1, &habits);
        habits.strip = seen_pieces;
        habits.nstrip = NPIECES;
        r->stripped[mark] = column_reader_new(&r->number, 1, &habits);
    }
    return r;
}

void seen_readers_free(struct seen_readers *r)
{
    for (int mark = 0; r != NULL && mark < 2; mark++) {
        column_reader_free(r->plain[mark]);
        column_reader_free(r->stripped[mark]);
    }
    free(r);
}

/* ---- looking at one value --------------------------------------------------------------- */

static void note_line(struct seen_lines *l, uint64_t line)
{
    if (l->count < SEEN_LINES)
        l->lines[l->count] = line;
    l->count++;
}

static bool span_is(struct span s, const char *word)
{
    return strlen(word) == s.len && memcmp(s.ptr, word, s.len) == 0;
}

static bool is_digits(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!isdigit((unsigned char)s.ptr[i]))
            return false;
    return s.len > 0;
}

/* 4.2E+27: what a spreadsheet leaves of a long code. */
static bool is_scientific(struct span s)
{
    size_t i = s.len > 0 && strchr("+-", s.ptr[0]) != NULL ? 1 : 0, digits = 0;
    for (; i < s.len && (isdigit((unsigned char)s.ptr[i]) || s.ptr[i] == '.'); i++)
        digits += isdigit((unsigned char)s.ptr[i]) != 0;
    if (digits == 0 || i == s.len || (s.ptr[i] | 0x20) != 'e')
        return false;
    i++;
    if (i < s.len && strchr("+-", s.ptr[i]) != NULL)
        i++;
    return is_digits((struct span){s.ptr + i, s.len - i});
}

/* 2箱, 1.5kg: an amount and its unit in one text. */
static bool has_unit(struct span s)
{
    size_t i = 0;
    while (i < s.len && (isdigit((unsigned char)s.ptr[i]) || s.ptr[i] == '.'))
        i++;
    if (i == 0 || i == s.len || s.len - i > 9)
        return false;
    for (; i < s.len; i++)
        if (!isalpha((unsigned char)s.ptr[i]) && (unsigned char)s.ptr[i] < 0x80)
            return false;
    return true;
}

static bool is_uuid(struct span s)
{
    struct db_type type = {.kind = DB_UUID};
    AUTO_STRBUF struct strbuf out = {0};
    if (s.len != 36)
        return false;
    strbuf_init(&out, 64);
    return db_encode(&type, s, &out) == NULL;
}

static bool is_bool(struct span s)
{
    static const char *const words[] = {"true", "false", "yes", "no"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == s.len && strncasecmp(words[i], s.ptr, s.len) == 0)
            return true;
    return false;
}

static unsigned pieces_in(struct span s)
{
    unsigned pieces = 0;
    for (unsigned k = 0; k < NPIECES; k++)
        if (memmem(s.ptr, s.len, seen_pieces[k], strlen(seen_pieces[k])) != NULL)
            pieces |= 1U << k;
    return pieces;
}

struct number_form {
    int whole, fraction;
};

static bool read_number(struct column_reader *r, enum cell_form form, struct span value,
                        struct number_form *ret)
{
    struct cell cell = {form, value};
    struct span text = SPAN("");
    bool is_null = false;
    if (value.len > 64 || column_canonical(r, 0, &cell, &text, &is_null) != NULL || is_null)
        return false;
    const char *point = memchr(text.ptr, '.', text.len);
    size_t sign = text.len > 0 && text.ptr[0] == '-';
    size_t whole = (point != NULL ? (size_t)(point - text.ptr) : text.len) - sign;
    *ret = (struct number_form){(int)whole, point != NULL ? (int)(text.len - sign - whole - 1) : 0};
    return true;
}

static bool any_digit(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (isdigit((unsigned char)s.ptr[i]))
            return true;
    return false;
}

static void look_at_number(struct seen *s, struct seen_readers *r, enum cell_form form,
                           struct span value, uint64_t line)
{
    struct number_form found[2];
    bool is_number[2] = {false, false};
    unsigned pieces = 0;
    int marks = form == CELL_TEXT ? 2 : 1;
    if (any_digit(value) && !is_scientific(value)) {
        for (int mark = 0; mark < marks; mark++)
            is_number[mark] = read_number(r->plain[mark], form, value, &found[mark]);
        if (!is_number[0] && !is_number[1] && form == CELL_TEXT)
            pieces = pieces_in(value);
        for (int mark = 0; mark < marks && pieces != 0; mark++)
            is_number[mark] = read_number(r->stripped[mark], form, value, &found[mark]);
    }
    for (int mark = 0; mark < 2; mark++) {
        if (!is_number[mark]) {
            note_line(&s->not_number[mark], line);
            continue;
        }
        s->numbers[mark]++;
        s->decided[mark] += !is_number[!mark];
        if (found[mark].whole > s->whole_digits[mark])
            s->whole_digits[mark] = found[mark].whole;
        if (found[mark].fraction > s->fraction_digits[mark])
            s->fraction_digits[mark] = found[mark].fraction;
    }
    if (is_number[0] || is_number[1]) {
        s->pieces |= pieces;
        s->percents += (pieces >> PIECE_PERCENT) & 1U;
    }
}

static void look_at_time(struct seen *s, struct span value, uint64_t line)
{
    struct times_fit fit;
    if (!times_fit(value, &fit)) {
        note_line(&s->not_time, line);
        return;
    }
    s->times++;
    for (size_t i = 0; i < s->nforms; i++) {
        struct times_seen *f = &s->forms[i];
        if (f->fit.dates == fit.dates && f->fit.clock == fit.clock &&
            f->fit.has_zone == fit.has_zone) {
            f->count++;
            return;
        }
    }
    if (s->nforms == SEEN_TIMES)
        s->too_many_forms = true;
    else
        s->forms[s->nforms++] = (struct times_seen){fit, 1, line};
}

static void look_at_digits(struct seen *s, struct span value, uint64_t line)
{
    if (value.len > 0 && strchr("+-'", value.ptr[0]) != NULL)
        value = (struct span){value.ptr + 1, value.len - 1};
    if (value.len >= 2 && value.ptr[0] == '0' && isdigit((unsigned char)value.ptr[1]))
        note_line(&s->zero_led, line);
    if (!is_digits(value))
        return;
    if (value.len > 15)
        note_line(&s->long_digits, line);
    s->phones += value.len == 11 && value.ptr[0] == '1' && value.ptr[1] >= '3';
}

/* 45296.5, in the days from 1970 to 2099. */
static void look_at_serial(struct seen *s, struct span value)
{
    struct datetime t;
    struct civil c;
    if (value.len < 5 || !datetime_parse("excel", value.ptr, value.len, &t))
        return;
    civil_from_us(t.us, &c);
    if (c.year < 1970 || c.year > 2099)
        return;
    s->serials++;
    s->part_serials += t.has_time;
}

static uint64_t hash_of(struct span s)
{
    uint64_t h = 1469598103934665603U;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211U;
    return h | 1;
}

static void look_at_shape(struct seen *s, struct span raw, struct span value)
{
    uint64_t hash = hash_of(value);
    s->lengths += value.len;
    if (s->length_max == 0 || value.len < s->length_min)
        s->length_min = value.len;
    if (value.len > s->length_max)
        s->length_max = value.len;
    if (s->shape[0] == '\0') {
        AUTO_STRBUF struct strbuf shape = {0};
        strbuf_init(&shape, sizeof s->shape - 1);
        name_shape(&shape, value);
        memcpy(s->shape, shape.data, shape.len + 1);
    }
    s->backticks += raw.len > 0 && raw.ptr[0] == '`';
    s->repeats += hash == s->last_hash;
    s->last_hash = hash;
}

static bool look_at_words(struct seen *s, struct span value)
{
    for (size_t i = 0; i < SEEN_WORDS; i++) {
        if (span_is(value, seen_words[i])) {
            s->words[i]++;
            return true;
        }
    }
    return false;
}

void seen_add(struct seen *s, struct seen_readers *r, enum cell_form form, struct span raw,
              uint64_t line)
{
    struct span value = form == CELL_TEXT ? span_trim(raw) : raw;
    bool is_set = form != CELL_NULL && value.len > 0;
    s->rows++;
    if (s->rows == 1)
        s->first_is_set = is_set;
    s->last_was_set = is_set;
    if (!is_set) {
        s->empty++;
        return;
    }
    look_at_shape(s, raw, value);
    if (value.len != raw.len)
        note_line(&s->padded, line);
    if (value.ptr[0] == '`' && form == CELL_TEXT) { /* `text: stripped from numbers and dates */
        value = (struct span){value.ptr + 1, value.len - 1};
        s->pieces |= 1U << PIECE_BACKTICK;
        if (value.len == 0) {
            s->empty++;
            return;
        }
    }
    if (form == CELL_TEXT && look_at_words(s, value))
        return;
    if (value.len > 1 && value.ptr[0] == '\'' && strchr("=+-@", value.ptr[1]) != NULL)
        note_line(&s->guarded, line);
    look_at_digits(s, value, line);
    if (is_scientific(value))
        note_line(&s->scientific, line);
    s->is_dead = s->is_dead || (s->rows > DEAD_AFTER && s->not_number[0].count > DEAD_AFTER &&
                                s->not_number[1].count > DEAD_AFTER &&
                                s->not_time.count > DEAD_AFTER && s->numbers[0] + s->times == 0);
    if (s->is_dead) {
        s->not_number[0].count++;
        s->not_number[1].count++;
        s->not_time.count++;
        return;
    }
    look_at_number(s, r, form, value, line);
    look_at_time(s, value, line);
    look_at_serial(s, value);
    s->bools += is_bool(value);
    s->uuids += is_uuid(value);
    s->with_unit += has_unit(value);
}
