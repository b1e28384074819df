/* Small documents: what is read dumps to text that reads back the same; any bytes quote to a
 * valid JSON string. */
#include "format/jpull.h"
#include "format/jsonx.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_quote(const char *text, size_t n)
{
    struct error err = ERROR_INIT;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    require(jsonx_quote(&out, (struct span){text, n}));
    require(jpull_check((struct span){out.data, out.len}, true, &err) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = ERROR_INIT;
    struct jsonx *doc = NULL;
    struct jsonx *again = NULL;
    AUTO_STRBUF struct strbuf first = {0};
    AUTO_STRBUF struct strbuf second = {0};
    strbuf_init(&first, 0);
    strbuf_init(&second, 0);
    check_quote((const char *)data, size);
    if (jsonx_parse((const char *)data, size, "fuzz", &doc, &err) != 0)
        return 0;
    if (jsonx_dump(doc, &first)) {
        require(jsonx_parse(first.data, first.len, "again", &again, &err) == 0);
        require(jsonx_kind_of(again) == jsonx_kind_of(doc));
        require(jsonx_count(again) == jsonx_count(doc));
        require(jsonx_dump(again, &second));
        require(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    }
    jsonx_free(again);
    jsonx_free(doc);
    return 0;
}
