/* Files of wrk, hey, k6 and vegeta: no input crashes, and what is accepted can be judged and
 * reported. */
#include "perf/document.h"
#include "perf/inputs.h"
#include "perf/study_inputs.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_target(struct study_rules *rules, const char *text, struct arena *arena)
{
    struct error err = ERROR_INIT;
    if (study_rules_add(rules, RULE_API, NULL, text, true, arena, &err) != 0)
        abort();
}

/* As a study it is compared with itself, judged, and reported. The result moves in. */
static void report(const struct perf_result *r, struct arena *arena)
{
    struct perf_study s;
    struct study_compare_rule rule;
    struct study_comparison comparison;
    struct study_rules rules = {0};
    struct study_gate gate;
    struct error err = ERROR_INIT;
    struct strbuf out;
    perf_study_of_result(r, arena, &s);
    study_compare_rule_default(&rule);
    study_compare(&s, &s, &rule, arena, &comparison);
    if (study_loads_check(&s, &s, &err) != 0 || comparison.verdict > CHANGE_SAME)
        abort(); /* nothing differs from itself */
    add_target(&rules, "p(95)<500", arena);
    add_target(&rules, "rate<0.001", arena);
    if (study_gate_evaluate(&s, &rules, &comparison, arena, &gate, &err) != 0)
        abort();
    const struct perf_document d = {
        .before = &s, .after = &s, .comparison = &comparison, .gate = &gate};
    strbuf_init(&out, (size_t)16 << 20);
    perf_render_markdown(&d, &out);
    strbuf_clear(&out);
    perf_render_json(&d, &out);
    strbuf_release(&out);
    perf_study_release(&s);
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
    } else if (err.code != ERR_DATA || err.message[0] == '\0') {
        abort();
    }
    free(text);
    arena_free(arena);
    return 0;
}
