/* Terms of a campaign: whatever is read without a problem is written as terms that read back to the
 * same text, and prices any basket without going below zero. */
#include "domain/pricing.h"
#include "format/jpull.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_price(const struct pricing_terms *terms, struct arena *arena)
{
    const struct pricing_line lines[] = {{1, "P1", "main", 1000, 3850},
                                         {2, "P2", "main", 999999999, PRICING_FEN_MAX},
                                         {3, "P1", "tea", 1, 0},
                                         {4, "P3", "tea", 2500, 7}};
    const struct pricing_basket basket = {.store = "S001",
                                          .channel = "dine_in",
                                          .business_date = "2026-12-02",
                                          .weekday = 3,
                                          .minute = 750,
                                          .lines = lines,
                                          .line_count = 4};
    struct pricing_campaign c = {.id = 1, .terms = terms, .coupon = "C", .rest_fen = -1};
    int64_t off = pricing_apply(&basket, &c, 1, arena), sum = 0;
    require((c.why == PRICING_WHY_applied) == (off > 0));
    for (size_t i = 0; i < 4 && c.line_off_fen != NULL; i++) {
        require(c.line_off_fen[i] >= 0 && c.line_off_fen[i] <= lines[i].amount_fen);
        sum += c.line_off_fen[i];
    }
    require(sum == off);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = ERROR_INIT;
    struct pricing_terms terms, again;
    struct pricing_problems problems;
    AUTO_STRBUF struct strbuf first = {0}, second = {0};
    struct span json = {(const char *)data, size};
    if (jpull_check(json, true, &err) != ERR_OK)
        return 0;
    struct arena *arena = arena_new();
    pricing_terms_read(json, arena, &terms, &problems);
    require(problems.count <= PRICING_PROBLEMS_MAX);
    if (problems.count == 0) {
        strbuf_init(&first, 0);
        strbuf_init(&second, 0);
        pricing_terms_write(&terms, &first);
        pricing_terms_read((struct span){first.data, first.len}, arena, &again, &problems);
        require(problems.count == 0);
        pricing_terms_write(&again, &second);
        require(strcmp(first.data, second.data) == 0);
        check_price(&terms, arena);
    }
    arena_free(arena);
    return 0;
}
