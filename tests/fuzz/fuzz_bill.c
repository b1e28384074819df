/* Bills. What must hold: nothing but faults of the data and refusals, lines that grow, amounts that
 * are none below zero, and at the end totals that are those of the rows. What is taken for an
 * amount is the same number to the exact decimals. */
#include "core/decimal.h"
#include "format/bill_internal.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_number(struct span text)
{
    struct decimal exact, scaled;
    int64_t e5 = 0;
    if (!bill_number(text, &e5))
        return;
    require(decimal_parse(text.ptr, text.len, &exact));
    require(decimal_rescale(&exact, 5, &scaled) && scaled.coefficient == e5);
}

static void check_row(const struct bill_row *row, struct bill_totals *totals)
{
    require(row->amount_fen >= 0 && row->settled_fen >= 0);
    require(utf8_is_valid(row->merchant_no.ptr, row->merchant_no.len));
    uint64_t *const counts[] = {&totals->payments, &totals->refunds, &totals->incomes,
                                &totals->expenses};
    int64_t *const amounts[] = {&totals->payment_fen, &totals->refund_fen, &totals->income_fen,
                                &totals->expense_fen};
    totals->rows++;
    ++*counts[row->kind];
    *amounts[row->kind] += row->amount_fen;
    totals->payment_settled_fen += row->kind == BILL_PAYMENT ? row->settled_fen : 0;
    totals->refund_settled_fen += row->kind == BILL_REFUND ? row->settled_fen : 0;
    totals->fee_e5 += row->fee_e5;
}

static void read_bill(struct bill *b)
{
    struct bill_totals totals = {0};
    struct bill_row row;
    struct error err = ERROR_INIT;
    uint64_t line = 0;
    for (bool end = false;;) {
        int code = bill_next(b, &row, &end, &err);
        require(code == 0 || code == ERR_DATA || code == ERR_LIMIT);
        if (code != 0)
            return;
        if (end)
            break;
        require(row.line > line);
        line = row.line;
        check_row(&row, &totals);
    }
    require(memcmp(&totals, &bill_info(b)->totals, sizeof totals) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bill *b = NULL;
    struct error err = ERROR_INIT;
    if (size > 60000)
        return 0;
    check_number((struct span){(const char *)data, size < 40 ? size : 40});
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    int code = bill_open_fd(fd, "fuzz", &b, &err);
    require(code == 0 || code == ERR_DATA || code == ERR_LIMIT || code == ERR_REMOTE ||
            code == ERR_UNAVAILABLE);
    if (code == 0)
        read_bill(b);
    bill_close(b);
    return 0;
}
