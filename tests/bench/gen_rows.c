/* Writes N rows of a sales ledger as CSV: 12 columns, about 127 bytes a row, Chinese text, about a
 * fifth of the names quoted (commas, doubled quotes). Deterministic. usage: gen_rows ROWS > FILE */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 20261122;

static uint32_t next_random(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"盐焗鸡",
                                        "金华火腿",
                                        "\"大米,东北长粒香\"",
                                        "\"生抽 \"\"金标\"\"\"",
                                        "牛腩",
                                        "馄饨皮",
                                        "鲜鸡蛋",
                                        "花生油 20L",
                                        "可乐 330ml",
                                        "牛肉面汤底"};
    static const char *const stores[] = {"人民广场店", "徐家汇店", "陆家嘴店", "静安寺店"};
    int64_t rows = argc > 1 ? atoll(argv[1]) : 1000;
    setvbuf(stdout, NULL, _IOFBF, 1 << 20);
    printf("id,order_no,store_code,store_name,sku,sku_name,quantity,price,amount,sold_at,business_"
           "date,remark\n");
    for (int64_t i = 1; i <= rows; i++) {
        uint32_t r = next_random(), qty = 1 + r % 9, price = 100 + next_random() % 19900;
        unsigned day = 1 + (unsigned)(i * 28 / (rows + 1)), second = next_random() % 86400;
        printf("%" PRId64 ",SO2026%09" PRId64 ",S%03u,%s,%02u.%03u.%04u,%s,%u.000,%u.%02u,%u.%02u,"
               "2026-10-%02u %02u:%02u:%02u+08:00,2026-10-%02u,备注%u\n",
               i, i, 1 + r % 300, stores[r % 4], r % 9, r % 97, 1000 + r % 29, names[(r >> 8) % 10],
               qty, price / 100, price % 100, price * qty / 100, price * qty % 100, day,
               second / 3600, second / 60 % 60, second % 60, day, r % 1000);
    }
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? 0 : 1;
}
