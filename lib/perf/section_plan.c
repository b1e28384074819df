/* lib/perf/section_plan.c - 2: what to do, by area; 3: when, by week. */
#include "perf/section.h"

#include "perf/quantity.h"

#include <math.h>

static void append(struct sink *s, struct strbuf *text, const char *part)
{
    strbuf_adds(text, text->len > 0 ? say(s, TEXT_SEMICOLON) : "");
    strbuf_adds(text, part);
}

/* Gain and cost as far as they are known. */
static void add_gain(struct sink *s, const struct perf_finding *f)
{
    AUTO_STRBUF struct strbuf gain = {0}, cost = {0};
    strbuf_init(&gain, 0);
    strbuf_init(&cost, 0);
    if (f->gain_ms_per_request > 0)
        append(s, &gain,
               text_fill(s->d, s->arena, TEXT_G_MS, say_unit(s, UNIT_MS, f->gain_ms_per_request),
                         NULL));
    if (f->gain_share > 0)
        append(s, &gain,
               text_fill(s->d, s->arena, TEXT_G_SHARE,
                         say_unit(s, UNIT_SHARE, fmin(1, f->gain_share)), NULL));
    if (f->cost_before > 0 && f->cost_after >= 0)
        append(s, &gain,
               text_fill(s->d, s->arena, TEXT_G_COST, say_unit(s, UNIT_COUNT, f->cost_before),
                         say_unit(s, UNIT_COUNT, f->cost_after), NULL));
    if (f->index_bytes > 0)
        append(
            s, &cost,
            text_fill(s->d, s->arena, TEXT_G_INDEX, say_unit(s, UNIT_BYTES, f->index_bytes), NULL));
    if (f->write_overhead > 0)
        append(s, &cost,
               text_fill(s->d, s->arena, TEXT_G_WRITE, say_unit(s, UNIT_SHARE, f->write_overhead),
                         NULL));
    if (gain.len > 0)
        sink_fact(s, say(s, TEXT_GAIN), gain.data);
    if (cost.len > 0)
        sink_fact(s, say(s, TEXT_S5_COST), cost.data);
}

static void add_cure(struct sink *s, const struct perf_finding *f)
{
    sink_heading(s, 4, NULL, arena_printf(s->arena, "plan-%s", f->id), finding_title(s, f));
    sink_paragraph(s, text_pick(s->d, f->cure_en, f->cure_zh));
    add_gain(s, f);
    sink_code(s, say(s, TEXT_APPLY), "sql", f->apply_sql);
    sink_code(s, say(s, TEXT_UNDO), "sql", f->undo_sql);
}

static size_t add_area(struct sink *s, enum plan_area from, enum plan_area to)
{
    size_t n = 0;
    for (size_t i = 0; i < s->d->after->nfindings; i++) {
        enum plan_area area = finding_area(&s->d->after->findings[i]);
        if (area < from || area > to)
            continue;
        add_cure(s, &s->d->after->findings[i]);
        n++;
    }
    return n;
}

static const char *instances_text(struct sink *s, double instances)
{
    return arena_printf(s->arena, "%.0f", ceil(instances - 1e-9));
}

/* What follows from the search for capacity. */
static void add_scale(struct sink *s)
{
    const struct perf_figure mean = {.kind = FIGURE_MEAN}, database = {.kind = FIGURE_DATABASE};
    const struct perf_step *knee = document_knee(s->d);
    double target = document_target(s->d, FIGURE_WHOLE, FIGURE_RPS);
    if (s->d->after->nsteps == 0 || knee == NULL) {
        sink_paragraph(
            s, say(s, s->d->after->nsteps == 0 ? TEXT_PLAN_NONE_SCALE : TEXT_SCALE_NO_KNEE));
        return;
    }
    sink_paragraph(s, text_fill(s->d, s->arena, TEXT_SCALE_KNEE, say_unit(s, UNIT_PER_S, knee->rps),
                                say_unit(s, UNIT_MS, knee->p95_ms),
                                say_unit(s, UNIT_SHARE, knee->error_rate), NULL));
    const char *wanted = target > 0 ? say_unit(s, UNIT_PER_S, target) : NULL;
    if (target > 0 && knee->rps >= target)
        sink_paragraph(s, text_fill(s->d, s->arena, TEXT_SCALE_ENOUGH, wanted, NULL));
    else if (target > 0 && knee->rps > 0)
        sink_paragraph(s,
                       text_fill(s->d, s->arena, TEXT_SCALE_NEED, wanted,
                                 instances_text(s, target / knee->rps),
                                 say_unit(s, UNIT_COUNT, fmax(0, knee->database_sessions)), NULL));
    struct perf_value all = figure_estimate(s->d->after, FIGURE_WHOLE, mean, s->arena).value;
    struct perf_value db = figure_estimate(s->d->after, FIGURE_WHOLE, database, s->arena).value;
    if (all.known == PERF_MEASURED && db.known == PERF_MEASURED && db.value > 0.5 * all.value)
        sink_paragraph(s, text_fill(s->d, s->arena, TEXT_SCALE_DB,
                                    say_unit(s, UNIT_SHARE, fmin(1, db.value / all.value)), NULL));
}

void section_plan(struct sink *s)
{
    sink_heading(s, 2, "2", "plan", say(s, TEXT_S2));
    sink_heading(s, 3, "2.1", NULL, say(s, TEXT_S2_DATABASE));
    if (add_area(s, AREA_DATABASE, AREA_QUERY) == 0)
        sink_paragraph(s, say(s, TEXT_PLAN_NONE_DATABASE));
    sink_heading(s, 3, "2.2", NULL, say(s, TEXT_S2_CACHE));
    if (add_area(s, AREA_CACHE, AREA_CACHE) == 0)
        sink_paragraph(s, say(s, TEXT_PLAN_NONE_CACHE));
    sink_heading(s, 3, "2.3", NULL, say(s, TEXT_S2_ASYNC));
    if (add_area(s, AREA_ASYNC, AREA_ASYNC) == 0)
        sink_paragraph(s, say(s, TEXT_PLAN_NONE_ASYNC));
    sink_heading(s, 3, "2.4", NULL, say(s, TEXT_S2_SCALE));
    (void)add_area(s, AREA_SCALE, AREA_SCALE);
    add_scale(s);
}

/* ---- phases ---------------------------------------------------------------------------------- */

static void add_step(struct sink *s, const struct perf_finding *f)
{
    const char *title = finding_title(s, f);
    bool proved = f->proof >= PERF_PROOF_CONFIRMED;
    sink_item(s, proved ? title : text_fill(s->d, s->arena, TEXT_PH_UNPROVED, title, NULL),
              arena_printf(s->arena, "plan-%s", f->id));
}

static void add_phase(struct sink *s, enum report_text title, enum plan_area from,
                      enum plan_area to)
{
    size_t n = 0;
    sink_heading(s, 3, NULL, NULL, say(s, title));
    for (size_t i = 0; i < s->d->after->nfindings; i++) {
        const struct perf_finding *f = &s->d->after->findings[i];
        if (finding_area(f) < from || finding_area(f) > to)
            continue;
        if (n++ == 0) {
            sink_list_begin(s, true);
            if (from == AREA_DATABASE && f->apply_sql != NULL)
                sink_item(s, say(s, TEXT_PH_BACKUP), NULL);
        }
        add_step(s, f);
    }
    if (n > 0)
        sink_list_end(s);
    else
        sink_paragraph(s, say(s, TEXT_PHASE_NONE));
}

static size_t rules_count(const struct study_gate *g)
{
    size_t n = 0;
    const struct study_rule *last = NULL;
    for (size_t i = 0; i < g->nchecks; i++)
        if (g->checks[i].rule != NULL && g->checks[i].rule != last) {
            last = g->checks[i].rule;
            n++;
        }
    return n;
}

void section_phases(struct sink *s)
{
    size_t rules = rules_count(s->d->gate);
    sink_heading(s, 2, "3", "phases", say(s, TEXT_S3));
    add_phase(s, TEXT_PHASE1, AREA_DATABASE, AREA_DATABASE);
    add_phase(s, TEXT_PHASE2, AREA_QUERY, AREA_QUERY);
    add_phase(s, TEXT_PHASE3, AREA_CACHE, AREA_SCALE);
    sink_heading(s, 3, NULL, NULL, say(s, TEXT_PHASE4));
    sink_list_begin(s, true);
    sink_item(s, say(s, TEXT_PH_AGAIN), NULL);
    sink_item(s, say(s, TEXT_PH_ALERTS), NULL);
    if (rules > 0)
        sink_item(
            s, text_fill(s->d, s->arena, TEXT_PH_GATE, arena_printf(s->arena, "%zu", rules), NULL),
            NULL);
    sink_list_end(s);
}
