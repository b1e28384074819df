/* lib/perf/study_gate.h - targets of a study, checked: what CI stops on.
 *
 * What a request costs the database gates hard: the figure against the limit. Times, rates and
 * errors gate softly: met or missed when their 95 % interval lies on one side of the limit, else
 * inconclusive; without an interval the figure itself decides. When the generator could not keep up
 * no time is judged. */
#ifndef DINER_PERF_STUDY_GATE_H
#define DINER_PERF_STUDY_GATE_H

#include "perf/study_compare.h"
#include "perf/threshold.h"

enum rule_scope {
    RULE_API,      /* the API as a whole */
    RULE_EACH,     /* each endpoint; of `rps` and `count`: the whole */
    RULE_ENDPOINT, /* one, by name */
};
struct study_rule {
    enum rule_scope scope;
    const char *endpoint; /* of RULE_ENDPOINT */
    const char *text;     /* as it was written */
    struct threshold threshold;
    bool is_default; /* nobody asked for it: not measured is then no fault */
};
struct study_rules {
    struct study_rule *rules;
    size_t nrules;
};

enum check_state { CHECK_PASSED, CHECK_NOT_MEASURED, CHECK_INCONCLUSIVE, CHECK_FAILED };
const char *check_state_name(enum check_state s); /* "inconclusive" */

struct study_check {
    const struct study_rule *rule; /* NULL: the comparison with the baseline */
    size_t endpoint;               /* FIGURE_WHOLE: the API as a whole */
    enum check_state state;
    struct perf_estimate estimate;     /* of delta rules: the change, as a share when relative */
    const struct study_change *change; /* of delta rules and of the comparison; else NULL */
    const char *why;                   /* of NOT_MEASURED, FAILED without a figure, INCONCLUSIVE */
    const char *anchor;                /* in the report: "check-3" */
};
struct study_gate {
    struct study_check *checks; /* in the order of the rules; the comparison's last */
    size_t nchecks;
    size_t failed, inconclusive, not_measured, passed;
    size_t open; /* inconclusive, and asked for but not measured: what --strict fails on */
    size_t rounds_needed;
    enum check_state verdict;
};

/* Parses a rule and adds it; ERR_CONFIG as threshold_parse. rules->rules lives in the arena. */
int study_rules_add(struct study_rules *rules, enum rule_scope scope, const char *endpoint,
                    const char *text, bool is_default, struct arena *arena, struct error *err);
/* comparison NULL: no baseline; delta rules are then not measured. ERR_CONFIG: a rule names an
 * endpoint that the study does not have. */
int study_gate_evaluate(const struct perf_study *s, const struct study_rules *rules,
                        const struct study_comparison *comparison, struct arena *arena,
                        struct study_gate *ret, struct error *err);
/* What the gate says of a figure (no delta) against a limit, whether or not it is a rule. */
enum check_state study_gate_figure(const struct perf_study *s, const struct threshold *t,
                                   size_t endpoint, struct arena *arena);
/* 0, or ERR_CHECK naming the failed checks with limit and value (under strict the open ones too).
 */
int study_gate_result(const struct study_gate *gate, const struct perf_study *s, bool strict,
                      struct error *err);
/* "GET /orders: p(95) < 200 ms: 312 ms"; plain English, for logs and messages. */
void study_check_line(const struct study_check *c, const struct perf_study *s, struct strbuf *out);
/* "p(95) < 200 ms", or the comparison's "not worse than the baseline". */
void study_check_rule(const struct study_check *c, struct strbuf *out);
/* "312 ms", "+12 %", "3.2"; "not measured". In the figure's unit. */
void study_check_value(const struct study_check *c, struct strbuf *out);

#endif
