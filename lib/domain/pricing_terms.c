/* lib/domain/pricing_terms.c - the terms of a campaign as JSON. */
#include "core/datetime.h"
#include "core/decimal.h"
#include "domain/pricing.h"
#include "format/jpull.h"
#include "format/jsonx.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 64 /* bytes of a word in a list */

static const char *const kinds[] = {"", "percent", "amount", "threshold", NULL};
static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};
static const char *const channels[] = {"dine_in", "takeout", "delivery", NULL};

struct reading {
    struct arena *arena;
    struct pricing_problems *problems;
    const char *field; /* that is being read */
};

static void add_problem(struct reading *r, const char *field, const char *message)
{
    struct pricing_problems *p = r->problems;
    if (p->count == PRICING_PROBLEMS_MAX)
        return;
    p->items[p->count].field = field;
    p->items[p->count++].message = message;
}

static int find_word(const char *word, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++)
        if (word[0] != '\0' && strcmp(words[i], word) == 0)
            return i;
    return -1;
}

/* ---- one value ---------------------------------------------------------------------------- */

/* The text of a string or a number; NULL: it is something else, or a text that cannot be kept. */
static const char *scalar(struct reading *r, struct span raw, enum jpull_kind *ret_kind)
{
    struct jpull_value value;
    struct error ignored = ERROR_INIT;
    AUTO_STRBUF struct strbuf scratch = {0};
    strbuf_init(&scratch, 0);
    *ret_kind = JPULL_NONE;
    if (jpull_value_of(raw, &value, &scratch, &ignored) != ERR_OK)
        return NULL;
    *ret_kind = value.kind;
    if ((value.kind != JPULL_STRING && value.kind != JPULL_NUMBER) ||
        memchr(value.text.ptr, '\0', value.text.len) != NULL)
        return NULL;
    return arena_strndup(r->arena, value.text.ptr, value.text.len);
}

/* A string of 1 to max bytes; NULL after a problem. */
static const char *read_text(struct reading *r, struct span raw, size_t max)
{
    enum jpull_kind kind;
    const char *text = scalar(r, raw, &kind);
    if (text != NULL && kind == JPULL_STRING && text[0] != '\0' && strlen(text) <= max)
        return text;
    add_problem(r, r->field, arena_printf(r->arena, "must be a text of 1 to %zu bytes", max));
    return NULL;
}

static bool parse_hundredths(const char *text, int64_t max, int64_t *ret)
{
    struct decimal d;
    if (text == NULL || !decimal_parse(text, strlen(text), &d) || !decimal_rescale(&d, 2, &d) ||
        d.coefficient < 1 || d.coefficient > max)
        return false;
    *ret = (int64_t)d.coefficient;
    return true;
}

/* An amount over zero in fen, or a percentage in hundredths. */
static void read_hundredths(struct reading *r, struct span raw, int64_t max, int64_t *ret)
{
    char most[PRICING_FEN_TEXT];
    enum jpull_kind kind;
    if (!parse_hundredths(scalar(r, raw, &kind), max, ret))
        add_problem(r, r->field,
                    arena_printf(r->arena, "must be a number from 0.01 to %s, with 2 decimals",
                                 pricing_fen_print(max, most)));
}

static void read_bool(struct reading *r, struct span raw, bool *ret)
{
    enum jpull_kind kind;
    scalar(r, raw, &kind);
    *ret = kind == JPULL_TRUE;
    if (kind != JPULL_TRUE && kind != JPULL_FALSE)
        add_problem(r, r->field, "must be true or false");
}

static void read_int(struct reading *r, struct span raw, int64_t min, int64_t max, int64_t *ret)
{
    enum jpull_kind kind;
    struct decimal d;
    const char *text = scalar(r, raw, &kind);
    if (text == NULL || kind != JPULL_NUMBER || !decimal_parse(text, strlen(text), &d) ||
        !decimal_rescale(&d, 0, &d) || d.coefficient < min || d.coefficient > max)
        add_problem(r, r->field,
                    arena_printf(r->arena, "must be a whole number from %" PRId64 " to %" PRId64,
                                 min, max));
    else
        *ret = (int64_t)d.coefficient;
}

static void read_date(struct reading *r, struct span raw, const char **ret)
{
    enum jpull_kind kind;
    struct datetime day;
    const char *text = scalar(r, raw, &kind);
    if (text != NULL && strlen(text) == 10 && datetime_parse_iso(text, 10, &day) && !day.has_time)
        *ret = text;
    else
        add_problem(r, r->field, "must be a date YYYY-MM-DD");
}

static void read_kind(struct reading *r, struct span raw, enum pricing_kind *ret)
{
    enum jpull_kind kind;
    const char *text = scalar(r, raw, &kind);
    int found = text != NULL ? find_word(text, kinds) : -1;
    if (found > 0)
        *ret = (enum pricing_kind)found;
    else
        add_problem(r, r->field, "must be percent, amount or threshold");
}

/* ---- lists -------------------------------------------------------------------------------- */

/* Each element to `item`, which gives false when it is not one. */
static void read_list(struct reading *r, struct span raw, size_t max,
                      bool (*item)(struct reading *r, struct span raw, size_t index, void *self),
                      void *self, const char *expected)
{
    struct jpull_array iterator;
    struct error ignored = ERROR_INIT;
    struct span element;
    bool is_end = false;
    bool is_list = jpull_array_begin(raw, &iterator, &ignored) == ERR_OK;
    for (size_t n = 0; is_list; n++) {
        if (jpull_array_next(&iterator, &element, &is_end, &ignored) != ERR_OK)
            break;
        if (is_end)
            return;
        if (n == max || !item(r, element, n, self))
            break;
    }
    add_problem(r, r->field,
                arena_printf(r->arena, "must be a list of at most %zu: %s", max, expected));
}

static bool is_known(struct pricing_words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++)
        if (strcmp(words->items[i], word) == 0)
            return true;
    return false;
}

static bool read_word(struct reading *r, struct span raw, size_t index, void *self)
{
    struct pricing_words *words = self;
    enum jpull_kind kind;
    const char *text = scalar(r, raw, &kind);
    (void)index;
    if (text == NULL || kind != JPULL_STRING || text[0] == '\0' || strlen(text) > TEXT_MAX)
        return false;
    if (words->items == NULL)
        words->items = arena_array(r->arena, PRICING_WORDS_MAX, sizeof *words->items);
    if (!is_known(words, text)) /* twice is once */
        words->items[words->count++] = text;
    return true;
}

static void read_words(struct reading *r, struct span raw, struct pricing_words *ret)
{
    read_list(r, raw, PRICING_WORDS_MAX, read_word, ret, "texts of 1 to 64 bytes");
}

static void read_channels(struct reading *r, struct span raw, struct pricing_words *ret)
{
    read_words(r, raw, ret);
    for (size_t i = 0; i < ret->count; i++)
        if (find_word(ret->items[i], channels) < 0)
            add_problem(r, r->field, "each is dine_in, takeout or delivery");
}

static bool read_weekday(struct reading *r, struct span raw, size_t index, void *self)
{
    enum jpull_kind kind;
    const char *text = scalar(r, raw, &kind);
    int day = text != NULL ? find_word(text, days) : -1;
    (void)index;
    if (day >= 0)
        *(unsigned *)self |= 1U << day;
    return day >= 0;
}

/* "HH:MM", to 24:00 */
static bool read_minute(const char *text, int *ret)
{
    for (int i = 0; i < 5; i++)
        if (i == 2 ? text[i] != ':' : text[i] < '0' || text[i] > '9')
            return false;
    int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
    *ret = hour * 60 + minute;
    return minute < 60 && *ret <= 24 * 60;
}

static bool read_daypart(struct reading *r, struct span raw, size_t index, void *self)
{
    struct pricing_terms *t = self;
    struct pricing_daypart *part = &t->dayparts[index];
    enum jpull_kind kind;
    const char *text = scalar(r, raw, &kind);
    if (text == NULL || strlen(text) != 11 || text[5] != '-' ||
        !read_minute(text, &part->from_min) || !read_minute(text + 6, &part->until_min) ||
        part->from_min == part->until_min || part->from_min == 24 * 60)
        return false;
    t->daypart_count = index + 1;
    return true;
}

static bool read_tier(struct reading *r, struct span raw, size_t index, void *self)
{
    struct pricing_terms *t = self;
    struct jpull_array members;
    struct span key, value;
    struct error ignored = ERROR_INIT;
    AUTO_STRBUF struct strbuf scratch = {0};
    struct pricing_tier tier = {0};
    enum jpull_kind kind;
    bool is_end = false;
    strbuf_init(&scratch, 0);
    if (jpull_object_begin(raw, &members, &ignored) != ERR_OK)
        return false;
    while (jpull_object_next(&members, &key, &value, &is_end, &scratch, &ignored) == ERR_OK &&
           !is_end) {
        bool is_from = key.len == 4 && memcmp(key.ptr, "from", 4) == 0;
        if ((!is_from && (key.len != 3 || memcmp(key.ptr, "off", 3) != 0)) ||
            !parse_hundredths(scalar(r, value, &kind), PRICING_FEN_MAX,
                              is_from ? &tier.from_fen : &tier.off_fen))
            return false;
    }
    const struct pricing_tier *last = index > 0 ? &t->tiers[index - 1] : &(struct pricing_tier){0};
    t->tiers[index] = tier;
    t->tier_count = index + 1;
    return tier.off_fen > 0 && tier.off_fen <= tier.from_fen && tier.from_fen > last->from_fen &&
           tier.off_fen > last->off_fen;
}

/* ---- the members -------------------------------------------------------------------------- */

enum member {
    M_CODE,
    M_NAME,
    M_KIND,
    M_PERCENT,
    M_AMOUNT,
    M_TIERS,
    M_EACH,
    M_MIN_AMOUNT,
    M_MAX_DISCOUNT,
    M_PRODUCTS,
    M_CATEGORIES,
    M_STARTS_ON,
    M_ENDS_ON,
    M_WEEKDAYS,
    M_DAYPARTS,
    M_STORES,
    M_CHANNELS,
    M_LEVELS,
    M_PER_MEMBER,
    M_COUPON,
    M_GROUP,
    M_PRIORITY,
    M_BUDGET,
};
static const char *const member_names[] = {
    "code",       "name",       "kind",         "percent",  "amount",     "tiers",
    "each",       "min_amount", "max_discount", "products", "categories", "starts_on",
    "ends_on",    "weekdays",   "dayparts",     "stores",   "channels",   "levels",
    "per_member", "coupon",     "group",        "priority", "budget",     NULL};

static void read_member(struct reading *r, enum member member, struct span raw,
                        struct pricing_terms *t)
{
    switch (member) {
    case M_CODE: t->code = read_text(r, raw, 32); break;
    case M_NAME: t->name = read_text(r, raw, 128); break;
    case M_KIND: read_kind(r, raw, &t->kind); break;
    case M_PERCENT: read_hundredths(r, raw, 10000, &t->percent_bp); break;
    case M_AMOUNT: read_hundredths(r, raw, PRICING_FEN_MAX, &t->amount_fen); break;
    case M_TIERS:
        read_list(r, raw, PRICING_TIERS_MAX, read_tier, t,
                  "{\"from\", \"off\"}, rising, with off at most from");
        break;
    case M_EACH: read_bool(r, raw, &t->is_each); break;
    case M_MIN_AMOUNT: read_hundredths(r, raw, PRICING_FEN_MAX, &t->min_fen); break;
    case M_MAX_DISCOUNT: read_hundredths(r, raw, PRICING_FEN_MAX, &t->max_fen); break;
    case M_PRODUCTS: read_words(r, raw, &t->products); break;
    case M_CATEGORIES: read_words(r, raw, &t->categories); break;
    case M_STARTS_ON: read_date(r, raw, &t->starts_on); break;
    case M_ENDS_ON: read_date(r, raw, &t->ends_on); break;
    case M_WEEKDAYS:
        read_list(r, raw, 7, read_weekday, &t->weekdays, "mon, tue, wed, thu, fri, sat, sun");
        break;
    case M_DAYPARTS:
        read_list(r, raw, PRICING_DAYPARTS_MAX, read_daypart, t,
                  "HH:MM-HH:MM, the end not included, past midnight where it is the earlier");
        break;
    case M_STORES: read_words(r, raw, &t->stores); break;
    case M_CHANNELS: read_channels(r, raw, &t->channels); break;
    case M_LEVELS: read_words(r, raw, &t->levels); break;
    case M_PER_MEMBER: read_int(r, raw, 1, 1000000, &t->per_member); break;
    case M_COUPON: read_bool(r, raw, &t->needs_coupon); break;
    case M_GROUP: t->group = read_text(r, raw, 64); break;
    case M_PRIORITY: read_int(r, raw, -1000000, 1000000, &t->priority); break;
    case M_BUDGET: read_hundredths(r, raw, PRICING_FEN_MAX, &t->budget_fen); break;
    }
}

/* ---- the rules ---------------------------------------------------------------------------- */

static bool is_code(const char *code)
{
    return strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
           strlen(code);
}

static bool has_problem(const struct reading *r, const char *field)
{
    for (size_t i = 0; i < r->problems->count; i++)
        if (strcmp(r->problems->items[i].field, field) == 0)
            return true;
    return false;
}

/* `is_there` of what only that kind has, and has to have. */
static void check_of_kind(struct reading *r, const struct pricing_terms *t, enum pricing_kind kind,
                          const char *field, bool is_there)
{
    if (has_problem(r, field) || is_there == (t->kind == kind))
        return;
    add_problem(
        r, field,
        arena_printf(r->arena,
                     is_there ? "goes only with the kind %s" : "is missing: the kind %s needs it",
                     kinds[kind]));
}

static void check_rules(struct reading *r, const struct pricing_terms *t)
{
    if (t->code == NULL && !has_problem(r, "code"))
        add_problem(r, "code", "is missing");
    if (t->code != NULL && !is_code(t->code))
        add_problem(r, "code", "has 1 to 32 of A-Z, a-z, 0-9, _ and -");
    if (t->name == NULL && !has_problem(r, "name"))
        add_problem(r, "name", "is missing");
    if (t->kind == PRICING_NO_KIND) {
        if (!has_problem(r, "kind"))
            add_problem(r, "kind", "is missing: percent, amount or threshold");
        return;
    }
    check_of_kind(r, t, PRICING_PERCENT, "percent", t->percent_bp > 0);
    check_of_kind(r, t, PRICING_AMOUNT, "amount", t->amount_fen > 0);
    check_of_kind(r, t, PRICING_THRESHOLD, "tiers", t->tier_count > 0);
    if (t->is_each && t->kind == PRICING_PERCENT)
        add_problem(r, "each", "goes only with the kinds amount and threshold");
    if (t->is_each && t->tier_count > 1)
        add_problem(r, "each", "goes with one tier");
    if (t->starts_on != NULL && t->ends_on != NULL && strcmp(t->starts_on, t->ends_on) > 0)
        add_problem(r, "ends_on", "is before starts_on");
}

void pricing_terms_read(struct span json, struct arena *arena, struct pricing_terms *ret,
                        struct pricing_problems *problems)
{
    struct reading r = {.arena = arena, .problems = problems, .field = ""};
    struct jpull_array members;
    struct span key, value;
    struct error ignored = ERROR_INIT;
    AUTO_STRBUF struct strbuf scratch = {0};
    bool is_end = false;
    strbuf_init(&scratch, 0);
    *ret = (struct pricing_terms){0};
    *problems = (struct pricing_problems){0};
    if (jpull_object_begin(json, &members, &ignored) != ERR_OK) {
        add_problem(&r, "code", "an object was expected");
        return;
    }
    while (jpull_object_next(&members, &key, &value, &is_end, &scratch, &ignored) == ERR_OK &&
           !is_end) {
        r.field = arena_strndup(arena, key.ptr, key.len);
        int member = find_word(r.field, member_names);
        if (member < 0)
            add_problem(&r, r.field, "is not known");
        else if (value.len != 4 || memcmp(value.ptr, "null", 4) != 0)
            read_member(&r, (enum member)member, value, ret);
    }
    check_rules(&r, ret);
}

/* ---- writing ------------------------------------------------------------------------------ */

const char *pricing_fen_print(int64_t fen, char ret[PRICING_FEN_TEXT])
{
    snprintf(ret, PRICING_FEN_TEXT, "%" PRId64 ".%02" PRId64, fen / 100, fen % 100);
    return ret;
}

/* Zero is written as null: it was not given. */
static void put_fen(struct jwriter *w, const char *key, int64_t fen)
{
    char text[PRICING_FEN_TEXT];
    jwriter_kstring(w, key, fen != 0 ? pricing_fen_print(fen, text) : NULL);
}

static void put_words(struct jwriter *w, const char *key, const struct pricing_words *words)
{
    jwriter_key(w, key);
    jwriter_array(w);
    for (size_t i = 0; i < words->count; i++)
        jwriter_string(w, words->items[i]);
    jwriter_end(w);
}

static void put_tiers(struct jwriter *w, const struct pricing_terms *t)
{
    jwriter_key(w, "tiers");
    jwriter_array(w);
    for (size_t i = 0; i < t->tier_count; i++) {
        jwriter_object(w);
        put_fen(w, "from", t->tiers[i].from_fen);
        put_fen(w, "off", t->tiers[i].off_fen);
        jwriter_end(w);
    }
    jwriter_end(w);
}

static void put_times(struct jwriter *w, const struct pricing_terms *t)
{
    jwriter_kstring(w, "starts_on", t->starts_on);
    jwriter_kstring(w, "ends_on", t->ends_on);
    jwriter_key(w, "weekdays");
    jwriter_array(w);
    for (int i = 0; days[i] != NULL; i++)
        if (t->weekdays & 1U << i)
            jwriter_string(w, days[i]);
    jwriter_end(w);
    jwriter_key(w, "dayparts");
    jwriter_array(w);
    for (size_t i = 0; i < t->daypart_count; i++) {
        char text[64];
        const struct pricing_daypart *d = &t->dayparts[i];
        snprintf(text, sizeof text, "%02d:%02d-%02d:%02d", d->from_min / 60, d->from_min % 60,
                 d->until_min / 60, d->until_min % 60);
        jwriter_string(w, text);
    }
    jwriter_end(w);
}

void pricing_terms_write(const struct pricing_terms *t, struct strbuf *out)
{
    struct jwriter w;
    jwriter_init(&w, out);
    jwriter_object(&w);
    jwriter_kstring(&w, "code", t->code);
    jwriter_kstring(&w, "name", t->name);
    jwriter_kstring(&w, "kind", kinds[t->kind]);
    put_fen(&w, "percent", t->percent_bp);
    put_fen(&w, "amount", t->amount_fen);
    put_tiers(&w, t);
    jwriter_kbool(&w, "each", t->is_each);
    put_fen(&w, "min_amount", t->min_fen);
    put_fen(&w, "max_discount", t->max_fen);
    put_words(&w, "products", &t->products);
    put_words(&w, "categories", &t->categories);
    put_times(&w, t);
    put_words(&w, "stores", &t->stores);
    put_words(&w, "channels", &t->channels);
    put_words(&w, "levels", &t->levels);
    jwriter_key(&w, "per_member");
    t->per_member > 0 ? jwriter_int(&w, t->per_member) : jwriter_null(&w);
    jwriter_kbool(&w, "coupon", t->needs_coupon);
    jwriter_kstring(&w, "group", t->group);
    jwriter_kint(&w, "priority", t->priority);
    put_fen(&w, "budget", t->budget_fen);
    jwriter_end(&w);
}
