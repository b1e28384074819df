/* lib/perf/report.c - see report.h: the words and figures every renderer uses. */
#include "perf/report.h"

#include "perf/labels.h"

#include <math.h>

const char *perf_label(enum perf_label label)
{
    static const char *const texts[LABEL_COUNT] = {
#define X(name, text) [LABEL_##name] = (text),
        PERF_LABELS(X)
#undef X
    };
    return texts[label];
}

const char *const report_column_keys[REPORT_COLUMNS] = {"metric", "before", "target", "after",
                                                        "improvement"};
static const enum perf_label METRIC_LABELS[PERF_METRICS] = {LABEL_API_P95, LABEL_DATABASE_TIME,
                                                            LABEL_QPS, LABEL_ERROR_RATE};
static const enum perf_label RULE_LABELS[GATE_RULES] = {LABEL_API_P95,       LABEL_API_MEAN,
                                                        LABEL_DATABASE_TIME, LABEL_QPS,
                                                        LABEL_ERROR_RATE,    LABEL_BASELINE};
static const enum perf_label VERDICT_LABELS[] = {LABEL_NOT_COMPARED, LABEL_SAME, LABEL_IMPROVED,
                                                 LABEL_WORSE, LABEL_CLEARLY_WORSE};

/* ---- figures ------------------------------------------------------------------------------- */

void report_ms(double ms, struct strbuf *out)
{
    if (ms >= 10000)
        strbuf_addf(out, "%.1f s", ms / 1000);
    else
        strbuf_addf(out, ms >= 100 ? "%.0f ms" : ms >= 10 ? "%.1f ms" : "%.2f ms", ms);
}

void report_rate(double per_s, struct strbuf *out)
{
    strbuf_addf(out, per_s >= 100 ? "%.0f/s" : "%.1f/s", per_s);
}

void report_share(double share, struct strbuf *out)
{
    double pct = share * 100;
    strbuf_addf(out, pct >= 10 || pct <= 0 ? "%.1f %%" : pct >= 0.1 ? "%.2f %%" : "%.4f %%", pct);
}

static void add_figure(enum gate_rule rule, double value, struct strbuf *out)
{
    if (rule == GATE_RPS)
        report_rate(value, out);
    else if (rule == GATE_ERRORS)
        report_share(value, out);
    else
        report_ms(value, out);
}

static void add_value(enum gate_rule rule, const struct perf_value *v, struct strbuf *out)
{
    if (v->known == PERF_MEASURED) {
        add_figure(rule, v->value, out);
    } else if (v->known == PERF_BETWEEN) {
        add_figure(rule, v->low, out);
        strbuf_adds(out, " to ");
        add_figure(rule, v->high, out);
    } else {
        strbuf_adds(out, perf_label(LABEL_NOT_MEASURED));
    }
    if (v->known != PERF_MEASURED && v->why != NULL)
        strbuf_addf(out, " (%s)", v->why);
}

static void add_limit(enum gate_rule rule, double limit, struct strbuf *out)
{
    if (limit <= 0) {
        strbuf_adds(out, perf_label(LABEL_NO_TARGET));
        return;
    }
    strbuf_adds(out, rule == GATE_RPS ? ">= " : "< ");
    if (rule == GATE_RPS)
        strbuf_addf(out, "%.0f/s", limit);
    else if (rule == GATE_ERRORS)
        strbuf_addf(out, "%.4g %%", limit * 100);
    else
        strbuf_addf(out, "%.6g ms", limit);
}

void report_gate_line(const struct gate_check *c, enum gate_rule rule, struct strbuf *out)
{
    strbuf_adds(out, perf_label(RULE_LABELS[rule]));
    if (rule == GATE_BASELINE) {
        strbuf_addf(out, ": %s", perf_label(LABEL_CLEARLY_WORSE));
        return;
    }
    strbuf_addch(out, ' ');
    add_value(rule, &c->value, out);
    strbuf_adds(out, ", target ");
    add_limit(rule, c->limit, out);
}

void report_gate_value(const struct gate_check *c, enum gate_rule rule, struct strbuf *out)
{
    add_value(rule, &c->value, out);
}

void report_gate_limit(const struct gate_check *c, enum gate_rule rule, struct strbuf *out)
{
    add_limit(rule, c->limit, out);
}

const char *report_rule_label(enum gate_rule rule)
{
    return perf_label(RULE_LABELS[rule]);
}

const char *report_metric_label(enum perf_metric metric)
{
    return perf_label(METRIC_LABELS[metric]);
}

const char *report_verdict_label(enum perf_verdict verdict)
{
    return perf_label(VERDICT_LABELS[verdict]);
}

/* ---- the table ----------------------------------------------------------------------------- */

static enum gate_rule rule_of(enum perf_metric metric)
{
    static const enum gate_rule rules[PERF_METRICS] = {GATE_P95, GATE_DATABASE, GATE_RPS,
                                                       GATE_ERRORS};
    return rules[metric];
}

static void add_p(const struct perf_change *c, struct strbuf *out)
{
    if (!c->tested)
        strbuf_addf(out, "%s: %s", perf_label(LABEL_NOT_TESTED), c->why);
    else if (c->p < 0.001)
        strbuf_adds(out, "p < 0.001");
    else
        strbuf_addf(out, "p = %.3f", c->p);
}

/* "33.4 % lower, improved (p < 0.001)" */
static void add_improvement(const struct perf_report *r, enum perf_metric metric,
                            struct strbuf *out)
{
    if (r->comparison == NULL) {
        strbuf_addf(out, "%s (%s)", perf_label(LABEL_NOT_COMPARED), perf_label(LABEL_NO_BASELINE));
        return;
    }
    const struct perf_change *c = &r->comparison->changes[metric];
    if (!c->measured) {
        strbuf_addf(out, "%s (%s)", perf_label(LABEL_NOT_COMPARED), c->why);
        return;
    }
    double difference = c->after - c->before;
    if (fabs(difference) <= 0 || (c->before > 0 && fabs(c->relative) < 0.0005))
        strbuf_adds(out, perf_label(LABEL_UNCHANGED));
    else if (c->before > 0)
        strbuf_addf(out, "%.1f %% %s", fabs(c->relative) * 100,
                    perf_label(difference > 0 ? LABEL_HIGHER : LABEL_LOWER));
    else
        strbuf_adds(out, perf_label(difference > 0 ? LABEL_HIGHER : LABEL_LOWER));
    strbuf_addf(out, ", %s (", perf_label(VERDICT_LABELS[c->verdict]));
    if (c->verdict == PERF_WORSE && c->tested)
        strbuf_addf(out, "%s: ", perf_label(LABEL_NOT_ESTABLISHED));
    add_p(c, out);
    strbuf_addch(out, ')');
}

void report_row(const struct perf_report *r, enum perf_metric metric, struct arena *arena,
                const char *ret_cells[REPORT_COLUMNS])
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 4096);
    enum gate_rule rule = rule_of(metric);
    ret_cells[0] = perf_label(METRIC_LABELS[metric]);
    for (int column = 1; column < REPORT_COLUMNS; column++) {
        strbuf_clear(&text);
        struct perf_value v;
        if (column == 1 && r->before == NULL) {
            strbuf_addf(&text, "%s (%s)", perf_label(LABEL_NOT_MEASURED),
                        perf_label(LABEL_NO_BASELINE));
        } else if (column == 1 || column == 3) {
            v = perf_metric_value(column == 1 ? r->before : r->after, metric);
            add_value(rule, &v, &text);
        } else if (column == 2) {
            add_limit(rule, r->gate->checks[rule].limit, &text);
        } else {
            add_improvement(r, metric, &text);
        }
        ret_cells[column] = arena_strdup(arena, text.data);
    }
}

const char *report_verdict(const struct perf_report *r)
{
    if (r->after->interrupted)
        return "interrupted";
    return r->gate->failed > 0 ? "failed" : "passed";
}

void report_rule(const struct compare_rule *rule, struct strbuf *out)
{
    strbuf_addf(out,
                "A metric counts as changed when a Mann-Whitney U test over the slices of both "
                "runs gives p < %g (two-sided, Holm-adjusted over the metrics), the figure moved "
                "by more than %.3g %% and by more than %g times what the baseline differs from "
                "itself (its odd against its even slices), and by more than a floor (",
                rule->alpha, rule->min_change * 100, rule->noise_factor);
    report_ms(rule->floors[PERF_METRIC_P95], out);
    strbuf_adds(out, " P95, ");
    report_ms(rule->floors[PERF_METRIC_DATABASE], out);
    strbuf_adds(out, " database, ");
    report_rate(rule->floors[PERF_METRIC_RPS], out);
    strbuf_adds(out, ", ");
    report_share(rule->floors[PERF_METRIC_ERRORS], out);
    strbuf_adds(out, " errors). A move of that size for the worse is \"clearly worse\", and fails "
                     "the gate, when the test establishes it, and \"worse\" when it does not. "
                     "Slices of one run say nothing about differences between machines: measure "
                     "both sides on the same one.");
}
