/* What campaigns take off a basket: the calculation, its rules, and its terms as JSON. */
#include "core/mem.h"
#include "domain/pricing.h"
#include "format/jpull.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct span text_of(const char *s)
{
    return (struct span){s, strlen(s)};
}

/* Terms of a campaign with what the test says more. */
static const struct pricing_terms *terms(const char *members)
{
    struct pricing_terms *t = arena_alloc(arena, sizeof *t);
    struct pricing_problems problems;
    const char *json = arena_printf(arena, "{\"code\":\"C\",\"name\":\"n\",%s}", members);
    pricing_terms_read(text_of(json), arena, t, &problems);
    if (problems.count > 0)
        fail_msg("%s: '%s' %s", json, problems.items[0].field, problems.items[0].message);
    return t;
}

static struct pricing_campaign campaign(int64_t id, const char *members)
{
    return (struct pricing_campaign){.id = id, .terms = terms(members), .rest_fen = -1};
}

/* Lines by amount: product P1, P2... of the category "main", of one unit each. */
static struct pricing_basket basket(const int64_t *amounts, size_t n)
{
    struct pricing_line *lines = arena_array(arena, n, sizeof *lines);
    for (size_t i = 0; i < n; i++)
        lines[i] = (struct pricing_line){.line_no = (int)i + 1,
                                         .product = arena_printf(arena, "P%zu", i + 1),
                                         .category = "main",
                                         .quantity_milli = 1000,
                                         .amount_fen = amounts[i]};
    return (struct pricing_basket){.store = "S001",
                                   .channel = "dine_in",
                                   .business_date = "2026-12-02",
                                   .weekday = 3,
                                   .minute = 12 * 60,
                                   .lines = lines,
                                   .line_count = n};
}
#define BASKET(...)                                                                                \
    basket((const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static int64_t sum_of(const int64_t *fen, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fen[i];
    return sum;
}

/* ---- what one campaign gives -------------------------------------------------------------- */

static void test_one_campaign(void **state)
{
    static const struct {
        const char *members;
        int64_t amounts[3], want[3];
        enum pricing_why why;
    } cases[] = {
        {"\"kind\":\"percent\",\"percent\":20", {1000, 1000, 1000}, {200, 200, 200}, 0},
        /* 1005 * 10 % = 100.5 fen: half up, once an order. */
        {"\"kind\":\"percent\",\"percent\":\"10\"", {335, 335, 335}, {34, 34, 33}, 0},
        {"\"kind\":\"percent\",\"percent\":\"10\"", {1004, 0, 0}, {100, 0, 0}, 0},
        {"\"kind\":\"percent\",\"percent\":\"10\"", {1005, 0, 0}, {101, 0, 0}, 0},
        {"\"kind\":\"percent\",\"percent\":\"12.34\"", {10000, 0, 0}, {1234, 0, 0}, 0},
        {"\"kind\":\"percent\",\"percent\":100", {999, 1, 0}, {999, 1, 0}, 0},
        {"\"kind\":\"percent\",\"percent\":50,\"max_discount\":\"1.00\"",
         {1000, 1000, 1000},
         {34, 33, 33},
         0},
        {"\"kind\":\"percent\",\"percent\":\"0.01\"",
         {10, 0, 0},
         {0, 0, 0},
         PRICING_WHY_nothing_left},
        {"\"kind\":\"amount\",\"amount\":10", {2000, 1000, 0}, {667, 333, 0}, 0},
        {"\"kind\":\"amount\",\"amount\":10", {300, 200, 100}, {300, 200, 100}, 0},
        {"\"kind\":\"amount\",\"amount\":10,\"products\":[\"P2\"]",
         {2000, 3000, 0},
         {0, 1000, 0},
         0},
        {"\"kind\":\"amount\",\"amount\":10,\"products\":[\"P9\"]",
         {2000, 3000, 0},
         {0, 0, 0},
         PRICING_WHY_products},
        {"\"kind\":\"amount\",\"amount\":1,\"products\":[\"P9\"],\"categories\":[\"main\"]",
         {200, 0, 0},
         {100, 0, 0},
         0},
        {"\"kind\":\"amount\",\"amount\":10", {0, 0, 0}, {0, 0, 0}, PRICING_WHY_nothing_left},
        {"\"kind\":\"amount\",\"amount\":1,\"each\":true", {500, 500, 50}, {100, 100, 50}, 0},
        {"\"kind\":\"amount\",\"amount\":1,\"each\":true,\"max_discount\":2",
         {500, 500, 500},
         {67, 67, 66},
         0},
        {"\"kind\":\"amount\",\"amount\":5,\"min_amount\":20",
         {1000, 999, 0},
         {0, 0, 0},
         PRICING_WHY_minimum},
        {"\"kind\":\"amount\",\"amount\":5,\"min_amount\":20", {1000, 1000, 0}, {250, 250, 0}, 0},
        {"\"kind\":\"threshold\",\"tiers\":[{\"from\":100,\"off\":20},{\"from\":200,\"off\":50}]",
         {9999, 0, 0},
         {0, 0, 0},
         PRICING_WHY_minimum},
        {"\"kind\":\"threshold\",\"tiers\":[{\"from\":100,\"off\":20},{\"from\":200,\"off\":50}]",
         {10000, 0, 0},
         {2000, 0, 0},
         0},
        {"\"kind\":\"threshold\",\"tiers\":[{\"from\":100,\"off\":20},{\"from\":200,\"off\":50}]",
         {10000, 10000, 20000},
         {1250, 1250, 2500},
         0},
        {"\"kind\":\"threshold\",\"each\":true,\"tiers\":[{\"from\":100,\"off\":20}]",
         {35000, 0, 0},
         {6000, 0, 0},
         0},
        {"\"kind\":\"threshold\",\"each\":true,\"tiers\":[{\"from\":100,\"off\":20}],"
         "\"max_discount\":50",
         {35000, 0, 0},
         {5000, 0, 0},
         0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct pricing_basket b = basket(cases[i].amounts, 3);
        struct pricing_campaign c = campaign(1, cases[i].members);
        int64_t off = pricing_apply(&b, &c, 1, arena);
        assert_string_equal(pricing_why_name(c.why), pricing_why_name(cases[i].why));
        assert_int_equal(off, sum_of(cases[i].want, 3));
        for (size_t k = 0; k < 3 && off > 0; k++)
            assert_int_equal(c.line_off_fen[k], cases[i].want[k]);
    }
}

static void test_units_by_weight(void **state)
{
    struct pricing_basket b = BASKET(4200);
    struct pricing_line line = b.lines[0];
    struct pricing_campaign c =
        campaign(1, "\"kind\":\"amount\",\"amount\":\"1.50\",\"each\":true");
    (void)state;
    line.quantity_milli = 1235; /* 1.8525 */
    b.lines = &line;
    assert_int_equal(pricing_apply(&b, &c, 1, arena), 185);
}

/* ---- whom and when ------------------------------------------------------------------------ */

#define OFF "\"kind\":\"amount\",\"amount\":1,"

static void test_eligible(void **state)
{
    static const struct {
        const char *members, *why;
        const char *date;
        int weekday, hour, minute;
    } cases[] = {
        {OFF "\"stores\":[\"S001\"]", "applied", NULL, 0, 12, 0},
        {OFF "\"stores\":[\"S002\"]", "store", NULL, 0, 12, 0},
        {OFF "\"channels\":[\"takeout\"]", "channel", NULL, 0, 12, 0},
        {OFF "\"levels\":[\"gold\"]", "level", NULL, 0, 12, 0},
        {OFF "\"coupon\":true", "coupon", NULL, 0, 12, 0},
        {OFF "\"starts_on\":\"2026-12-02\"", "applied", "2026-12-02", 0, 12, 0},
        {OFF "\"starts_on\":\"2026-12-03\"", "not_started", "2026-12-02", 0, 12, 0},
        {OFF "\"ends_on\":\"2026-12-02\"", "applied", "2026-12-02", 0, 12, 0},
        {OFF "\"ends_on\":\"2026-12-01\"", "ended", "2026-12-02", 0, 12, 0},
        {OFF "\"weekdays\":[\"wed\"]", "applied", NULL, 3, 12, 0},
        {OFF "\"weekdays\":[\"mon\",\"sun\"]", "weekday", NULL, 3, 12, 0},
        {OFF "\"weekdays\":[\"mon\",\"sun\"]", "applied", NULL, 7, 12, 0},
        {OFF "\"dayparts\":[\"11:00-14:00\"]", "daypart", NULL, 0, 10, 59},
        {OFF "\"dayparts\":[\"11:00-14:00\"]", "applied", NULL, 0, 11, 0},
        {OFF "\"dayparts\":[\"11:00-14:00\"]", "applied", NULL, 0, 13, 59},
        {OFF "\"dayparts\":[\"11:00-14:00\"]", "daypart", NULL, 0, 14, 0},
        {OFF "\"dayparts\":[\"11:00-14:00\",\"17:00-24:00\"]", "applied", NULL, 0, 23, 59},
        {OFF "\"dayparts\":[\"11:00-14:00\",\"17:00-24:00\"]", "daypart", NULL, 0, 0, 0},
        {OFF "\"dayparts\":[\"22:00-02:00\"]", "applied", NULL, 0, 23, 59},
        {OFF "\"dayparts\":[\"22:00-02:00\"]", "applied", NULL, 0, 0, 0},
        {OFF "\"dayparts\":[\"22:00-02:00\"]", "applied", NULL, 0, 1, 59},
        {OFF "\"dayparts\":[\"22:00-02:00\"]", "daypart", NULL, 0, 2, 0},
        {OFF "\"dayparts\":[\"22:00-02:00\"]", "daypart", NULL, 0, 21, 59},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pricing_basket b = BASKET(1000);
        struct pricing_campaign c = campaign(1, cases[i].members);
        if (cases[i].date != NULL)
            b.business_date = cases[i].date;
        if (cases[i].weekday != 0)
            b.weekday = cases[i].weekday;
        b.minute = cases[i].hour * 60 + cases[i].minute;
        assert_string_equal(pricing_why_name(pricing_eligible(&b, &c)), cases[i].why);
    }
}

static void test_member_coupon_and_ending(void **state)
{
    struct pricing_basket b = BASKET(1000);
    struct pricing_campaign c = campaign(1, OFF "\"levels\":[\"gold\"],\"coupon\":true");
    (void)state;
    b.level = "gold";
    c.coupon = "ABC";
    assert_int_equal(pricing_apply(&b, &c, 1, arena), 100);
    c.is_ended = true;
    assert_int_equal(pricing_apply(&b, &c, 1, arena), 0);
    assert_int_equal(c.why, PRICING_WHY_ended);
}

/* ---- several ------------------------------------------------------------------------------ */

static void test_stacking(void **state)
{
    const struct pricing_basket b = BASKET(10000);
    /* 100.00 less 20 %, then 满80减10 of the 80.00 that are left. */
    struct pricing_campaign both[] = {
        campaign(1, "\"kind\":\"threshold\",\"tiers\":[{\"from\":80,\"off\":10}]"),
        campaign(2, "\"kind\":\"percent\",\"percent\":20,\"priority\":1")};
    (void)state;
    assert_int_equal(pricing_apply(&b, both, 2, arena), 3000);
    assert_int_equal(both[0].off_fen, 1000);
    assert_int_equal(both[1].off_fen, 2000);
    /* The other way round by id: 100.00 less 10.00, then 20 % of 90.00. */
    struct pricing_campaign turned[] = {
        campaign(2, "\"kind\":\"percent\",\"percent\":20"),
        campaign(1, "\"kind\":\"threshold\",\"tiers\":[{\"from\":80,\"off\":10}]")};
    assert_int_equal(pricing_apply(&b, turned, 2, arena), 1000 + 1800);
    /* What is left decides: 满100 is not reached any more. */
    struct pricing_campaign late[] = {
        campaign(1, "\"kind\":\"percent\",\"percent\":1"),
        campaign(2, "\"kind\":\"threshold\",\"tiers\":[{\"from\":100,\"off\":10}]")};
    assert_int_equal(pricing_apply(&b, late, 2, arena), 100);
    assert_int_equal(late[1].why, PRICING_WHY_minimum);
}

static void test_groups(void **state)
{
    const struct pricing_basket b = BASKET(10000);
    struct pricing_campaign c[] = {
        campaign(1, "\"kind\":\"amount\",\"amount\":5,\"group\":\"g\""),
        campaign(2, "\"kind\":\"amount\",\"amount\":8,\"group\":\"g\""),
        campaign(3, "\"kind\":\"amount\",\"amount\":1,\"group\":\"other\""),
        campaign(4, "\"kind\":\"amount\",\"amount\":2"),
    };
    (void)state;
    assert_int_equal(pricing_apply(&b, c, 4, arena), 800 + 100 + 200); /* the one that gives most */
    assert_int_equal(c[0].why, PRICING_WHY_group);
    /* Priority comes before what it gives. */
    struct pricing_campaign first[] = {
        campaign(1, "\"kind\":\"amount\",\"amount\":5,\"group\":\"g\",\"priority\":1"),
        campaign(2, "\"kind\":\"amount\",\"amount\":8,\"group\":\"g\"")};
    assert_int_equal(pricing_apply(&b, first, 2, arena), 500);
    assert_int_equal(first[1].why, PRICING_WHY_group);
    /* One that gives nothing does not take its group's place. */
    struct pricing_campaign poor[] = {
        campaign(1, "\"kind\":\"amount\",\"amount\":50,\"group\":\"g\",\"priority\":1"),
        campaign(2, "\"kind\":\"amount\",\"amount\":8,\"group\":\"g\"")};
    poor[0].rest_fen = 4999;
    assert_int_equal(pricing_apply(&b, poor, 2, arena), 800);
    assert_int_equal(poor[0].why, PRICING_WHY_budget);
    poor[0].rest_fen = 5000;
    assert_int_equal(pricing_apply(&b, poor, 2, arena), 5000);
}

/* ---- properties --------------------------------------------------------------------------- */

static uint64_t seed;

static int64_t draw(int64_t low, int64_t high)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return low + (int64_t)((seed >> 33) % (uint64_t)(high - low + 1));
}

static const char *random_members(void)
{
    const char *kind;
    int64_t from = draw(1, 300);
    switch (draw(0, 4)) {
    case 0:
        kind = arena_printf(arena, "\"kind\":\"percent\",\"percent\":%d", (int)draw(1, 100));
        break;
    case 1:
        kind = arena_printf(arena, "\"kind\":\"amount\",\"amount\":%d", (int)draw(1, 200));
        break;
    case 2:
        kind = arena_printf(arena, "\"kind\":\"amount\",\"each\":true,\"amount\":\"%d.%02d\"",
                            (int)draw(0, 9), (int)draw(1, 99));
        break;
    default:
        kind = arena_printf(
            arena, "\"kind\":\"threshold\",\"each\":%s,\"tiers\":[{\"from\":%d,\"off\":%d}]",
            draw(0, 1) ? "true" : "false", (int)from, (int)draw(1, from));
    }
    return arena_printf(arena, "%s,\"priority\":%d%s%s%s", kind, (int)draw(0, 2),
                        draw(0, 2) == 0 ? ",\"group\":\"g\"" : "",
                        draw(0, 2) == 0 ? ",\"products\":[\"P1\",\"P3\"]" : "",
                        draw(0, 3) == 0 ? ",\"max_discount\":7" : "");
}

#define LINES     7
#define CAMPAIGNS 5

static void random_lines(struct pricing_line *lines)
{
    for (size_t i = 0; i < LINES; i++)
        lines[i] =
            (struct pricing_line){.line_no = (int)i + 1,
                                  .product = arena_printf(arena, "P%d", (int)draw(1, 4)),
                                  .category = "main",
                                  .quantity_milli = draw(1, 5000),
                                  .amount_fen = draw(0, 3) == 0 ? draw(0, 3) : draw(0, 9999)};
}

/* What each line is and what is left of it, in an order that does not depend on where it stood. */
struct outcome {
    char text[80];
};

static int compare_outcomes(const void *a, const void *b)
{
    return strcmp(((const struct outcome *)a)->text, ((const struct outcome *)b)->text);
}

static void price(const struct pricing_line *lines, struct pricing_campaign *campaigns,
                  struct outcome *ret)
{
    struct pricing_basket b = BASKET(1);
    int64_t sum = 0;
    b.lines = lines;
    b.line_count = LINES;
    int64_t off = pricing_apply(&b, campaigns, CAMPAIGNS, arena);
    for (size_t i = 0; i < LINES; i++) {
        int64_t line_off = 0;
        for (size_t c = 0; c < CAMPAIGNS; c++) {
            if (campaigns[c].line_off_fen == NULL)
                continue;
            assert_true(campaigns[c].line_off_fen[i] >= 0);
            line_off += campaigns[c].line_off_fen[i];
        }
        assert_true(line_off <= lines[i].amount_fen);
        sum += line_off;
        snprintf(ret[i].text, sizeof ret[i].text, "%s %lld %lld off %lld", lines[i].product,
                 (long long)lines[i].quantity_milli, (long long)lines[i].amount_fen,
                 (long long)line_off);
    }
    assert_int_equal(sum, off);
    for (size_t c = 0; c < CAMPAIGNS; c++) {
        const struct pricing_campaign *k = &campaigns[c];
        assert_true((k->why == PRICING_WHY_applied) == (k->off_fen > 0));
        assert_true(k->rest_fen < 0 || k->off_fen <= k->rest_fen);
        assert_true(k->terms->max_fen == 0 || k->off_fen <= k->terms->max_fen);
        if (k->line_off_fen != NULL)
            assert_int_equal(sum_of(k->line_off_fen, LINES), k->off_fen);
    }
    qsort(ret, LINES, sizeof *ret, compare_outcomes);
}

static void shuffle(struct pricing_line *lines)
{
    for (size_t i = LINES; i > 1; i--) {
        size_t k = (size_t)draw(0, (int64_t)i - 1);
        struct pricing_line swap = lines[i - 1];
        lines[i - 1] = lines[k];
        lines[k] = swap;
    }
    for (size_t i = 0; i < LINES; i++)
        lines[i].line_no = (int)i + 1;
}

/* The same campaigns and lines, each in any order, come to the same. */
static void test_properties(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= 3000; round++) {
        struct pricing_line lines[LINES];
        struct pricing_campaign campaigns[CAMPAIGNS];
        struct outcome first[LINES], second[LINES];
        seed = round;
        random_lines(lines);
        for (size_t i = 0; i < CAMPAIGNS; i++) {
            campaigns[i] = campaign((int64_t)i + 1, random_members());
            campaigns[i].rest_fen = draw(0, 2) == 0 ? draw(0, 5000) : -1;
        }
        price(lines, campaigns, first);
        shuffle(lines);
        struct pricing_campaign swap = campaigns[0];
        campaigns[0] = campaigns[CAMPAIGNS - 1];
        campaigns[CAMPAIGNS - 1] = swap;
        price(lines, campaigns, second);
        for (size_t i = 0; i < LINES; i++)
            assert_string_equal(first[i].text, second[i].text);
        arena_clear(arena);
    }
}

/* ---- terms as JSON ------------------------------------------------------------------------ */

static void test_terms_read_back(void **state)
{
    static const char full[] =
        "{\"code\":\"LUNCH-20\",\"name\":\"午市满减\",\"kind\":\"threshold\","
        "\"percent\":null,\"amount\":null,"
        "\"tiers\":[{\"from\":\"100.00\",\"off\":\"20.00\"},{\"from\":\"200.00\",\"off\":\"50.00\"}"
        "],"
        "\"each\":false,\"min_amount\":\"50.50\",\"max_discount\":\"60.00\",\"products\":[\"P1\"],"
        "\"categories\":[\"主食\"],\"starts_on\":\"2026-12-01\",\"ends_on\":\"2026-12-31\","
        "\"weekdays\":[\"mon\",\"sun\"],\"dayparts\":[\"11:00-14:00\",\"22:30-02:00\"],"
        "\"stores\":[\"S001\"],\"channels\":[\"dine_in\"],\"levels\":[\"gold\"],\"per_member\":2,"
        "\"coupon\":true,"
        "\"group\":\"lunch\",\"priority\":-3,\"budget\":\"5000.00\"}";
    struct pricing_terms t;
    struct pricing_problems problems;
    AUTO_STRBUF struct strbuf out = {0};
    (void)state;
    pricing_terms_read(text_of(full), arena, &t, &problems);
    assert_int_equal(problems.count, 0);
    strbuf_init(&out, 0);
    pricing_terms_write(&t, &out);
    assert_string_equal(out.data, full);
}

static void test_terms_refused(void **state)
{
    static const struct {
        const char *json, *fields; /* in the order told */
    } cases[] = {
        {"{}", "code name kind "},
        {"{\"kind\":\"gift\",\"nope\":1}", "kind nope code name "},
        {"{\"code\":\"a b\",\"name\":\"n\",\"kind\":\"percent\",\"percent\":10}", "code "},
        {"{\"code\":\"a\",\"name\":\"\",\"kind\":\"percent\",\"percent\":10}", "name "},
        {"{\"code\":\"a\",\"name\":\"n\",\"kind\":\"percent\"}", "percent "},
        {"{\"code\":\"a\",\"name\":\"n\",\"kind\":\"percent\",\"percent\":100.01}", "percent "},
        {"{\"code\":\"a\",\"name\":\"n\",\"kind\":\"percent\",\"percent\":0}", "percent "},
        {"{\"code\":\"a\",\"name\":\"n\",\"kind\":\"percent\",\"percent\":1.005}", "percent "},
        {"{\"code\":\"a\",\"name\":\"n\",\"kind\":\"percent\",\"percent\":1,\"amount\":1}",
         "amount "},
        {"{\"code\":\"a\",\"name\":\"n\",\"kind\":\"percent\",\"percent\":1,\"each\":true}",
         "each "},
        {"{\"code\":\"a\",\"name\":\"n\",\"kind\":\"amount\",\"amount\":-1}", "amount "},
        {"{\"code\":\"a\",\"name\":\"n\",\"kind\":\"amount\",\"amount\":1e12}", "amount "},
        {"{\"code\":\"a\",\"name\":\"n\",\"kind\":\"threshold\",\"tiers\":[]}", "tiers "},
        {"{\"code\":\"a\",\"name\":\"n\",\"kind\":\"threshold\",\"tiers\":[{\"from\":1}]}",
         "tiers "},
        {"{\"code\":\"a\",\"name\":\"n\",\"kind\":\"threshold\",\"tiers\":[{\"from\":1,\"off\":2}]"
         "}",
         "tiers "},
        {"{\"code\":\"a\",\"name\":\"n\",\"kind\":\"threshold\",\"tiers\":"
         "[{\"from\":9,\"off\":2},{\"from\":8,\"off\":3}]}",
         "tiers "},
        {"{\"code\":\"a\",\"name\":\"n\",\"kind\":\"threshold\",\"each\":true,\"tiers\":"
         "[{\"from\":8,\"off\":2},{\"from\":9,\"off\":3}]}",
         "each "},
        {"{\"code\":\"a\",\"name\":\"n\",\"kind\":\"amount\",\"amount\":1,"
         "\"starts_on\":\"2026-12-02\",\"ends_on\":\"2026-12-01\"}",
         "ends_on "},
        {"{\"code\":\"a\",\"name\":\"n\",\"kind\":\"amount\",\"amount\":1,"
         "\"starts_on\":\"2026-13-02\",\"weekdays\":[\"mo\"],\"dayparts\":[\"25:00-26:00\"],"
         "\"channels\":[\"post\"],\"priority\":1.5,\"coupon\":1,\"stores\":\"S001\"}",
         "starts_on weekdays dayparts channels priority coupon stores "},
        {"[]", "code "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pricing_terms t;
        struct pricing_problems problems;
        AUTO_STRBUF struct strbuf fields = {0};
        strbuf_init(&fields, 0);
        pricing_terms_read(text_of(cases[i].json), arena, &t, &problems);
        for (size_t k = 0; k < problems.count; k++)
            strbuf_addf(&fields, "%s ", problems.items[k].field);
        assert_string_equal(fields.data, cases[i].fields);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_one_campaign),  TEST(test_units_by_weight),
        TEST(test_eligible),      TEST(test_member_coupon_and_ending),
        TEST(test_stacking),      TEST(test_groups),
        TEST(test_properties),    TEST(test_terms_read_back),
        TEST(test_terms_refused),
    };
    return cmocka_run_group_tests_name("pricing", tests, NULL, NULL);
}
