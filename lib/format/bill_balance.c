/* Whether the balances of a flow follow each other. Rows of one second may stand in any order among
 * themselves, and a file may begin with its oldest or its newest: so seconds are chained, each
 * being left with the balance that it was entered with and all its changes. WeChat's do follow each
 * other; Alipay says that its own need not, so there it is only told. */
#include "format/bill_internal.h"
#include <stdlib.h>

#define SECOND_ROWS_MAX ((size_t)1 << 20)

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool has_balance(const struct bill_balance *g, int64_t balance)
{
    for (size_t i = 0; i < g->count; i++) {
        if (g->balances[i] == balance)
            return true;
    }
    return false;
}

/* What the first second was entered with: before one of its rows, so that another ends it. */
static bool find_start(struct bill_balance *g, int64_t *ret)
{
    size_t bytes = g->count * sizeof *g->balances;
    AUTOFREE int64_t *sorted = mem_alloc(bytes);
    memcpy(sorted, g->balances, bytes);
    qsort(sorted, g->count, sizeof *sorted, by_value);
    for (size_t i = 0; i < g->count; i++) {
        const int64_t start = g->balances[i] - g->changes[i], end = start + g->sum;
        if (bsearch(&end, sorted, g->count, sizeof end, by_value) != NULL) {
            *ret = start;
            return true;
        }
    }
    *ret = g->balances[0] - g->changes[0];
    return false;
}

static int broken(struct bill *b, int64_t expected, int64_t found, struct error *err)
{
    char texts[2][DECIMAL_TEXT_MAX];
    struct bill at = *b;
    at.line.number = b->balance.line;
    b->info.balance_breaks++;
    if (b->info.channel != BILL_WECHAT)
        return 0;
    bill_amount_text(expected * BILL_FEE_PER_FEN, texts[0]);
    bill_amount_text(found * BILL_FEE_PER_FEN, texts[1]);
    return bill_fault(&at, err, "the balance does not continue: expected %s, found %s", texts[0],
                      texts[1]);
}

static int first_second(struct bill *b, struct error *err)
{
    struct bill_balance *g = &b->balance;
    bool is_sound = find_start(g, &g->start);
    g->end = g->start + g->sum;
    g->has_start = true;
    return is_sound ? 0 : broken(b, g->end, g->balances[g->count - 1], err);
}

/* All rows of a second are there. */
static int second_end(struct bill *b, struct error *err)
{
    struct bill_balance *g = &b->balance;
    if (g->is_unordered)
        return 0;
    if (!g->has_start)
        return first_second(b, err);
    const bool rises = g->direction > 0;
    const int64_t end = rises ? g->end + g->sum : g->start;
    const int64_t found = g->balances[rises ? g->count - 1 : 0];
    const bool is_sound = has_balance(g, end);
    if (!is_sound)
        TRY(broken(b, end, found, err));
    if (rises)
        g->end = is_sound ? end : found;
    else
        g->start = (is_sound ? end : found) - g->sum;
    return 0;
}

static int turn(struct bill *b, const struct bill_row *row, struct error *err)
{
    struct bill_balance *g = &b->balance;
    int direction = row->time_us > g->time_us ? 1 : -1;
    TRY(second_end(b, err));
    g->is_unordered |= g->direction != 0 && g->direction != direction;
    g->direction = direction;
    g->count = 0;
    g->sum = 0;
    return 0;
}

int bill_balance_add(struct bill *b, const struct bill_row *row, struct error *err)
{
    struct bill_balance *g = &b->balance;
    const int64_t change = row->kind == BILL_INCOME ? row->amount_fen : -row->amount_fen;
    if (g->count > 0 && row->time_us != g->time_us)
        TRY(turn(b, row, err));
    g->is_unordered |= g->count == SECOND_ROWS_MAX;
    if (g->is_unordered)
        g->count = 0;
    g->balances = mem_grow(g->balances, &g->balances_capacity, g->count + 1, sizeof *g->balances);
    g->changes = mem_grow(g->changes, &g->changes_capacity, g->count + 1, sizeof *g->changes);
    g->balances[g->count] = row->balance_fen;
    g->changes[g->count++] = change;
    g->sum += change;
    g->time_us = row->time_us;
    g->line = row->line;
    return 0;
}

int bill_balance_end(struct bill *b, struct error *err)
{
    struct bill_balance *g = &b->balance;
    if (g->count == 0)
        return 0;
    TRY(second_end(b, err));
    b->info.has_balances = !g->is_unordered;
    b->info.opening_fen = g->start;
    b->info.closing_fen = g->end;
    return 0;
}

void bill_balance_release(struct bill_balance *g)
{
    free(g->balances);
    free(g->changes);
}
