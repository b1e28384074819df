/* Files of wrk, hey, k6 and diner's own reports: no input crashes, and what is accepted can be
 * reported and written out. */
#include "perf/inputs.h"
#include "perf/report.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void report(const struct perf_result *r, struct arena *arena)
{
    const struct perf_targets targets = {500, 200, 100, 5000, 0.001};
    struct compare_rule rule;
    struct perf_comparison comparison;
    struct gate gate;
    struct strbuf out;
    compare_rule_default(&rule);
    perf_compare(r, r, &rule, arena, &comparison);
    if (comparison.verdict > PERF_SAME) /* nothing differs from itself */
        abort();
    gate_evaluate(r, &targets, &comparison, arena, &gate);
    const struct perf_report model = {r, r, &targets, &comparison, &gate, "fuzz"};
    strbuf_init(&out, (size_t)16 << 20);
    report_markdown(&model, &out);
    strbuf_clear(&out);
    report_json(&model, &out);
    strbuf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct perf_result r;
    struct error err = ERROR_INIT;
    /* Exactly sized, so that reading past the end is seen. */
    char *text = mem_alloc(size + 1);
    memcpy(text, data, size);
    if (perf_input_parse((struct span){text, size}, "fuzz", arena, &r, &err) == 0) {
        report(&r, arena);
        perf_result_release(&r);
    } else if (err.code != ERR_DATA || err.message[0] == '\0') {
        abort();
    }
    free(text);
    arena_free(arena);
    return 0;
}
