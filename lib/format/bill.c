/* What bills have in common: lines, columns by name, amounts, times, totals. */
#include "format/bill_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one amount may be, 10 billion yuan; and any sum, in fen and so in 1e-5 yuan too. */
#define NUMBER_MAX_E5 ((int64_t)10000000000 * BILL_E5)
#define SHOWN_MAX     ((size_t)40)
#define SUM_MAX       (INT64_MAX / (2 * BILL_FEE_PER_FEN))

const char *const bill_channels[] = {"wechat", "alipay", NULL};
const char *const bill_layouts[] = {"trade", "flow", NULL};
const char *const bill_kinds[] = {"payment", "refund", "income", "expense", NULL};
const char *const bill_states[] = {"done", "processing", "failed", "other", NULL};

/* ---- texts --------------------------------------------------------------------------------- */

static bool is_padding(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span bill_trim(struct span text)
{
    while (text.len > 0 && is_padding(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && is_padding(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

bool bill_begins(struct span text, const char *with)
{
    size_t n = strlen(with);
    return text.len >= n && memcmp(text.ptr, with, n) == 0;
}

const char *bill_find(struct span text, const char *what)
{
    return memmem(text.ptr, text.len, what, strlen(what));
}

struct span bill_column_text(struct span text, char *buffer, size_t size)
{
    size_t n = 0;
    text = bill_trim(text);
    if (text.len > 0 && text.ptr[0] == '`')
        text = (struct span){text.ptr + 1, text.len - 1};
    for (size_t i = 0; i < text.len && n < size; n++) {
        struct span rest = {text.ptr + i, text.len - i};
        bool opens = bill_begins(rest, "（"), closes = bill_begins(rest, "）");
        buffer[n] = opens ? '(' : closes ? ')' : text.ptr[i];
        i += opens || closes ? strlen("（") : 1;
    }
    return (struct span){buffer, n};
}

/* Digits, at most one point, a sign: what bills are full of, at the scale that all of them have. */
bool bill_number(struct span text, int64_t *ret_e5)
{
    size_t i = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+') ? 1 : 0;
    int64_t value = 0;
    size_t digits = 0;
    for (; i < text.len && (unsigned char)(text.ptr[i] - '0') < 10; i++, digits++) {
        value = value * 10 + (text.ptr[i] - '0');
        if (value > NUMBER_MAX_E5 / BILL_E5)
            return false;
    }
    value *= BILL_E5;
    if (i < text.len && text.ptr[i] == '.') {
        int64_t unit = BILL_E5 / 10;
        for (i++; i < text.len && (unsigned char)(text.ptr[i] - '0') < 10; i++, digits++) {
            if (unit == 0 && text.ptr[i] != '0')
                return false;
            value += unit * (text.ptr[i] - '0');
            unit /= 10;
        }
    }
    if (digits == 0 || i < text.len)
        return false;
    *ret_e5 = text.ptr[0] == '-' ? -value : value;
    return true;
}

void bill_amount_text(int64_t e5, char ret[DECIMAL_TEXT_MAX])
{
    const struct decimal exact = decimal_from_int(e5, 5);
    struct decimal shown = exact;
    (void)decimal_rescale(&exact, 2, &shown);
    decimal_print(&shown, ret);
}

/* ---- lines --------------------------------------------------------------------------------- */

int bill_fault(const struct bill *b, struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_setv(err, ERR_DATA, format, args);
    va_end(args);
    return error_context(err, "%s:%llu", b->name, (unsigned long long)b->line.number);
}

static int line_read(struct bill *b, bool *ret_end, struct error *err)
{
    if (b->at_end) {
        *ret_end = true;
        return 0;
    }
    TRY(linesio_next(b->lines, &b->line, &b->at_end, err));
    *ret_end = b->at_end;
    if (b->at_end || b->line.fault == NULL)
        return 0;
    bill_fault(b, err, "bytes %s are not %s", b->line.fault->hex, linesio_encoding(b->lines)->name);
    return error_hint(err, "the file is damaged: fetch it again");
}

int bill_line(struct bill *b, struct span *ret, bool *ret_end, struct error *err)
{
    for (;;) {
        TRY(line_read(b, ret_end, err));
        if (*ret_end)
            return 0;
        struct span text = b->line.text;
        while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
            text.len--;
        *ret = text;
        if (bill_trim(text).len > 0)
            return 0;
    }
}

/* ---- columns ------------------------------------------------------------------------------- */

static enum bill_column column_named(struct span name, const struct bill_column_name *names)
{
    for (; names->name != NULL; names++) {
        if (span_equal(name, span_of(names->name)))
            return names->column;
    }
    return COL_COUNT;
}

static int column_add(struct bill *b, struct span name, const struct bill_column_name *names,
                      struct error *err)
{
    enum bill_column column = column_named(name, names);
    if (b->ncolumns == BILL_COLUMNS_MAX)
        return bill_fault(b, err, "more than %d columns", BILL_COLUMNS_MAX);
    if (column == COL_COUNT) {
        strbuf_addf(&b->unknown, "%s%.*s", b->unknown.len > 0 ? ", " : "", (int)name.len, name.ptr);
        column = COL_KNOWN;
    } else if (column != COL_KNOWN && b->place[column] >= 0) {
        return bill_fault(b, err, "column '%.*s' stands there twice", (int)name.len, name.ptr);
    }
    b->place[column] = (int)b->ncolumns;
    b->columns[b->ncolumns++] = column;
    return 0;
}

int bill_header(struct bill *b, struct span line, const struct bill_column_name *names,
                struct error *err)
{
    char buffer[128];
    for (size_t i = 0; i < COL_COUNT; i++)
        b->place[i] = -1;
    b->ncolumns = 0;
    for (;;) {
        const char *comma = memchr(line.ptr, ',', line.len);
        size_t n = comma ? (size_t)(comma - line.ptr) : line.len;
        struct span name = bill_column_text((struct span){line.ptr, n}, buffer, sizeof buffer);
        TRY(column_add(b, name, names, err));
        if (comma == NULL)
            break;
        line = (struct span){comma + 1, line.len - n - 1};
    }
    b->place[COL_KNOWN] = -1;
    b->info.unknown_columns = b->unknown.data;
    return 0;
}

int bill_require(const struct bill *b, const enum bill_column *columns, size_t n,
                 const struct bill_column_name *names, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct bill_column_name *name = names;
        while (name->column != columns[i])
            name++;
        if (b->place[columns[i]] >= 0)
            continue;
        bill_fault(b, err, "the header has no column '%s'", name->name);
        return error_hint(err, "is it a bill as the channel made it? other columns than these are "
                               "not read");
    }
    return 0;
}

struct span bill_value(const struct bill *b, enum bill_column column)
{
    int place = b->place[column];
    return place >= 0 && (size_t)place < b->nvalues ? b->values[place] : SPAN("");
}

/* ---- amounts and times --------------------------------------------------------------------- */

/* Where cells have moved, a payer may stand in the place of an amount: only figures are shown. */
static struct span shown(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("0123456789+-.,:/ eE", text.ptr[i]) == NULL)
            return SPAN("****");
    }
    return (struct span){text.ptr, text.len < SHOWN_MAX ? text.len : SHOWN_MAX};
}

int bill_money(const struct bill *b, struct span text, const char *what, int64_t *ret_e5,
               struct error *err)
{
    if (bill_number(text, ret_e5))
        return 0;
    text = shown(text);
    return bill_fault(b, err, "%s: '%.*s' is no amount", what, (int)text.len, text.ptr);
}

int bill_sum(const struct bill *b, int64_t *sum, int64_t value, struct error *err)
{
    int64_t total;
    if (__builtin_add_overflow(*sum, value, &total) || total > SUM_MAX || total < -SUM_MAX)
        return bill_fault(b, err, "the sum of amounts is beyond all bounds");
    *sum = total;
    return 0;
}

int bill_row_money(struct bill *b, struct error *err)
{
    char name[24];
    for (size_t i = 0; i < COL_MONEY_COUNT; i++) {
        b->row_money[i] = 0;
        if (b->place[i] < 0)
            continue;
        struct span text = b->values[b->place[i]];
        if (!bill_number(text, &b->row_money[i])) {
            snprintf(name, sizeof name, "column %d", b->place[i] + 1);
            TRY(bill_money(b, bill_trim(text), name, &b->row_money[i], err));
        }
        TRY(bill_sum(b, &b->sums[i], b->row_money[i], err));
    }
    return 0;
}

int bill_fen(const struct bill *b, int64_t e5, int64_t *ret_fen, struct error *err)
{
    if (e5 % BILL_FEE_PER_FEN != 0)
        return bill_fault(b, err, "an amount has parts of a fen");
    *ret_fen = e5 / BILL_FEE_PER_FEN;
    return 0;
}

int bill_time(struct bill *b, struct span text, int64_t *ret_us, struct error *err)
{
    struct datetime t;
    text = bill_trim(text);
    if (!datetime_parse_iso(text.ptr, text.len, &t)) {
        /* Some old bills have full-width colons. */
        strbuf_clear(&b->time_text);
        for (size_t i = 0; i < text.len && b->time_text.len < DATETIME_ISO_MAX; i++) {
            bool colon = bill_begins((struct span){text.ptr + i, text.len - i}, "：");
            strbuf_addch(&b->time_text, colon ? ':' : text.ptr[i]);
            i += colon ? strlen("：") - 1 : 0;
        }
        if (!datetime_parse_iso(b->time_text.data, b->time_text.len, &t)) {
            text = shown(text);
            return bill_fault(b, err, "'%.*s' is no time", (int)text.len, text.ptr);
        }
    }
    if (!t.has_time || t.has_zone)
        return bill_fault(b, err, "'%.*s' is no local time", (int)text.len, text.ptr);
    int32_t day = (int32_t)((t.us - (t.us < 0 ? 86400000000 - 1 : 0)) / 86400000000);
    if (!b->has_period) {
        b->info.first_day = b->info.has_dates && b->info.first_day < day ? b->info.first_day : day;
        b->info.last_day = b->info.has_dates && b->info.last_day > day ? b->info.last_day : day;
        b->info.has_dates = true;
    }
    *ret_us = zone_local_to_utc(b->zone, t.us);
    return 0;
}

/* ---- totals -------------------------------------------------------------------------------- */

int bill_count(struct bill *b, const struct bill_row *row, struct error *err)
{
    struct bill_totals *t = &b->info.totals;
    uint64_t *const counts[] = {&t->payments, &t->refunds, &t->incomes, &t->expenses};
    int64_t *const amounts[] = {&t->payment_fen, &t->refund_fen, &t->income_fen, &t->expense_fen};
    int64_t *const settled[] = {&t->payment_settled_fen, &t->refund_settled_fen};
    t->rows++;
    ++*counts[row->kind];
    TRY(bill_sum(b, amounts[row->kind], row->amount_fen, err));
    if (b->info.layout == BILL_FLOW)
        return bill_balance_add(b, row, err);
    TRY(bill_sum(b, settled[row->kind], row->settled_fen, err));
    return bill_sum(b, &t->fee_e5, row->fee_e5, err);
}

int bill_agree(const struct bill *b, const char *what, int64_t said_e5, int64_t counted_e5,
               struct error *err)
{
    char said[DECIMAL_TEXT_MAX], counted[DECIMAL_TEXT_MAX];
    if (said_e5 == counted_e5)
        return 0;
    bill_amount_text(said_e5, said);
    bill_amount_text(counted_e5, counted);
    bill_fault(b, err, "%s: the file says %s, its rows are %s", what, said, counted);
    return error_hint(err, "the file is cut, changed or incomplete: fetch it again");
}

int bill_agree_count(const struct bill *b, const char *what, int64_t said_e5, uint64_t counted,
                     struct error *err)
{
    if (said_e5 % BILL_E5 == 0 && said_e5 / BILL_E5 == (int64_t)counted)
        return 0;
    bill_fault(b, err, "%s: the file says %lld, its rows are %llu", what,
               (long long)(said_e5 / BILL_E5), (unsigned long long)counted);
    return error_hint(err, "the file is cut, changed or incomplete: fetch it again");
}
