/* lib/perf/study_gate.c - see study_gate.h. */
#include "perf/study_gate.h"

#include "perf/quantity.h"

#include <math.h>
#include <string.h>

const char *check_state_name(enum check_state s)
{
    static const char *const names[] = {"passed", "not_measured", "inconclusive", "failed"};
    return names[s];
}

int study_rules_add(struct study_rules *rules, enum rule_scope scope, const char *endpoint,
                    const char *text, bool is_default, struct arena *arena, struct error *err)
{
    struct threshold t;
    TRY(threshold_parse(text, &t, err));
    struct study_rule *grown = arena_array(arena, rules->nrules + 1, sizeof *grown);
    if (rules->nrules > 0)
        memcpy(grown, rules->rules, rules->nrules * sizeof *grown);
    grown[rules->nrules++] = (struct study_rule){.scope = scope,
                                                 .endpoint = arena_strdup(arena, endpoint),
                                                 .text = arena_strdup(arena, text),
                                                 .threshold = t,
                                                 .is_default = is_default};
    rules->rules = grown;
    return 0;
}

/* ---- judging --------------------------------------------------------------------------------- */

struct judge {
    const struct perf_study *s;
    const struct study_comparison *comparison;
    struct arena *arena;
    struct study_gate *gate;
};

static void decide(struct study_check *c, const struct threshold *t)
{
    const struct perf_estimate *e = &c->estimate;
    bool low = threshold_met(t, e->has_interval ? e->low : e->value.value);
    bool high = threshold_met(t, e->has_interval ? e->high : e->value.value);
    if (t->op == THRESHOLD_EQ || t->op == THRESHOLD_NE)
        low = high = threshold_met(t, e->value.value);
    c->state = low && high ? CHECK_PASSED : !low && !high ? CHECK_FAILED : CHECK_INCONCLUSIVE;
    if (c->state == CHECK_INCONCLUSIVE)
        c->why = "the limit lies within the 95 % interval";
}

/* wrk prints no P95: the bounds may still decide. */
static void decide_between(struct study_check *c, const struct threshold *t)
{
    const struct perf_value *v = &c->estimate.value;
    bool low = threshold_met(t, v->low), high = threshold_met(t, v->high);
    c->state = low && high ? CHECK_PASSED : !low && !high ? CHECK_FAILED : CHECK_INCONCLUSIVE;
    c->why = v->why;
}

/* The load that a check is about; of the whole the mixed one, or that of the only endpoint. */
static const struct perf_result *load_of(const struct judge *j, size_t endpoint)
{
    if (endpoint == FIGURE_WHOLE && (j->s->mixed != NULL || j->s->nendpoints != 1))
        return j->s->mixed;
    return j->s->endpoints[endpoint == FIGURE_WHOLE ? 0 : endpoint].result;
}

/* A load of our own in which nothing succeeded has no times, and must not pass for that. */
static bool drove_in_vain(const struct judge *j, size_t endpoint)
{
    const struct perf_result *r = load_of(j, endpoint);
    return r != NULL && strcmp(r->profile.source, "diner") == 0 && perf_requests(r) > 0 &&
           r->outcomes[LOADGEN_OK] == 0;
}

static bool rate_was_offered(const struct judge *j, const struct threshold *t, size_t endpoint)
{
    const struct perf_result *r = load_of(j, endpoint);
    return j->s->nsteps > 0 || r == NULL || r->profile.model != PERF_MODEL_OPEN ||
           r->profile.rate_per_s <= 0 || (double)r->profile.rate_per_s >= t->limit;
}

static void check_figure(const struct judge *j, struct study_check *c)
{
    const struct threshold *t = &c->rule->threshold;
    enum figure_kind kind = t->figure.kind;
    bool soft = !figure_is_counter(kind);
    c->estimate = figure_estimate(j->s, c->endpoint, t->figure, j->arena);
    if (!soft)
        c->estimate.has_interval = false;
    if (c->estimate.value.known == PERF_UNKNOWN) {
        bool vain = soft && kind != FIGURE_DATABASE && drove_in_vain(j, c->endpoint);
        c->state = vain ? CHECK_FAILED : CHECK_NOT_MEASURED;
        c->why = c->estimate.value.why;
    } else if (soft && j->s->voided && kind != FIGURE_ERRORS) {
        c->state = CHECK_INCONCLUSIVE;
        c->why = "the load generator could not keep up: times say nothing";
    } else if (kind == FIGURE_RPS && threshold_is_minimum(t) &&
               !rate_was_offered(j, t, c->endpoint)) {
        c->state = CHECK_NOT_MEASURED;
        c->why = "the load offered less than the limit";
    } else if (c->estimate.value.known == PERF_BETWEEN) {
        decide_between(c, t);
    } else {
        decide(c, t);
    }
}

enum check_state study_gate_figure(const struct perf_study *s, const struct threshold *t,
                                   size_t endpoint, struct arena *arena)
{
    const struct judge j = {.s = s, .arena = arena};
    const struct study_rule rule = {.threshold = *t};
    struct study_check c = {.rule = &rule, .endpoint = endpoint};
    check_figure(&j, &c);
    return c.state;
}

/* "No more than before" means the counter, not the 0.001 by which the rounds of a system differ. */
static bool is_no_change(const struct study_change *d, const struct threshold *t)
{
    return d->counter && d->verdict == CHANGE_SAME && fabs(t->limit) <= 0;
}

/* A change fails when it is beyond the limit and the test establishes that there is one. */
static void check_delta(const struct judge *j, struct study_check *c)
{
    const struct threshold *t = &c->rule->threshold;
    c->change = study_change_of(j->comparison, c->endpoint, t->figure.kind);
    c->estimate.value = perf_unknown(j->comparison == NULL ? "no baseline was given"
                                                           : "this figure is not compared");
    c->state = CHECK_NOT_MEASURED;
    c->why = c->estimate.value.why;
    const struct study_change *d = c->change;
    if (j->comparison == NULL || d == NULL)
        return;
    if (d->verdict == CHANGE_NOT_COMPARED && d->why != NULL && d->before <= 0 && d->after <= 0) {
        c->why = c->estimate.value.why = d->why;
        return;
    }
    if (t->relative && d->before <= 0) {
        c->why = c->estimate.value.why = "it was 0 before: there is no relative change";
        return;
    }
    double scale = t->relative ? 1 / d->before : 1;
    c->estimate.value = perf_measured(is_no_change(d, t) ? 0 : (d->after - d->before) * scale);
    c->estimate.has_interval = d->tested && d->shift.has_interval;
    c->estimate.low = d->shift.low * scale;
    c->estimate.high = d->shift.high * scale;
    c->why = NULL;
    decide(c, t);
    if (c->state == CHECK_FAILED && !d->counter &&
        !(d->tested && d->p < j->comparison->rule.alpha)) {
        c->state = CHECK_INCONCLUSIVE;
        c->why = d->tested ? "the test does not establish the change" : d->why;
    }
}

static void add_check(const struct judge *j, const struct study_rule *rule, size_t endpoint)
{
    struct study_gate *g = j->gate;
    struct study_check *c = &g->checks[g->nchecks++];
    *c = (struct study_check){.rule = rule,
                              .endpoint = endpoint,
                              .anchor = arena_printf(j->arena, "check-%zu", g->nchecks)};
    if (rule->threshold.delta)
        check_delta(j, c);
    else
        check_figure(j, c);
}

/* The comparison as a whole is one check; the report shows its single changes. */
static void add_comparison(const struct judge *j)
{
    static const enum check_state states[] = {
        [CHANGE_NOT_COMPARED] = CHECK_NOT_MEASURED,
        [CHANGE_SAME] = CHECK_PASSED,
        [CHANGE_IMPROVED] = CHECK_PASSED,
        [CHANGE_INCONCLUSIVE] = CHECK_INCONCLUSIVE,
        [CHANGE_WORSE] = CHECK_FAILED,
    };
    struct study_gate *g = j->gate;
    const struct study_comparison *c = j->comparison;
    struct study_check *check = &g->checks[g->nchecks++];
    *check = (struct study_check){.endpoint = FIGURE_WHOLE,
                                  .state = states[c->verdict],
                                  .estimate.value = perf_unknown("see the comparison"),
                                  .anchor = "comparison"};
    for (size_t i = 0; i < c->nchanges; i++)
        if (c->changes[i].verdict == c->verdict &&
            (check->change == NULL || check->change->endpoint == FIGURE_WHOLE))
            check->change = &c->changes[i];
    check->endpoint = check->change ? check->change->endpoint : FIGURE_WHOLE;
}

static bool of_whole_only(const struct threshold *t)
{
    return t->figure.kind == FIGURE_RPS || t->figure.kind == FIGURE_COUNT;
}

static int add_rule(const struct judge *j, const struct study_rule *rule, struct error *err)
{
    if (rule->scope == RULE_ENDPOINT) {
        size_t i = study_find_endpoint(j->s, rule->endpoint);
        if (i == FIGURE_WHOLE) {
            error_set(err, ERR_CONFIG, "threshold '%s' is for endpoint '%s', which was not driven",
                      rule->text, rule->endpoint);
            return error_hint(err, "name an endpoint as the report shows it");
        }
        add_check(j, rule, i);
    } else if (rule->scope == RULE_API || j->s->nendpoints == 0 ||
               (of_whole_only(&rule->threshold) && !rule->threshold.delta)) {
        add_check(j, rule, FIGURE_WHOLE);
    } else {
        for (size_t i = 0; i < j->s->nendpoints; i++)
            add_check(j, rule, i);
    }
    return 0;
}

static void count_checks(struct study_gate *g, const struct study_comparison *comparison)
{
    for (size_t i = 0; i < g->nchecks; i++) {
        const struct study_check *c = &g->checks[i];
        g->passed += c->state == CHECK_PASSED;
        g->failed += c->state == CHECK_FAILED;
        g->inconclusive += c->state == CHECK_INCONCLUSIVE;
        g->not_measured += c->state == CHECK_NOT_MEASURED;
        g->open += c->state == CHECK_INCONCLUSIVE ||
                   (c->state == CHECK_NOT_MEASURED && c->rule != NULL && !c->rule->is_default);
    }
    g->rounds_needed = comparison ? comparison->rounds_needed : 0;
    g->verdict = g->failed > 0         ? CHECK_FAILED
                 : g->inconclusive > 0 ? CHECK_INCONCLUSIVE
                 : g->passed > 0       ? CHECK_PASSED
                                       : CHECK_NOT_MEASURED;
}

int study_gate_evaluate(const struct perf_study *s, const struct study_rules *rules,
                        const struct study_comparison *comparison, struct arena *arena,
                        struct study_gate *ret, struct error *err)
{
    struct study_gate gate = {0};
    const struct judge j = {s, comparison, arena, &gate};
    gate.checks = arena_array(arena, rules->nrules * (s->nendpoints + 1) + 1, sizeof *gate.checks);
    for (size_t i = 0; i < rules->nrules; i++)
        TRY(add_rule(&j, &rules->rules[i], err));
    if (comparison != NULL)
        add_comparison(&j);
    count_checks(&gate, comparison);
    *ret = gate;
    return 0;
}

/* ---- saying it ------------------------------------------------------------------------------- */

void study_check_rule(const struct study_check *c, struct strbuf *out)
{
    if (c->rule != NULL)
        threshold_print(&c->rule->threshold, out);
    else
        strbuf_adds(out, "not worse than the baseline");
}

void study_check_value(const struct study_check *c, struct strbuf *out)
{
    const struct perf_value *v = &c->estimate.value;
    if (c->rule == NULL) {
        if (c->change != NULL && c->change->before > 0)
            quantity_percent_change(c->change->relative, out);
        return;
    }
    enum figure_unit unit = figure_unit(c->rule->threshold.figure.kind);
    if (v->known == PERF_UNKNOWN) {
        strbuf_adds(out, "not measured");
    } else if (c->rule->threshold.delta) {
        if (c->rule->threshold.relative)
            quantity_percent_change(v->value, out);
        else
            quantity_signed(unit, v->value, out);
    } else if (v->known == PERF_BETWEEN) {
        quantity_of(unit, v->low, out);
        strbuf_adds(out, " to ");
        quantity_of(unit, v->high, out);
    } else {
        quantity_of(unit, v->value, out);
    }
}

void study_check_line(const struct study_check *c, const struct perf_study *s, struct strbuf *out)
{
    size_t start = out->len;
    if (c->endpoint != FIGURE_WHOLE)
        strbuf_addf(out, "%s: ", s->endpoints[c->endpoint].name);
    study_check_rule(c, out);
    strbuf_adds(out, ": ");
    if (c->rule == NULL && c->change != NULL)
        strbuf_addf(out, "%s ", figure_key(c->change->figure));
    study_check_value(c, out);
    if (c->state != CHECK_PASSED && c->why != NULL)
        strbuf_addf(out, " (%s)", c->why);
    for (char *p = out->data + start; (p = strstr(p, "\xC2\xA0")) != NULL;) { /* for terminals */
        *p = ' ';
        memmove(p + 1, p + 2, strlen(p + 2) + 1);
        out->len--;
    }
}

int study_gate_result(const struct study_gate *gate, const struct perf_study *s, bool strict,
                      struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    size_t bad = gate->failed + (strict ? gate->open : 0), named = 0;
    if (bad == 0)
        return 0;
    strbuf_init(&text, ERROR_MESSAGE_MAX);
    for (size_t i = 0; i < gate->nchecks && named < 5; i++) {
        const struct study_check *c = &gate->checks[i];
        bool open = c->state == CHECK_INCONCLUSIVE ||
                    (c->state == CHECK_NOT_MEASURED && c->rule && !c->rule->is_default);
        if (c->state != CHECK_FAILED && !(strict && open))
            continue;
        strbuf_adds(&text, named++ > 0 ? "; " : "");
        study_check_line(c, s, &text);
        strbuf_addf(&text, "%s (#%s)", c->state == CHECK_INCONCLUSIVE ? " [inconclusive]" : "",
                    c->anchor);
    }
    if (bad > named)
        strbuf_addf(&text, "; and %zu more", bad - named);
    error_set(err, ERR_CHECK, "%zu of %zu checks failed: %s", bad, gate->nchecks, text.data);
    if (strict && gate->failed == 0 && gate->rounds_needed > 0)
        return error_hint(err, "about %zu rounds a side would decide it", gate->rounds_needed);
    return err->code;
}
