/* lib/domain/pricing.c - what campaigns take off a basket. */
#include "domain/pricing.h"
#include <stdlib.h>
#include <string.h>

const char *pricing_why_name(enum pricing_why why)
{
    static const char *const names[] = {
#define PRICING_WHY(name, text) #name,
        PRICING_WHYS(PRICING_WHY)
#undef PRICING_WHY
    };
    return names[why];
}

const char *pricing_why_text(enum pricing_why why)
{
    static const char *const texts[] = {
#define PRICING_WHY(name, text) text,
        PRICING_WHYS(PRICING_WHY)
#undef PRICING_WHY
    };
    return texts[why];
}

/* ---- whether it is one for this basket ---------------------------------------------------- */

static bool has_word(const struct pricing_words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++)
        if (word != NULL && strcmp(words->items[i], word) == 0)
            return true;
    return false;
}

static bool lets_through(const struct pricing_words *words, const char *word)
{
    return words->count == 0 || has_word(words, word);
}

static bool is_in(const struct pricing_terms *t, const struct pricing_line *line)
{
    return (t->products.count == 0 && t->categories.count == 0) ||
           has_word(&t->products, line->product) || has_word(&t->categories, line->category);
}

static bool is_at(const struct pricing_terms *t, int minute)
{
    for (size_t i = 0; i < t->daypart_count; i++) {
        int from = t->dayparts[i].from_min, until = t->dayparts[i].until_min;
        if (from < until ? minute >= from && minute < until : minute >= from || minute < until)
            return true;
    }
    return t->daypart_count == 0;
}

static bool has_line(const struct pricing_terms *t, const struct pricing_basket *b)
{
    for (size_t i = 0; i < b->line_count; i++)
        if (is_in(t, &b->lines[i]))
            return true;
    return false;
}

static enum pricing_why member_why(const struct pricing_campaign *c)
{
    if (c->terms->per_member == 0)
        return PRICING_WHY_applied;
    if (c->member_orders < 0)
        return PRICING_WHY_no_member;
    return c->member_orders < c->terms->per_member ? PRICING_WHY_applied : PRICING_WHY_member_limit;
}

enum pricing_why pricing_eligible(const struct pricing_basket *b, const struct pricing_campaign *c)
{
    const struct pricing_terms *t = c->terms;
    if (c->is_ended || (t->ends_on != NULL && strcmp(b->business_date, t->ends_on) > 0))
        return PRICING_WHY_ended;
    if (t->starts_on != NULL && strcmp(b->business_date, t->starts_on) < 0)
        return PRICING_WHY_not_started;
    if (t->weekdays != 0 && (t->weekdays & 1U << (b->weekday - 1)) == 0)
        return PRICING_WHY_weekday;
    if (!is_at(t, b->minute))
        return PRICING_WHY_daypart;
    if (!lets_through(&t->stores, b->store))
        return PRICING_WHY_store;
    if (!lets_through(&t->channels, b->channel))
        return PRICING_WHY_channel;
    if (!lets_through(&t->levels, b->level))
        return PRICING_WHY_level;
    if (t->needs_coupon && c->coupon == NULL)
        return PRICING_WHY_coupon;
    if (member_why(c) != PRICING_WHY_applied)
        return member_why(c);
    return has_line(t, b) ? PRICING_WHY_applied : PRICING_WHY_products;
}

/* ---- what it would give ------------------------------------------------------------------- */

/* The basket as far as it is priced. */
struct pricing {
    const struct pricing_basket *basket;
    int64_t *net_fen; /* of each line */
    struct pricing_campaign *campaigns;
    size_t count;
    bool *is_decided;
    struct arena *arena;
};
/* off: how much, to be shared out over the lines in proportion to the weights, which are the most
 * that each can take. */
struct offer {
    enum pricing_why why;
    int64_t off_fen, weight_fen;
    int64_t *weights_fen;
};

static int64_t half_up(__int128 numerator, int64_t denominator)
{
    return (int64_t)((numerator * 2 + denominator) / ((__int128)denominator * 2));
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t off_by_tiers(const struct pricing_terms *t, int64_t base_fen)
{
    int64_t off = 0;
    for (size_t i = 0; i < t->tier_count && t->tiers[i].from_fen <= base_fen; i++)
        off = t->tiers[i].off_fen * (t->is_each ? base_fen / t->tiers[i].from_fen : 1);
    return off;
}

/* What a line can take of the campaign: so much for every unit, else all that is left of it. */
static int64_t weight_of(const struct pricing_terms *t, const struct pricing_line *line,
                         int64_t net_fen)
{
    if (!is_in(t, line))
        return 0;
    if (t->kind != PRICING_AMOUNT || !t->is_each)
        return net_fen;
    return least(half_up((__int128)t->amount_fen * line->quantity_milli, 1000), net_fen);
}

static int64_t off_by_kind(const struct pricing_terms *t, int64_t base_fen, int64_t weight_fen)
{
    switch (t->kind) {
    case PRICING_PERCENT: return half_up((__int128)base_fen * t->percent_bp, 10000);
    case PRICING_AMOUNT: return t->is_each ? weight_fen : least(t->amount_fen, base_fen);
    case PRICING_THRESHOLD: return least(off_by_tiers(t, base_fen), base_fen);
    case PRICING_NO_KIND: break;
    }
    return 0;
}

static struct offer offer_of(const struct pricing *p, const struct pricing_campaign *c)
{
    const struct pricing_terms *t = c->terms;
    const struct pricing_basket *b = p->basket;
    struct offer o = {.why = c->why,
                      .weights_fen = arena_array(p->arena, b->line_count, sizeof(int64_t))};
    int64_t base_fen = 0;
    if (o.why != PRICING_WHY_applied)
        return o;
    for (size_t i = 0; i < b->line_count; i++) {
        base_fen += is_in(t, &b->lines[i]) ? p->net_fen[i] : 0;
        o.weights_fen[i] = weight_of(t, &b->lines[i], p->net_fen[i]);
        o.weight_fen += o.weights_fen[i];
    }
    o.off_fen = off_by_kind(t, base_fen, o.weight_fen);
    if (t->max_fen > 0)
        o.off_fen = least(o.off_fen, t->max_fen);
    if (base_fen == 0)
        o.why = PRICING_WHY_nothing_left;
    else if (base_fen < t->min_fen || (t->kind == PRICING_THRESHOLD && o.off_fen == 0))
        o.why = PRICING_WHY_minimum;
    else if (o.off_fen == 0)
        o.why = PRICING_WHY_nothing_left;
    else if (c->rest_fen >= 0 && o.off_fen > c->rest_fen)
        o.why = PRICING_WHY_budget;
    return o;
}

/* ---- sharing it out ----------------------------------------------------------------------- */

struct share {
    size_t at;
    const struct pricing_line *line;
    int64_t weight_fen, remainder;
};

/* The largest remainder first; what ties is told apart by what the lines are, not where. */
static int compare_shares(const void *x, const void *y)
{
    const struct share *a = x, *b = y;
    if (a->remainder != b->remainder)
        return a->remainder > b->remainder ? -1 : 1;
    if (a->weight_fen != b->weight_fen)
        return a->weight_fen > b->weight_fen ? -1 : 1;
    if (a->line->amount_fen != b->line->amount_fen)
        return a->line->amount_fen > b->line->amount_fen ? -1 : 1;
    if (a->line->quantity_milli != b->line->quantity_milli)
        return a->line->quantity_milli > b->line->quantity_milli ? -1 : 1;
    int by_product = strcmp(a->line->product, b->line->product);
    if (by_product != 0)
        return by_product;
    return a->line->line_no - b->line->line_no;
}

static void share_out(const struct pricing *p, const struct offer *o, int64_t *line_off_fen)
{
    size_t n = p->basket->line_count;
    struct share *shares = arena_array(p->arena, n, sizeof *shares);
    int64_t left = o->off_fen;
    for (size_t i = 0; i < n; i++) {
        __int128 product = (__int128)o->off_fen * o->weights_fen[i];
        line_off_fen[i] = (int64_t)(product / o->weight_fen);
        left -= line_off_fen[i];
        shares[i] = (struct share){.at = i,
                                   .line = &p->basket->lines[i],
                                   .weight_fen = o->weights_fen[i],
                                   .remainder = (int64_t)(product % o->weight_fen)};
    }
    qsort(shares, n, sizeof *shares, compare_shares);
    /* Fewer fen are left than lines have a remainder, and those can take one more. */
    for (size_t i = 0; left > 0; i++, left--)
        line_off_fen[shares[i].at]++;
}

/* ---- one after the other ------------------------------------------------------------------ */

static void take(struct pricing *p, struct pricing_campaign *c, const struct offer *o)
{
    size_t n = p->basket->line_count;
    c->off_fen = o->off_fen;
    c->line_off_fen = arena_array(p->arena, n, sizeof *c->line_off_fen);
    share_out(p, o, c->line_off_fen);
    for (size_t i = 0; i < n; i++)
        p->net_fen[i] -= c->line_off_fen[i];
}

static bool is_same_group(const struct pricing_campaign *a, const struct pricing_campaign *b)
{
    return a->terms->group != NULL && b->terms->group != NULL &&
           strcmp(a->terms->group, b->terms->group) == 0;
}

static bool is_group_taken(const struct pricing *p, const struct pricing_campaign *c)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->campaigns[i].line_off_fen != NULL && is_same_group(&p->campaigns[i], c))
            return true;
    return false;
}

/* The next by priority, then id. */
static struct pricing_campaign *next_of(const struct pricing *p)
{
    struct pricing_campaign *next = NULL;
    for (size_t i = 0; i < p->count; i++) {
        struct pricing_campaign *c = &p->campaigns[i];
        if (p->is_decided[i])
            continue;
        if (next == NULL || c->terms->priority > next->terms->priority ||
            (c->terms->priority == next->terms->priority && c->id < next->id))
            next = c;
    }
    return next;
}

/* The campaign and those of its group with its priority: the one that gives most is applied. */
static void decide(struct pricing *p, struct pricing_campaign *first)
{
    struct pricing_campaign *best = NULL;
    struct offer best_offer = {0};
    bool is_taken = is_group_taken(p, first);
    for (size_t i = 0; i < p->count; i++) {
        struct pricing_campaign *c = &p->campaigns[i];
        bool is_rival = !p->is_decided[i] && is_same_group(c, first) &&
                        c->terms->priority == first->terms->priority;
        if (c != first && !is_rival)
            continue;
        p->is_decided[i] = true;
        struct offer o = offer_of(p, c);
        c->why = o.why == PRICING_WHY_applied ? PRICING_WHY_group : o.why;
        if (o.why != PRICING_WHY_applied || is_taken)
            continue;
        bool is_better = best == NULL || o.off_fen > best_offer.off_fen ||
                         (o.off_fen == best_offer.off_fen && c->id < best->id);
        if (is_better) {
            best = c;
            best_offer = o;
        }
    }
    if (best == NULL)
        return;
    best->why = PRICING_WHY_applied;
    take(p, best, &best_offer);
}

int64_t pricing_apply(const struct pricing_basket *basket, struct pricing_campaign *campaigns,
                      size_t count, struct arena *arena)
{
    struct pricing p = {.basket = basket,
                        .net_fen = arena_array(arena, basket->line_count, sizeof(int64_t)),
                        .campaigns = campaigns,
                        .count = count,
                        .is_decided = arena_array(arena, count, sizeof(bool)),
                        .arena = arena};
    int64_t off_fen = 0;
    for (size_t i = 0; i < basket->line_count; i++)
        p.net_fen[i] = basket->lines[i].amount_fen;
    for (size_t i = 0; i < count; i++) {
        campaigns[i].off_fen = 0;
        campaigns[i].line_off_fen = NULL;
        campaigns[i].why = pricing_eligible(basket, &campaigns[i]);
    }
    for (struct pricing_campaign *c; (c = next_of(&p)) != NULL;)
        decide(&p, c);
    for (size_t i = 0; i < count; i++)
        off_fen += campaigns[i].off_fen;
    return off_fen;
}
