/* lib/domain/seed_draw.c - where, when and how an order was made, and what became of it. */
#include "domain/seed_internal.h"
#include <math.h>
#include <stdio.h>

#define MINUTE_US (60 * INT64_C(1000000))
#define HOUR_US   (60 * MINUTE_US)

/* ---- drawing ------------------------------------------------------------------------------ */

static uint32_t rotated(uint32_t x, int bits)
{
    return x << bits | x >> (32 - bits);
}

/* Bob Jenkins' lookup3 for one word and a seed, as hashint8extended of PostgreSQL has it: the
 * catalogue is drawn there, with the same numbers. Source: src/common/hashfn.c. */
static uint64_t hash(int64_t number, uint64_t seed)
{
    uint32_t high = (uint32_t)((uint64_t)number >> 32);
    uint32_t word = (uint32_t)number ^ (number >= 0 ? high : ~high);
    uint32_t a = 0x9e3779b9 + (uint32_t)sizeof word + 3923095, b = a, c = a;
    if (seed != 0) {
        a += (uint32_t)(seed >> 32);
        b += (uint32_t)seed;
        a -= c, a ^= rotated(c, 4), c += b;
        b -= a, b ^= rotated(a, 6), a += c;
        c -= b, c ^= rotated(b, 8), b += a;
        a -= c, a ^= rotated(c, 16), c += b;
        b -= a, b ^= rotated(a, 19), a += c;
        c -= b, c ^= rotated(b, 4), b += a;
    }
    a += word;
    c ^= b, c -= rotated(b, 14);
    a ^= c, a -= rotated(c, 11);
    b ^= a, b -= rotated(a, 25);
    c ^= b, c -= rotated(b, 16);
    a ^= c, a -= rotated(c, 4);
    b ^= a, b -= rotated(a, 14);
    c ^= b, c -= rotated(b, 24);
    return (uint64_t)b << 32 | c;
}

double seed_draw(const struct seed_plan *p, int64_t number, int what)
{
    const uint64_t mask = (UINT64_C(1) << 53) - 1;
    return (double)(hash(number, (uint64_t)(p->seed * 1000 + what)) & mask) / 9007199254740992.0;
}

int seed_pick(const struct seed_plan *p, int64_t number, int what, int low, int high)
{
    return low + (int)floor(seed_draw(p, number, what) * (high - low + 1));
}

int64_t seed_order_id(const struct seed_plan *p, int64_t number)
{
    return INT64_C(900000000000) + p->seed * 10000000 + number;
}

/* ---- when --------------------------------------------------------------------------------- */

static bool is_weekday(int32_t days) /* 1970-01-01 was a Thursday */
{
    return (days + 3) % 7 < 5;
}

/* Weekends are busier: one weekday order in four looks for another day. */
static int32_t day_of(const struct seed_plan *p, int64_t n)
{
    int last = (int)p->days - 1;
    int32_t day = p->last_day - seed_pick(p, n, 6, 0, last);
    if (is_weekday(day) && seed_draw(p, n, 9) < 0.25)
        return p->last_day - seed_pick(p, n, 7, 0, last);
    return day;
}

static int64_t second_of(const struct seed_plan *p, int64_t n)
{
    double part = seed_draw(p, n, 1);
    double moment = (seed_draw(p, n, 2) + seed_draw(p, n, 3)) / 2;
    if (part < 0.10)
        return (int64_t)(25200 + moment * 10800); /* breakfast 07:00 */
    if (part < 0.48)
        return (int64_t)(39600 + moment * 10800); /* lunch 11:00 */
    if (part < 0.60)
        return (int64_t)(50400 + moment * 10800); /* tea 14:00 */
    if (part < 0.94)
        return (int64_t)(61200 + moment * 16200); /* dinner 17:00 */
    return (int64_t)(77400 + moment * 14400);     /* late, to 01:30 */
}

/* What would lie in the future happened the day before. */
static int64_t created_at(const struct seed_plan *p, int64_t n)
{
    if (n <= 12)
        return p->as_of_us - n * 2 * MINUTE_US;
    int64_t local_us = day_of(p, n) * 24 * HOUR_US + second_of(p, n) * 1000000;
    int64_t at_us = zone_local_to_utc(p->bizday.zone, local_us);
    return at_us > p->as_of_us - HOUR_US ? at_us - 24 * HOUR_US : at_us;
}

/* ---- what became of it -------------------------------------------------------------------- */

static enum seed_ending ending_of(int64_t n, double fate)
{
    if (n <= 12)
        return n <= 4 ? SEED_PENDING : n <= 8 ? SEED_PAID : SEED_ACCEPTED;
    if (n == 13 || fate < 0.025)
        return SEED_TIMED_OUT;
    if (n == 14 || fate < 0.035)
        return SEED_CANCELLED;
    if (n == 15 || fate < 0.045)
        return SEED_PAID_CANCELLED;
    if (n == 16 || fate < 0.060)
        return SEED_REFUNDED;
    return n == 17 || fate < 0.070 ? SEED_PARTLY_REFUNDED : SEED_FULFILLED;
}

static int64_t after(const struct seed_plan *p, int64_t at_us, int64_t n, int what, int low_s,
                     int high_s)
{
    return at_us + seed_pick(p, n, what, low_s, high_s) * INT64_C(1000000);
}

/* A refund is made soon after the meal, and never after as_of. */
static int64_t refunded_at(const struct seed_plan *p, const struct seed_order *o)
{
    int64_t at_us = o->fulfilled_us + seed_pick(p, o->number, 14, 5, 180) * MINUTE_US;
    int64_t last_us = p->as_of_us > o->fulfilled_us ? p->as_of_us : o->fulfilled_us;
    return at_us < last_us ? at_us : last_us;
}

static void draw_events(const struct seed_plan *p, struct seed_order *o)
{
    int64_t n = o->number;
    bool is_refunded = o->ending == SEED_REFUNDED || o->ending == SEED_PARTLY_REFUNDED;
    bool is_served = is_refunded || o->ending == SEED_FULFILLED;
    if (o->ending != SEED_PENDING && o->ending != SEED_TIMED_OUT && o->ending != SEED_CANCELLED)
        o->paid_us = after(p, o->created_us, n, 10, 8, 55);
    if (is_served || o->ending == SEED_ACCEPTED)
        o->accepted_us = after(p, o->paid_us, n, 11, 5, 50);
    if (is_served)
        o->fulfilled_us = after(p, o->accepted_us, n, 13, 480, 2700);
    if (is_refunded)
        o->refunded_us = refunded_at(p, o);
    if (o->ending == SEED_TIMED_OUT)
        o->cancelled_us = o->created_us + 30 * MINUTE_US;
    if (o->ending == SEED_CANCELLED)
        o->cancelled_us = after(p, o->created_us, n, 12, 40, 900);
    if (o->ending == SEED_PAID_CANCELLED)
        o->cancelled_us = after(p, o->paid_us, n, 12, 60, 600);
}

/* ---- what was ordered --------------------------------------------------------------------- */

/* The same dish drawn twice is one line. */
static void add_line(const struct seed_plan *p, struct seed_order *o, size_t dish, int quantity)
{
    int i = 0;
    while (i < o->line_count && o->lines[i].dish != dish)
        i++;
    if (i == o->line_count)
        o->lines[o->line_count++] = (struct seed_line){.dish = dish};
    o->lines[i].quantity += quantity;
    o->lines[i].amount_fen += quantity * p->menu[dish].price_fen;
    o->gross_fen += quantity * p->menu[dish].price_fen;
}

static void draw_lines(const struct seed_plan *p, struct seed_order *o)
{
    int64_t n = o->number;
    int drawn = 1 + (int)floor(pow(seed_draw(p, n, 15), 1.5) * SEED_LINES_MAX);
    for (int k = 1; k <= drawn; k++) {
        double rank = floor(pow(seed_draw(p, n, 20 + k), 1.6) * (double)p->dish_count);
        bool is_one = seed_draw(p, n, 30 + k) < 0.75;
        add_line(p, o, (size_t)rank, is_one ? 1 : seed_pick(p, n, 40 + k, 2, 4));
    }
}

static int64_t discount_of(const struct seed_order *o)
{
    if (o->gross_fen >= 10000 && o->id % 3 == 0)
        return 1500;
    if (o->gross_fen >= 5000 && o->id % 5 == 0)
        return 500;
    return o->id % 11 == 0 ? (o->gross_fen * 12 + 50) / 100 : 0;
}

static int64_t refund_of(const struct seed_order *o)
{
    int64_t total_fen = o->gross_fen - o->discount_fen, first_fen = o->lines[0].amount_fen;
    if (o->ending == SEED_REFUNDED || o->ending == SEED_PAID_CANCELLED)
        return total_fen;
    if (o->ending != SEED_PARTLY_REFUNDED)
        return 0;
    return first_fen < total_fen ? first_fen : total_fen;
}

void seed_order_draw(const struct seed_plan *p, int64_t number, struct seed_order *ret)
{
    int year, month, day;
    double where = floor(pow(seed_draw(p, number, 8), 1.3) * (double)p->store_count);
    *ret = (struct seed_order){.number = number,
                               .id = seed_order_id(p, number),
                               .store = (size_t)where,
                               .ending = ending_of(number, seed_draw(p, number, 4)),
                               .way = seed_draw(p, number, 5),
                               .created_us = created_at(p, number),
                               .paid_us = SEED_NEVER,
                               .accepted_us = SEED_NEVER,
                               .fulfilled_us = SEED_NEVER,
                               .cancelled_us = SEED_NEVER,
                               .refunded_us = SEED_NEVER};
    draw_events(p, ret);
    draw_lines(p, ret);
    ret->discount_fen = discount_of(ret);
    ret->refund_fen = refund_of(ret);
    ret->business_date = bizday_of(&p->bizday, ret->created_us);
    civil_from_days(ret->business_date, &year, &month, &day);
    (void)snprintf(ret->order_no, sizeof ret->order_no, "%s-%04d%02d%02d-%lld",
                   p->stores[ret->store].code, year, month, day, (long long)ret->id);
}
