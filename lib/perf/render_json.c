/* lib/perf/render_json.c - the report for programs. docs/reference/perf-report.schema.json is its
 * schema; a test holds the two together. */
#include "perf/document.h"

#include "format/jsonx.h"
#include "perf/roi.h"

static void write_number(struct jwriter *w, const char *key, double value, bool known)
{
    jwriter_key(w, key);
    if (known)
        jwriter_double(w, value);
    else
        jwriter_null(w);
}

static void write_name(struct jwriter *w, const struct perf_document *d, size_t endpoint)
{
    jwriter_kstring(w, "endpoint",
                    endpoint == FIGURE_WHOLE ? NULL : d->after->endpoints[endpoint].name);
}

static const char *unit_name(enum figure_unit unit)
{
    static const char *const names[] = {"ms",    "share",  "per_second", "count",
                                        "count", "blocks", "bytes"};
    return names[unit];
}

static void write_estimate(struct jwriter *w, const char *key, const struct perf_estimate *e)
{
    const struct perf_value *v = &e->value;
    jwriter_key(w, key);
    jwriter_object(w);
    write_number(w, "value", v->value, v->known == PERF_MEASURED);
    if (v->known == PERF_BETWEEN || (v->known == PERF_MEASURED && e->has_interval)) {
        bool between = v->known == PERF_BETWEEN;
        write_number(w, "low", between ? v->low : e->low, true);
        write_number(w, "high", between ? v->high : e->high, true);
    }
    if (v->known != PERF_MEASURED)
        jwriter_kstring(w, "not_measured", v->why ? v->why : "no figure");
    jwriter_end(w);
}

static void write_checks(struct jwriter *w, const struct perf_document *d)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 4096);
    jwriter_key(w, "checks");
    jwriter_array(w);
    for (size_t i = 0; i < d->gate->nchecks; i++) {
        const struct study_check *c = &d->gate->checks[i];
        jwriter_object(w);
        strbuf_clear(&text);
        study_check_rule(c, &text);
        jwriter_kstring(w, "check", text.data);
        write_name(w, d, c->endpoint);
        jwriter_kstring(w, "result", check_state_name(c->state));
        write_number(w, "limit", c->rule ? c->rule->threshold.limit : 0, c->rule != NULL);
        jwriter_kstring(w, "unit",
                        c->rule == NULL ? NULL
                        : c->rule->threshold.relative
                            ? "share"
                            : unit_name(figure_unit(c->rule->threshold.figure.kind)));
        write_estimate(w, "measured", &c->estimate);
        jwriter_kstring(w, "why", c->state == CHECK_PASSED ? NULL : c->why);
        jwriter_kstring(w, "anchor", c->anchor);
        jwriter_end(w);
    }
    jwriter_end(w);
}

static void write_figures(struct jwriter *w, const struct perf_document *d, size_t endpoint,
                          struct arena *arena)
{
    static const enum figure_kind kinds[] = {
        FIGURE_P95,    FIGURE_DATABASE, FIGURE_RPS, FIGURE_ERRORS, FIGURE_MEAN,
        FIGURE_P50,    FIGURE_P90,      FIGURE_P99, FIGURE_CALLS,  FIGURE_ROWS,
        FIGURE_BLOCKS, FIGURE_TEMP,     FIGURE_WAL};
    jwriter_key(w, "figures");
    jwriter_object(w);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct perf_figure f = {.kind = kinds[i]};
        struct perf_estimate e = figure_estimate(d->after, endpoint, f, arena);
        write_estimate(w, figure_key(kinds[i]), &e);
    }
    jwriter_end(w);
}

static void write_endpoints(struct jwriter *w, const struct perf_document *d, struct arena *arena)
{
    jwriter_key(w, "api");
    jwriter_object(w);
    write_figures(w, d, FIGURE_WHOLE, arena);
    jwriter_end(w);
    jwriter_key(w, "endpoints");
    jwriter_array(w);
    for (size_t i = 0; i < d->after->nendpoints; i++) {
        jwriter_object(w);
        jwriter_kstring(w, "name", d->after->endpoints[i].name);
        write_number(w, "weight", study_weight(d->after, i), true);
        write_figures(w, d, i, arena);
        jwriter_end(w);
    }
    jwriter_end(w);
}

static void write_change(struct jwriter *w, const struct perf_document *d,
                         const struct study_change *c)
{
    bool compared = c->verdict != CHANGE_NOT_COMPARED;
    jwriter_object(w);
    write_name(w, d, c->endpoint);
    jwriter_kstring(w, "figure", figure_key(c->figure));
    jwriter_kstring(w, "unit", unit_name(figure_unit(c->figure)));
    jwriter_kstring(w, "verdict", change_verdict_name(c->verdict));
    write_number(w, "before", c->before, compared);
    write_number(w, "after", c->after, compared);
    write_number(w, "relative", c->relative, compared && c->before > 0);
    write_number(w, "limit", c->limit, compared);
    write_number(w, "p", c->p, c->tested);
    bool has_interval = c->tested && c->shift.has_interval && !c->scaled;
    write_number(w, "shift", c->shift.estimate, c->tested);
    write_number(w, "shift_low", c->shift.low, has_interval);
    write_number(w, "shift_high", c->shift.high, has_interval);
    jwriter_kint(w, "rounds_before", (int64_t)c->rounds_before);
    jwriter_kint(w, "rounds_after", (int64_t)c->rounds_after);
    write_number(w, "rounds_needed", (double)c->rounds_needed, c->rounds_needed > 0);
    jwriter_kstring(w, "why", c->why);
    jwriter_end(w);
}

static void write_comparison(struct jwriter *w, const struct perf_document *d)
{
    const struct study_comparison *c = d->comparison;
    jwriter_key(w, "comparison");
    if (c == NULL) {
        jwriter_null(w);
        return;
    }
    jwriter_object(w);
    jwriter_kstring(w, "baseline", d->before_name);
    jwriter_kstring(w, "verdict", change_verdict_name(c->verdict));
    write_number(w, "alpha", c->rule.alpha, true);
    write_number(w, "min_change", c->rule.min_change, true);
    write_number(w, "noise_factor", c->rule.noise_factor, true);
    jwriter_kint(w, "endpoints_added", (int64_t)c->added);
    jwriter_kint(w, "endpoints_removed", (int64_t)c->removed);
    jwriter_key(w, "changes");
    jwriter_array(w);
    for (size_t i = 0; i < c->nchanges; i++)
        write_change(w, d, &c->changes[i]);
    jwriter_end(w);
    jwriter_end(w);
}

static void write_finding(struct jwriter *w, const struct perf_document *d,
                          const struct perf_finding *f)
{
    static const char *const severities[] = {"note", "low", "medium", "high"};
    static const char *const levels[] = {"database", "application", "architecture"};
    static const char *const proofs[] = {"none", "suspected", "confirmed", "planner"};
    bool zh = d->language == PERF_CHINESE;
    jwriter_object(w);
    jwriter_kstring(w, "id", f->id);
    jwriter_kstring(w, "kind", f->kind);
    jwriter_kstring(w, "severity", severities[f->severity]);
    jwriter_kstring(w, "level", levels[f->level]);
    jwriter_kstring(w, "proof", proofs[f->proof]);
    jwriter_kstring(w, "unproved", f->unproved);
    jwriter_kstring(w, "title", zh ? f->title_zh : f->title_en);
    jwriter_kstring(w, "cause", zh ? f->cause_zh : f->cause_en);
    jwriter_kstring(w, "cure", zh ? f->cure_zh : f->cure_en);
    jwriter_kstring(w, "sql", f->sql);
    jwriter_kstring(w, "rewrite", f->rewrite);
    jwriter_kstring(w, "apply_sql", f->apply_sql);
    jwriter_kstring(w, "undo_sql", f->undo_sql);
    jwriter_key(w, "endpoints");
    jwriter_array(w);
    for (size_t i = 0; i < f->nendpoints; i++)
        jwriter_string(w, d->after->endpoints[f->endpoints[i]].name);
    jwriter_end(w);
    write_number(w, "gain_ms_per_request", f->gain_ms_per_request, f->gain_ms_per_request >= 0);
    write_number(w, "cost_before", f->cost_before, f->cost_before >= 0);
    write_number(w, "cost_after", f->cost_after, f->cost_after >= 0);
    write_number(w, "index_bytes", f->index_bytes, f->index_bytes >= 0);
    write_number(w, "write_overhead", f->write_overhead, f->write_overhead >= 0);
    jwriter_end(w);
}

static void write_findings(struct jwriter *w, const struct perf_document *d)
{
    jwriter_key(w, "findings");
    jwriter_array(w);
    for (size_t i = 0; i < d->after->nfindings; i++)
        write_finding(w, d, &d->after->findings[i]);
    jwriter_end(w);
    jwriter_key(w, "not_measured");
    jwriter_array(w);
    for (size_t i = 0; i < d->after->nmissing; i++) {
        const struct perf_missing *m = &d->after->missing[i];
        jwriter_object(w);
        jwriter_kstring(w, "what", m->what);
        jwriter_kstring(w, "why", d->language == PERF_CHINESE ? m->why_zh : m->why_en);
        jwriter_end(w);
    }
    jwriter_end(w);
}

static void write_roi(struct jwriter *w, const struct perf_document *d, struct arena *arena)
{
    struct roi r = roi_compute(d, arena);
    jwriter_key(w, "roi");
    jwriter_object(w);
    jwriter_kstring(w, "basis", !r.known ? NULL : r.measured ? "measured" : "expected");
    write_number(w, "database_ms_saved_per_request", r.ms_per_request, r.known);
    write_number(w, "database_share_saved", r.share, r.known);
    write_number(w, "database_seconds_saved_per_day", r.seconds, r.known && r.per_day);
    write_number(w, "index_bytes", r.index_bytes, true);
    write_number(w, "money_per_month", r.money_per_month, r.known && r.has_money);
    jwriter_kstring(w, "currency", r.has_money ? d->after->environment.currency : NULL);
    write_number(w, "payback_months", r.payback_months, r.has_money && r.payback_months >= 0);
    jwriter_end(w);
}

void perf_render_json(const struct perf_document *d, struct strbuf *out)
{
    struct jwriter w;
    struct arena *arena = arena_new();
    const struct perf_environment *e = &d->after->environment;
    bool failed = d->gate->failed > 0 || (d->strict && d->gate->open > 0);
    jwriter_init_pretty(&w, out);
    jwriter_object(&w);
    jwriter_kint(&w, "diner_perf_report", PERF_REPORT_VERSION);
    jwriter_kstring(&w, "diner", DINER_VERSION);
    jwriter_kstring(&w, "title", e->title);
    jwriter_kstring(&w, "target", e->target);
    jwriter_kstring(&w, "language", d->language == PERF_CHINESE ? "zh" : "en");
    jwriter_kstring(&w, "verdict",
                    d->interrupted ? "interrupted" : check_state_name(d->gate->verdict));
    jwriter_kint(&w, "exit_code", d->interrupted ? 130 : failed ? 9 : 0);
    write_number(&w, "rounds_needed", (double)d->gate->rounds_needed, d->gate->rounds_needed > 0);
    write_checks(&w, d);
    write_endpoints(&w, d, arena);
    write_comparison(&w, d);
    write_findings(&w, d);
    write_roi(&w, d, arena);
    jwriter_end(&w);
    strbuf_addch(out, '\n');
    arena_free(arena);
}
