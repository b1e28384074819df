/* Targets of any bytes: what parses prints as something that parses to the same. */
#include "perf/threshold.h"
#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char *text = mem_strndup((const char *)bytes, n);
    AUTO_STRBUF struct strbuf out = {0};
    struct threshold t, again;
    struct error err = ERROR_INIT;

    strbuf_init(&out, 4096);
    int code = threshold_parse(text, &t, &err);
    if ((code == 0) != (err.code == 0) || (code != 0 && strstr(err.message, "threshold") == NULL))
        abort();
    if (code == 0) {
        threshold_print(&t, &out);
        if (out.overflow ||
            (out.len <= THRESHOLD_MAX && threshold_parse(out.data, &again, &err) != 0 &&
             strstr(err.message, "15 digits") == NULL))
            abort();
        (void)threshold_met(&t, t.limit);
    }
    free(text);
    return 0;
}
