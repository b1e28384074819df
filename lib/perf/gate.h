/* lib/perf/gate.h - targets and the baseline, checked: what CI stops on.
 *
 * A figure that a load of our own failed to show (no request succeeded, too few of them) fails its
 * target: a gate that could not see must not wave through. What was not asked for or what another
 * tool's file does not hold is "not measured" and does not gate. */
#ifndef DINER_PERF_GATE_H
#define DINER_PERF_GATE_H

#include "perf/compare.h"
#include "perf/result.h"

struct perf_targets {                    /* 0: no target */
    double p95_ms, mean_ms, database_ms; /* below */
    double rps;                          /* at least */
    double error_rate;                   /* below, as a share */
};
enum gate_state { GATE_PASSED, GATE_FAILED, GATE_NOT_MEASURED, GATE_NO_TARGET };
const char *gate_state_name(enum gate_state s);

enum gate_rule {
    GATE_P95,
    GATE_MEAN,
    GATE_DATABASE,
    GATE_RPS,
    GATE_ERRORS,
    GATE_BASELINE,
    GATE_RULES
};
extern const char *const gate_rule_keys[GATE_RULES];

struct gate_check {
    enum gate_state state;
    double limit;
    struct perf_value value;
    const char *why; /* of FAILED without a figure and of NOT_MEASURED; else NULL */
};
struct gate {
    struct gate_check checks[GATE_RULES];
    size_t failed;
};
/* comparison may be NULL: no baseline. */
void gate_evaluate(const struct perf_result *r, const struct perf_targets *targets,
                   const struct perf_comparison *comparison, struct arena *arena, struct gate *ret);
/* 0, or ERR_CHECK naming each failed check with its limit and its value. */
int gate_result(const struct gate *gate, struct error *err);

#endif
