/* lib/perf/gate.c - see gate.h. */
#include "perf/gate.h"

#include "perf/report.h"

const char *const gate_rule_keys[GATE_RULES] = {"api_p95", "api_mean",   "database_time",
                                                "qps",     "error_rate", "baseline"};

const char *gate_state_name(enum gate_state s)
{
    static const char *const names[] = {"passed", "failed", "not_measured", "no_target"};
    return names[s];
}

static enum gate_state judge(const struct perf_value *v, double limit, bool at_least)
{
    if (at_least)
        return v->low >= limit ? GATE_PASSED : v->high < limit ? GATE_FAILED : GATE_NOT_MEASURED;
    return v->high < limit ? GATE_PASSED : v->low >= limit ? GATE_FAILED : GATE_NOT_MEASURED;
}

static struct gate_check check(struct perf_value v, double limit, bool at_least, bool must_show)
{
    struct gate_check c = {.limit = limit, .value = v, .state = GATE_NO_TARGET};
    if (limit <= 0)
        return c;
    c.state = v.known == PERF_UNKNOWN ? GATE_NOT_MEASURED : judge(&v, limit, at_least);
    if (c.state != GATE_NOT_MEASURED)
        return c;
    c.why = v.why;
    if (must_show)
        c.state = GATE_FAILED;
    return c;
}

static struct gate_check check_rps(const struct perf_result *r, double limit, struct arena *arena)
{
    const struct perf_profile *p = &r->profile;
    struct gate_check c = check(r->rps, limit, true, false);
    if (limit > 0 && p->model == PERF_MODEL_OPEN && p->rate_per_s > 0 &&
        (double)p->rate_per_s < limit) {
        c.state = GATE_NOT_MEASURED;
        c.why = arena_printf(arena, "the load only offered %lld/s", (long long)p->rate_per_s);
    }
    return c;
}

void gate_evaluate(const struct perf_result *r, const struct perf_targets *targets,
                   const struct perf_comparison *comparison, struct arena *arena, struct gate *ret)
{
    bool own = strcmp(r->profile.source, "diner") == 0;
    bool had_database = r->database.method != PERF_DATABASE_NONE;
    *ret = (struct gate){0};
    struct gate_check *c = ret->checks;
    c[GATE_P95] = check(r->percentiles[PERF_P95], targets->p95_ms, false, own);
    c[GATE_MEAN] = check(r->mean, targets->mean_ms, false, own);
    c[GATE_DATABASE] = check(r->database.ms_per_request, targets->database_ms, false, had_database);
    c[GATE_RPS] = check_rps(r, targets->rps, arena);
    c[GATE_ERRORS] = check(r->error_rate, targets->error_rate, false, own);
    c[GATE_BASELINE] = (struct gate_check){.state = GATE_NO_TARGET};
    if (comparison != NULL)
        c[GATE_BASELINE].state = comparison->verdict == PERF_CLEARLY_WORSE  ? GATE_FAILED
                                 : comparison->verdict == PERF_NOT_COMPARED ? GATE_NOT_MEASURED
                                                                            : GATE_PASSED;
    for (int i = 0; i < GATE_RULES; i++)
        ret->failed += c[i].state == GATE_FAILED;
}

int gate_result(const struct gate *gate, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, ERROR_MESSAGE_MAX);
    if (gate->failed == 0)
        return 0;
    for (int i = 0; i < GATE_RULES; i++) {
        if (gate->checks[i].state != GATE_FAILED)
            continue;
        if (text.len > 0)
            strbuf_adds(&text, "; ");
        report_gate_line(&gate->checks[i], (enum gate_rule)i, &text);
    }
    return error_set(err, ERR_CHECK, "check failed: %s", text.data);
}
