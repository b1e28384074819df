/* The type that follows from what was seen: a guess never bends a value. */
#include "core/message.h"
#include "pipeline/guess/names.h"
#include "pipeline/guess/seen.h"

#include <inttypes.h>
#include <string.h>

/* Bits of the date forms in times.c. */
#define DATES_DAY_FIRST   (1U << 5 | 1U << 6 | 1U << 7)
#define DATES_MONTH_FIRST (1U << 8 | 1U << 9 | 1U << 10)
#define DATES_SHORT_YEAR  (1U << 11 | 1U << 12 | 1U << 13)
#define DATES_DIGITS      (1U << 3)
#define DIGITS_MAX        15 /* more are an identifier: a spreadsheet's numbers end there */

/* A few values that do not fit are what rejects are for; more, and the type is wrong. */
static bool is_tolerable(uint64_t bad, uint64_t all)
{
    return bad == 0 || (all >= 20 && bad * 20 <= all);
}

static uint64_t words_of(const struct seen *s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < SEEN_WORDS; i++)
        n += s->words[i];
    return n;
}

/* The words that stand for null among the numbers or dates of a column. */
static void take_words(const struct seen *s, struct seen_type *t)
{
    for (size_t i = 0; i < SEEN_WORDS; i++)
        if (s->words[i] > 0)
            t->nulls[t->nnulls++] = seen_words[i];
}

/* ---- numbers ---------------------------------------------------------------------------- */

static bool decide_number(const struct seen *s, unsigned hints, int mark, struct arena *arena,
                          struct seen_type *t)
{
    uint64_t real = s->rows - s->empty - words_of(s);
    uint64_t bad = real - s->numbers[mark];
    if (s->numbers[mark] == 0 || !is_tolerable(bad, real) ||
        (s->percents > 0 && s->percents < s->numbers[mark]))
        return false;
    int scale = s->fraction_digits[mark], whole = s->whole_digits[mark];
    bool is_whole = scale == 0 && s->percents == 0 && (hints & NAME_MONEY) == 0;
    if (is_whole && whole <= DIGITS_MAX) {
        t->type = "bigint";
    } else {
        int room = s->percents > 0           ? scale + 2
                   : is_whole                ? 0
                   : (hints & NAME_QUANTITY) ? 6
                   : (hints & NAME_MONEY)    ? (scale <= 2 ? 2 : scale + 2)
                                             : scale + 2;
        if (room < scale)
            room = scale;
        int precision = room + (whole + 3 > 10 ? whole + 3 : 10);
        t->type = arena_printf(arena, "numeric(%d,%d)", precision > 1000 ? 1000 : precision, room);
        t->note = arena_printf(arena, message_text("seen: %d digits, %d decimals"), whole, scale);
    }
    if (s->percents > 0)
        /* xgettext:no-c-format */
        t->note = message_text("percent: 0.60% is loaded as 0.60");
    t->is_number = true;
    t->pieces = s->pieces;
    t->lost = bad;
    t->lost_lines = s->not_number[mark].lines;
    take_words(s, t);
    return true;
}

/* ---- dates ------------------------------------------------------------------------------ */

struct order_seen {
    uint64_t day_line, month_line; /* that decide for day or month first; 0: none */
    uint64_t either;               /* values that fit both */
};

static struct order_seen order_of(const struct seen *s)
{
    struct order_seen o = {0};
    for (size_t i = 0; i < s->nforms; i++) {
        const struct times_seen *f = &s->forms[i];
        bool day = (f->fit.dates & DATES_DAY_FIRST) != 0;
        bool month = (f->fit.dates & DATES_MONTH_FIRST) != 0;
        if (day && month)
            o.either += f->count;
        else if (day && (o.day_line == 0 || f->line < o.day_line))
            o.day_line = f->line;
        else if (month && (o.month_line == 0 || f->line < o.month_line))
            o.month_line = f->line;
    }
    return o;
}

/* The fewest formats that cover all values, the plainest first. */
static bool cover_forms(const struct seen *s, uint32_t allowed, struct seen_type *t)
{
    bool done[SEEN_TIMES] = {false};
    for (;;) {
        uint64_t best = 0;
        size_t date = 0;
        int clock = 0;
        for (int c = 0; c < TIMES_CLOCKS; c++) {
            for (size_t d = 0; d < TIMES_DATES; d++) {
                uint64_t covered = 0;
                for (size_t i = 0; i < s->nforms; i++)
                    if (!done[i] && s->forms[i].fit.clock == c &&
                        (s->forms[i].fit.dates & allowed & 1U << d) != 0)
                        covered += s->forms[i].count;
                if (covered > best) {
                    best = covered;
                    date = d;
                    clock = c;
                }
            }
        }
        if (best == 0)
            break;
        if (t->nformats == sizeof t->formats / sizeof *t->formats)
            return false;
        t->formats[t->nformats++] = times_format(date, clock);
        for (size_t i = 0; i < s->nforms; i++)
            done[i] |= s->forms[i].fit.clock == clock &&
                       (s->forms[i].fit.dates & allowed & 1U << date) != 0;
    }
    for (size_t i = 0; i < s->nforms; i++)
        if (!done[i])
            return false;
    return true;
}

static bool undecided_date(struct seen_type *t, struct arena *arena, const char *why,
                           const char *first, const char *second)
{
    *t = (struct seen_type){.type = "text"};
    t->note = why;
    if (first != NULL)
        t->undecided =
            arena_printf(arena, "{ type: date, format: \"%s\" }   or \"%s\"", first, second);
    return true;
}

/* 24/01/05 may be three days, but is none with the month first: of the orders those that fit every
 * value, or all when none does. */
static bool undecided_year(const struct seen *s, int clock, struct arena *arena,
                           struct seen_type *t)
{
    AUTO_STRBUF struct strbuf text = {0};
    uint32_t fit = DATES_SHORT_YEAR;
    for (size_t i = 0; i < s->nforms; i++)
        fit &= s->forms[i].fit.dates;
    fit = fit != 0 ? fit : DATES_SHORT_YEAR;
    strbuf_init(&text, 256);
    for (size_t d = 11; d <= 13; d++)
        if ((fit & 1U << d) != 0)
            strbuf_addf(&text, text.len == 0 ? "{ type: date, format: \"%s\" }" : "   or \"%s\"",
                        times_format(d, clock));
    (void)undecided_date(t, arena,
                         message_text("a date with two digits for the year: undecided, declare it"),
                         NULL, NULL);
    t->undecided = arena_strdup(arena, text.data);
    return true;
}

/* Looks like a date in both orders, or has two digits for the year: only who wrote it knows. */
static bool is_undecided(const struct seen *s, const struct order_seen *o, struct arena *arena,
                         struct seen_type *t)
{
    for (size_t i = 0; i < s->nforms; i++) {
        const struct times_fit *f = &s->forms[i].fit;
        if ((f->dates & ~DATES_SHORT_YEAR) == 0)
            return undecided_year(s, f->clock, arena, t);
    }
    if (o->day_line != 0 && o->month_line != 0)
        return undecided_date(t, arena,
                              arena_printf(arena,
                                           message_text("dates with the day first (line %" PRIu64
                                                        ") and with the month first (line %" PRIu64
                                                        "): left as text"),
                                           o->day_line, o->month_line),
                              NULL, NULL);
    if (o->either == 0 || o->day_line != 0 || o->month_line != 0)
        return false;
    for (size_t i = 0; i < s->nforms; i++)
        for (size_t d = 5; d <= 7; d++)
            if ((s->forms[i].fit.dates & 1U << d) != 0)
                return undecided_date(t, arena,
                                      message_text("day or month first: undecided, no value is "
                                                   "above 12 in one place; declare it"),
                                      times_format(d, s->forms[i].fit.clock),
                                      times_format(d + 3, s->forms[i].fit.clock));
    return false;
}

static bool is_only_digits(const struct seen *s)
{
    for (size_t i = 0; i < s->nforms; i++)
        if (s->forms[i].fit.dates != DATES_DIGITS)
            return false;
    return true;
}

static bool decide_time(const struct seen *s, unsigned hints, struct arena *arena,
                        struct seen_type *t)
{
    uint64_t real = s->rows - s->empty - words_of(s);
    uint64_t bad = real - s->times;
    if (s->times == 0 || !is_tolerable(bad, real) || s->too_many_forms)
        return false;
    if (is_only_digits(s) && (hints & (NAME_CODE | NAME_MONEY | NAME_QUANTITY)) != 0)
        return false;
    struct order_seen o = order_of(s);
    if (is_undecided(s, &o, arena, t))
        return true;
    uint32_t allowed = ~(uint32_t)DATES_SHORT_YEAR;
    if (o.day_line != 0)
        allowed &= ~DATES_MONTH_FIRST;
    if (o.month_line != 0)
        allowed &= ~DATES_DAY_FIRST;
    if (!cover_forms(s, allowed, t)) {
        *t = (struct seen_type){0};
        return false;
    }
    bool has_clock = false;
    for (size_t i = 0; i < s->nforms; i++) {
        has_clock |= s->forms[i].fit.clock > 0;
        t->needs_zone |= !s->forms[i].fit.has_zone;
    }
    t->type = has_clock ? "timestamptz" : "date";
    t->needs_zone &= has_clock;
    if (o.day_line != 0 || o.month_line != 0)
        t->note = arena_printf(arena, message_text("the %s comes first: line %" PRIu64 " decides"),
                               o.day_line != 0 ? "day" : "month",
                               o.day_line != 0 ? o.day_line : o.month_line);
    else if (is_only_digits(s) && (hints & NAME_TIME) == 0)
        t->note = message_text("eight digits that are all dates: text if it is a code");
    t->is_time = true;
    t->pieces = s->pieces;
    t->lost = bad;
    t->lost_lines = s->not_time.lines;
    take_words(s, t);
    return true;
}

/* 45296 under 日期: what a spreadsheet that was saved as text leaves of its dates. */
static bool decide_serial(const struct seen *s, unsigned hints, struct seen_type *t)
{
    uint64_t real = s->rows - s->empty - words_of(s);
    uint64_t bad = real - s->numbers[MARK_POINT];
    if ((hints & NAME_TIME) == 0 || (hints & (NAME_CODE | NAME_MONEY | NAME_QUANTITY)) != 0 ||
        s->serials == 0 || s->serials != s->numbers[MARK_POINT] || !is_tolerable(bad, real))
        return false;
    t->type = s->part_serials > 0 ? "timestamptz" : "date";
    t->formats[t->nformats++] = "excel";
    t->needs_zone = s->part_serials > 0;
    t->note = message_text("numbers that are days as spreadsheets count them, by the header: "
                           "a number type if they are none, excel_1904 of old Macs");
    t->is_time = true;
    t->lost = bad;
    t->lost_lines = s->not_number[MARK_POINT].lines;
    take_words(s, t);
    return true;
}

/* ---- text ------------------------------------------------------------------------------- */

/* Why what may look like a number stays text; NULL: it need not. */
static const char *why_text(const struct seen *s, unsigned hints, struct arena *arena)
{
    uint64_t real = s->rows - s->empty - words_of(s);
    uint64_t numbers = s->numbers[0] > s->numbers[1] ? s->numbers[0] : s->numbers[1];
    if (real == 0)
        return s->rows == 0 ? "" : message_text("empty in every row that was looked at");
    if (s->scientific.count > 0 && is_tolerable(real - numbers - s->scientific.count, real))
        return arena_printf(arena,
                            message_text("WARNING: scientific notation, first in line %" PRIu64
                                         ": a spreadsheet may have damaged it"),
                            s->scientific.lines[0]);
    if (s->zero_led.count > 0 && numbers > 0 && s->times < real)
        return arena_printf(arena, message_text("a code: leading zero in line %" PRIu64),
                            s->zero_led.lines[0]);
    if (s->long_digits.count > 0)
        return arena_printf(
            arena, message_text("more digits than a number has (line %" PRIu64 "): an identifier"),
            s->long_digits.lines[0]);
    if (s->phones == real && real > 0)
        return message_text("eleven digits: phone numbers");
    if ((hints & NAME_CODE) != 0 && numbers > 0)
        return message_text("a code by its name");
    if (numbers == real && s->length_min == s->length_max && s->length_min >= 10 &&
        s->fraction_digits[0] == 0)
        return message_text("all of one length: an identifier");
    return NULL;
}

static const char *text_note(const struct seen *s, struct arena *arena)
{
    uint64_t real = s->rows - s->empty - words_of(s);
    if (s->with_unit * 2 > real && real > 0)
        return message_text(
            "amounts with their unit in the text: a number with  units: { 箱: 12, none: 1 }");
    if (s->times * 2 > real)
        return arena_printf(
            arena, message_text("dates, but %" PRIu64 " values are none (line %" PRIu64 ")"),
            s->not_time.count, s->not_time.lines[0]);
    if (s->numbers[0] * 2 > real)
        return arena_printf(
            arena, message_text("numbers, but %" PRIu64 " values are none (line %" PRIu64 ")"),
            s->not_number[0].count, s->not_number[0].lines[0]);
    return NULL;
}

static void decide_text(const struct seen *s, struct arena *arena, struct seen_type *t)
{
    uint64_t real = s->rows - s->empty - words_of(s);
    t->type = "text";
    if (real > 0 && s->bools == real) {
        t->type = "bool";
        take_words(s, t);
    } else if (real > 0 && s->uuids == real && s->padded.count == 0) {
        t->type = "uuid";
        take_words(s, t);
    } else {
        t->note = text_note(s, arena);
    }
}

struct seen_type seen_decide(const struct seen *s, const char *header, int mark,
                             struct arena *arena)
{
    struct seen_type t = {0};
    unsigned hints = name_hints(header);
    const char *why = why_text(s, hints, arena);
    bool is_date = (why == NULL || (hints & NAME_CODE) == 0) && s->scientific.count == 0;
    if (is_date && s->times > 0 && decide_time(s, hints, arena, &t))
        return t;
    if (why != NULL)
        return (struct seen_type){.type = "text", .note = why[0] != '\0' ? why : NULL};
    if (!decide_serial(s, hints, &t) && !decide_number(s, hints, mark, arena, &t))
        decide_text(s, arena, &t);
    return t;
}
