/* Masks: the vectors of Hutool's DesensitizedUtil, and texts too short to hide anything in. */
#include "format/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void masked(enum mask_kind kind, const char *text, const char *expected)
{
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 1024);
    mask_text(kind, span_of(text), &out);
    assert_string_equal(out.data, expected);
}

static void known_vectors(void **state)
{
    (void)state;
    masked(MASK_NAME, "段正淳", "段**");
    masked(MASK_CN_ID, "51343620000320711X", "5***************1X");
    masked(MASK_LANDLINE, "09157518479", "0915*****79");
    masked(MASK_CN_PHONE, "18049531999", "180****1999");
    masked(MASK_ADDRESS, "北京市海淀区马连洼街道289号", "北京市海淀区马********");
    masked(MASK_EMAIL, "duandazhi-jack@gmail.com.cn", "d*************@gmail.com.cn");
    masked(MASK_BANK_CARD, "11011111222233333256", "1101 **** **** **** 3256");
    masked(MASK_PLATE, "苏D40000", "苏D4***0");
    masked(MASK_ALL, "anything", "****");
    masked(MASK_NONE, "段正淳", "段正淳");
}

static void what_is_too_short_is_hidden_whole(void **state)
{
    (void)state;
    masked(MASK_NAME, "段", "*");
    masked(MASK_CN_PHONE, "1380013", "*******");
    masked(MASK_CN_ID, "12", "**");
    masked(MASK_ADDRESS, "北京", "**");
    masked(MASK_EMAIL, "@x.cn", "*****");
    masked(MASK_EMAIL, "none", "****");
    masked(MASK_BANK_CARD, "12345678", "********");
    masked(MASK_NAME, "", "");
}

static void a_card_of_another_length_keeps_its_last_group(void **state)
{
    (void)state;
    masked(MASK_BANK_CARD, "6222 0212 3456 789", "6222 **** **** 789");
    masked(MASK_BANK_CARD, "6222021234567890123", "6222 **** **** **** 123");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_vectors),
        cmocka_unit_test(what_is_too_short_is_hidden_whole),
        cmocka_unit_test(a_card_of_another_length_keeps_its_last_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
