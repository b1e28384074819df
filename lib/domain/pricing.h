/* lib/domain/pricing.h - what campaigns take off a basket: the one calculation, without a database.
 *
 * Campaigns are applied one after the other, those of higher priority first, then by id; each
 * counts on what the ones before it have left of its lines. Of an exclusive group one is applied:
 * the first by priority, and where that ties the one that gives most. What a campaign gives is
 * rounded to fen once, half up, over all its lines, and shared out over them by largest remainder,
 * so that the lines' shares sum to it exactly; the order of the lines does not matter. No line and
 * no order goes below zero. A campaign whose budget has not all of what it would give gives
 * nothing. */
#ifndef DINER_DOMAIN_PRICING_H
#define DINER_DOMAIN_PRICING_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include <stdbool.h>
#include <stdint.h>

/* ---- the terms of a campaign -------------------------------------------------------------- */

#define PRICING_WORDS_MAX    200
#define PRICING_TIERS_MAX    10
#define PRICING_DAYPARTS_MAX 10
#define PRICING_FEN_MAX      999999999999 /* 9,999,999,999.99 */

enum pricing_kind { PRICING_NO_KIND, PRICING_PERCENT, PRICING_AMOUNT, PRICING_THRESHOLD };

struct pricing_words {
    const char **items;
    size_t count; /* 0: any */
};
struct pricing_tier { /* from so much, so much off */
    int64_t from_fen, off_fen;
};
struct pricing_daypart { /* local minutes of the day, until not included; may pass midnight */
    int from_min, until_min;
};
struct pricing_terms {
    const char *code, *name;
    const char *group; /* exclusive group, or NULL */
    enum pricing_kind kind;
    int64_t percent_bp; /* hundredths of a percent taken off: 1 to 10000 */
    int64_t amount_fen;
    struct pricing_tier tiers[PRICING_TIERS_MAX]; /* rising */
    size_t tier_count;
    bool is_each;    /* amount: off every unit; threshold: for every full `from` of its one tier */
    int64_t min_fen; /* its lines must come to that much; 0: any */
    int64_t max_fen; /* at most that much off an order; 0: any */
    struct pricing_words products, categories; /* lines of either; neither given: all lines */
    const char *starts_on, *ends_on;           /* business days YYYY-MM-DD, included; or NULL */
    unsigned weekdays;                         /* of the business day, bit 0 Monday; 0: any */
    struct pricing_daypart dayparts[PRICING_DAYPARTS_MAX];
    size_t daypart_count; /* 0: any time */
    struct pricing_words stores, channels, levels;
    int64_t per_member; /* orders of one member; 0: any, and guests who are none */
    bool needs_coupon;
    int64_t priority;
    int64_t budget_fen; /* 0: none */
};

/* What is wrong with terms: a field and what it should be. */
#define PRICING_PROBLEMS_MAX 32
struct pricing_problems {
    struct {
        const char *field, *message;
    } items[PRICING_PROBLEMS_MAX];
    size_t count; /* the first PRICING_PROBLEMS_MAX are kept */
};
/* Of a JSON object, which is well-formed. All that is wrong with it is told, in the order of its
 * members and then of the rules. Texts live in the arena. */
void pricing_terms_read(struct span json, struct arena *arena, struct pricing_terms *ret,
                        struct pricing_problems *problems);
/* As a JSON object with every member; amounts are decimal strings. It reads back the same. */
void pricing_terms_write(const struct pricing_terms *terms, struct strbuf *out);

#define PRICING_FEN_TEXT 24
const char *pricing_fen_print(int64_t fen, char ret[PRICING_FEN_TEXT]); /* "12.30" */

/* ---- a basket and its price --------------------------------------------------------------- */

struct pricing_line {
    int line_no;
    const char *product, *category;
    int64_t quantity_milli, amount_fen; /* not negative */
};
struct pricing_basket {
    const char *store, *channel;
    const char *level;         /* of the member who orders, or NULL */
    const char *business_date; /* YYYY-MM-DD, in the store */
    int weekday;               /* of the business date: 1 Monday to 7 Sunday */
    int minute;                /* local, of the day */
    const struct pricing_line *lines;
    size_t line_count;
};

/* Why a campaign was applied or not: X(name, what it means). The name is for programs. */
#define PRICING_WHYS(X)                                                                            \
    X(applied, "applied")                                                                          \
    X(not_started, "it has not begun")                                                             \
    X(ended, "it is over")                                                                         \
    X(weekday, "not on this day of the week")                                                      \
    X(daypart, "not at this time of the day")                                                      \
    X(store, "not in this store")                                                                  \
    X(channel, "not for this channel")                                                             \
    X(level, "not for this guest's member level")                                                  \
    X(no_member, "only for members, and the order names none")                                     \
    X(member_limit, "this member has had it as often as it is given")                              \
    X(coupon, "it needs a coupon")                                                                 \
    X(products, "nothing of what it is for is in the basket")                                      \
    X(minimum, "what it is for does not come to enough")                                           \
    X(group, "another campaign of its group comes first or gives more")                            \
    X(budget, "its budget has not that much left")                                                 \
    X(nothing_left, "nothing is left to take off")
enum pricing_why {
#define PRICING_WHY(name, text) PRICING_WHY_##name,
    PRICING_WHYS(PRICING_WHY)
#undef PRICING_WHY
};
const char *pricing_why_name(enum pricing_why why);
const char *pricing_why_text(enum pricing_why why);

struct pricing_campaign {
    int64_t id;
    const struct pricing_terms *terms;
    const char *coupon; /* the one that was shown for it, or NULL */
    bool is_ended;      /* by somebody, whatever its terms say */
    int64_t rest_fen;   /* of its budget; -1: it has none */
    int64_t
        member_orders; /* that have it already, where there is a limit; -1: there is no member */
    /* What comes of it. */
    enum pricing_why why;
    int64_t off_fen;
    int64_t *line_off_fen; /* one for each line of the basket; NULL: not applied */
};
/* Whether the campaign is one for this basket, whatever else is applied: applied, or why not. */
enum pricing_why pricing_eligible(const struct pricing_basket *basket,
                                  const struct pricing_campaign *campaign);
/* Fills what comes of each campaign, and gives the sum of what they take off. */
int64_t pricing_apply(const struct pricing_basket *basket, struct pricing_campaign *campaigns,
                      size_t count, struct arena *arena);

#endif
