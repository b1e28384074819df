/* lib/perf/report_json.c - the report for programs, and for a later run as its baseline. */
#include "perf/report.h"
#include "perf/result_json.h"

static void write_double(struct jwriter *w, const char *key, double value)
{
    jwriter_key(w, key);
    jwriter_double(w, value);
}

static void write_value(struct jwriter *w, const char *key, struct perf_value v)
{
    jwriter_key(w, key);
    if (v.known == PERF_MEASURED)
        jwriter_double(w, v.value);
    else
        jwriter_null(w);
}

static void write_change(struct jwriter *w, const struct perf_change *c)
{
    jwriter_key(w, "comparison");
    jwriter_object(w);
    jwriter_kstring(w, "verdict", perf_verdict_name(c->verdict));
    jwriter_kstring(w, "why", c->why);
    if (c->measured) {
        write_double(w, "relative_change", c->relative);
        write_double(w, "needed_change", c->threshold);
        write_double(w, "baseline_noise", c->noise);
        jwriter_kint(w, "slices_before", (int64_t)c->slices_before);
        jwriter_kint(w, "slices_after", (int64_t)c->slices_after);
    }
    if (c->tested) {
        write_double(w, "p", c->p);
        write_double(w, "shift", c->shift.estimate);
        if (c->shift.has_interval) {
            write_double(w, "shift_low", c->shift.low);
            write_double(w, "shift_high", c->shift.high);
        }
    }
    jwriter_end(w);
}

static void write_rows(struct jwriter *w, const struct perf_report *r)
{
    static const char *const units[PERF_METRICS] = {"ms", "ms", "1/s", "share"};
    static const enum gate_rule rules[PERF_METRICS] = {GATE_P95, GATE_DATABASE, GATE_RPS,
                                                       GATE_ERRORS};
    jwriter_key(w, "rows");
    jwriter_array(w);
    for (int i = 0; i < PERF_METRICS; i++) {
        const struct gate_check *c = &r->gate->checks[rules[i]];
        jwriter_object(w);
        jwriter_kstring(w, "metric", perf_metric_keys[i]);
        jwriter_kstring(w, "label", report_metric_label((enum perf_metric)i));
        jwriter_kstring(w, "unit", units[i]);
        write_value(w, "before",
                    r->before ? perf_metric_value(r->before, (enum perf_metric)i)
                              : perf_unknown("no baseline"));
        write_value(w, "target",
                    c->limit > 0 ? perf_measured(c->limit) : perf_unknown("no target"));
        write_value(w, "after", perf_metric_value(r->after, (enum perf_metric)i));
        jwriter_kstring(w, "result", gate_state_name(c->state));
        jwriter_kstring(w, "why", perf_metric_value(r->after, (enum perf_metric)i).why);
        if (r->comparison != NULL)
            write_change(w, &r->comparison->changes[i]);
        jwriter_end(w);
    }
    jwriter_end(w);
}

static void write_checks(struct jwriter *w, const struct gate *g)
{
    jwriter_key(w, "checks");
    jwriter_array(w);
    for (int i = 0; i < GATE_RULES; i++) {
        const struct gate_check *c = &g->checks[i];
        jwriter_object(w);
        jwriter_kstring(w, "check", gate_rule_keys[i]);
        jwriter_kstring(w, "result", gate_state_name(c->state));
        if (i != GATE_BASELINE) {
            write_value(w, "limit",
                        c->limit > 0 ? perf_measured(c->limit) : perf_unknown("no target"));
            write_value(w, "value", c->value);
        }
        jwriter_kstring(w, "why", c->why);
        jwriter_end(w);
    }
    jwriter_end(w);
}

static void write_comparison(struct jwriter *w, const struct perf_report *r)
{
    AUTO_STRBUF struct strbuf rule = {0};
    if (r->comparison == NULL) {
        jwriter_key(w, "comparison");
        jwriter_null(w);
        return;
    }
    strbuf_init(&rule, 4096);
    report_rule(&r->comparison->rule, &rule);
    jwriter_key(w, "comparison");
    jwriter_object(w);
    jwriter_kstring(w, "baseline", r->before_name);
    jwriter_kstring(w, "verdict", perf_verdict_name(r->comparison->verdict));
    jwriter_kstring(w, "rule", rule.data);
    jwriter_end(w);
}

void report_json(const struct perf_report *r, struct strbuf *out)
{
    struct jwriter w;
    jwriter_init_pretty(&w, out);
    jwriter_object(&w);
    jwriter_kint(&w, "diner_perf_report", PERF_JSON_VERSION);
    jwriter_kstring(&w, "diner", DINER_VERSION);
    jwriter_kstring(&w, "verdict", report_verdict(r));
    write_rows(&w, r);
    write_checks(&w, r->gate);
    write_comparison(&w, r);
    jwriter_key(&w, "result");
    perf_result_to_json(&w, r->after, true);
    jwriter_key(&w, "before");
    if (r->before != NULL)
        perf_result_to_json(&w, r->before, false);
    else
        jwriter_null(&w);
    jwriter_end(&w);
    strbuf_addch(out, '\n');
}
