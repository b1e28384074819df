/* A day's bill of 500,000 rows read as a bill and as CSV, in turns. Built and started by
 * tests/bench/bills.
 *
 * usage: bills FILE PAIRS     FILE is made */
#include "core/clock.h"
#include "format/bill.h"
#include "format/csvio.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define ROWS      500000
#define PAIRS_MAX 100

static void must(int code, const struct error *err)
{
    if (code == 0)
        return;
    (void)fprintf(stderr, "bills: %s\n", err->message);
    exit(1);
}

static void write_bill(const char *path)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        exit(1);
    (void)fputs(
        "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,"
        "交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,"
        "充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,"
        "费率备注\r\n",
        f);
    for (int i = 0; i < ROWS; i++)
        (void)fprintf(f,
                      "`2026-11-21 %02d:%02d:%02d,`wx0123456789abcdef,`1900000109,`0,`,"
                      "`4200002020261121%07d,`D20261121%07d,`oUpF8uMuAJO_M2pxb1Q9z%07d,`JSAPI,"
                      "`SUCCESS,`OTHERS,`CNY,`26.50,`0.00,`0,`0,`0.00,`0.00,`,`,`牛肉面加蛋,`,"
                      "`0.16000,`0.60%%,`26.50,`0.00,`\r\n",
                      i % 24, i / 24 % 60, i / 1440 % 60, i, i, i);
    (void)fprintf(f,
                  "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,"
                  "申请退款总金额\r\n`%d,`%d.00,`0.00,`0.00,`%d.00000,`%d.00,`0.00\r\n",
                  ROWS, ROWS / 2 * 53, ROWS / 25 * 4, ROWS / 2 * 53);
    (void)fclose(f);
}

static int64_t read_bill(const char *path)
{
    struct error err = ERROR_INIT;
    struct bill *b = NULL;
    struct bill_row row;
    int64_t start = clock_monotonic_ns();
    must(bill_open(path, &b, &err), &err);
    for (bool end = false; !end;)
        must(bill_next(b, &row, &end, &err), &err);
    if (bill_info(b)->totals.rows != ROWS)
        exit(1);
    bill_close(b);
    return clock_monotonic_ns() - start;
}

static int64_t read_csv(const char *path)
{
    struct error err = ERROR_INIT;
    struct csvio_reader *r = NULL;
    struct csvio_record record;
    size_t fields = 0;
    int64_t start = clock_monotonic_ns();
    must(csvio_open(path, NULL, &r, &err), &err);
    for (bool end = false; !end;) {
        must(csvio_next(r, &record, &end, &err), &err);
        fields += end ? 0 : record.nfields;
    }
    if (fields < ROWS)
        exit(1);
    csvio_close(r);
    return clock_monotonic_ns() - start;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    double ratios[PAIRS_MAX];
    double bill_s = 0, csv_s = 0;
    struct rusage usage;
    int pairs = argc > 2 ? atoi(argv[2]) : 5;
    if (argc < 3 || pairs < 1 || pairs > PAIRS_MAX)
        return 2;
    write_bill(argv[1]);
    for (int i = 0; i < pairs; i++) {
        csv_s = (double)read_csv(argv[1]) / 1e9;
        bill_s = (double)read_bill(argv[1]) / 1e9;
        ratios[i] = csv_s / bill_s;
    }
    qsort(ratios, (size_t)pairs, sizeof *ratios, by_value);
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("A bill of %d rows, read and checked, against the same file as CSV\n"
           "  wall       CSV %.2f s   bill %.2f s   %.0f k rows/s\n"
           "  speed      %.2f x CSV (goal 0.5; median of %d pairs, %.2f to %.2f)\n"
           "  peak RSS   %.1f MiB\n",
           ROWS, csv_s, bill_s, ROWS / bill_s / 1000, ratios[pairs / 2], pairs, ratios[0],
           ratios[pairs - 1], (double)usage.ru_maxrss / 1024);
    return 0;
}
