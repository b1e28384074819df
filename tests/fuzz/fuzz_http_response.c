/* The load loop's response reader: never past the input, and the same whether the bytes come at
 * once or in two pieces. The first byte says where they are cut. */
#include "net/load_response.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct load_response *r, const char *bytes, size_t n, size_t *used)
{
    size_t part = load_response_feed(r, bytes, n);
    if (part > n)
        abort();
    *used += part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct load_response whole, pieces;
    const char *bytes = (const char *)data + 1;
    size_t n = size - 1, cut = n == 0 ? 0 : data[0] % n, used = 0, used_pieces = 0;
    load_response_begin(&whole, (data[0] & 128) != 0, 5000);
    load_response_begin(&pieces, (data[0] & 128) != 0, 5000);
    feed(&whole, bytes, n, &used);
    feed(&pieces, bytes, cut, &used_pieces);
    if (used_pieces == cut)
        feed(&pieces, bytes + cut, n - cut, &used_pieces);
    if (whole.state != pieces.state || whole.status != pieces.status ||
        (whole.state == LOAD_DONE &&
         (used != used_pieces || whole.body_bytes != pieces.body_bytes)))
        abort();
    if (whole.body_bytes > 5000)
        abort();
    load_response_eof(&whole);
    if (whole.state != LOAD_DONE && whole.state != LOAD_BROKEN)
        abort();
    return 0;
}
