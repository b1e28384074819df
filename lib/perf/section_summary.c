/* lib/perf/section_summary.c - the first page: verdict, the four figures, causes, what to do first;
 * and the footer. */
#include "perf/section.h"

#include "perf/quantity.h"

#include <math.h>

static const char *count_text(const struct sink *s, size_t n)
{
    return arena_printf(s->arena, "%zu", n);
}

/* ---- verdict --------------------------------------------------------------------------------- */

static const char *rounds_text(const struct sink *s)
{
    size_t needed = s->d->gate->rounds_needed;
    if (needed == 0)
        return "";
    return text_fill(s->d, s->arena, needed >= STATISTICS_MAX ? TEXT_V_ROUNDS_MORE : TEXT_V_ROUNDS,
                     count_text(s, needed), NULL);
}

static const char *voided_text(const struct sink *s)
{
    const struct perf_study *a = s->d->after;
    if (!a->voided)
        return "";
    return text_fill(s->d, s->arena, TEXT_V_VOIDED, a->voided_why ? say_why(s, a->voided_why) : "?",
                     NULL);
}

static void add_verdict(struct sink *s)
{
    const struct study_gate *g = s->d->gate;
    const char *space = s->d->language == PERF_CHINESE ? "" : " ";
    const char *all = count_text(s, g->nchecks - g->not_measured), *text;
    if (s->d->interrupted) {
        sink_verdict(s, TONE_WARN, say(s, TEXT_INTERRUPTED), say(s, TEXT_V_INTERRUPTED));
        return;
    }
    if (g->verdict == CHECK_FAILED)
        text = text_fill(s->d, s->arena, TEXT_V_FAILED, count_text(s, g->failed), all, NULL);
    else if (g->verdict == CHECK_INCONCLUSIVE)
        text = text_fill(s->d, s->arena, TEXT_V_INCONCLUSIVE, count_text(s, g->inconclusive), all,
                         NULL);
    else if (g->verdict == CHECK_PASSED)
        text = text_fill(s->d, s->arena, TEXT_V_PASSED, all, NULL);
    else
        text = say(s, TEXT_V_NOTHING);
    const char *rounds = g->verdict == CHECK_INCONCLUSIVE ? rounds_text(s) : "";
    const char *voided = voided_text(s);
    text = arena_printf(s->arena, "%s%s%s%s%s", text, rounds[0] ? space : "", rounds,
                        voided[0] ? space : "", voided);
    enum sink_tone tone = g->verdict == CHECK_NOT_MEASURED ? TONE_MUTED : tone_of_check(g->verdict);
    sink_verdict(
        s, tone,
        say(s, g->verdict == CHECK_NOT_MEASURED ? TEXT_NOTHING_JUDGED : text_check(g->verdict)),
        text);
}

/* ---- tiles ----------------------------------------------------------------------------------- */

static struct sink_tile tile_of(struct sink *s, enum figure_kind kind)
{
    const struct perf_figure f = {.kind = kind};
    struct perf_value v = figure_estimate(s->d->after, FIGURE_WHOLE, f, s->arena).value;
    const struct study_change *c = study_change_of(s->d->comparison, FIGURE_WHOLE, kind);
    const struct threshold *t = target_of(s, FIGURE_WHOLE, kind);
    enum check_state state =
        t != NULL ? study_gate_figure(s->d->after, t, FIGURE_WHOLE, s->arena) : CHECK_NOT_MEASURED;
    const char *target = t ? arena_printf(s->arena, "%s %s", say(s, TEXT_TARGET), say_limit(s, t))
                           : say(s, TEXT_NO_TARGET);
    struct sink_tile tile = {.label = say(s, text_figure(kind)),
                             .value = say_value(s, figure_unit(kind), &v),
                             .note = target,
                             .tone =
                                 state == CHECK_NOT_MEASURED ? TONE_PLAIN : tone_of_check(state)};
    if (v.known == PERF_UNKNOWN)
        tile.tone = TONE_MUTED;
    if (c != NULL && (c->verdict != CHANGE_NOT_COMPARED || c->before > 0)) {
        tile.change = c->verdict == CHANGE_SAME ? say(s, TEXT_C_SAME) : say_change(s, c);
        tile.change_tone = tone_of_change(c);
        tile.note = arena_printf(s->arena, "%s \xC2\xB7 %s %s", target, say(s, TEXT_SERIES_BEFORE),
                                 say_unit(s, figure_unit(kind), c->before));
    }
    return tile;
}

static void add_tiles(struct sink *s)
{
    static const enum figure_kind kinds[] = {FIGURE_P95, FIGURE_DATABASE, FIGURE_RPS,
                                             FIGURE_ERRORS};
    struct sink_tile tiles[4];
    for (size_t i = 0; i < 4; i++)
        tiles[i] = tile_of(s, kinds[i]);
    sink_tiles(s, tiles, 4);
}

/* ---- what failed, why, and what first
 * ------------------------------------------------------------ */

static void add_failed(struct sink *s)
{
    const struct study_gate *g = s->d->gate;
    const struct sink_column columns[] = {
        {say(s, TEXT_ENDPOINT), false}, {say(s, TEXT_RULE), false}, {say(s, TEXT_VALUE), true}};
    size_t shown = 0;
    if (g->failed == 0 || s->d->interrupted)
        return;
    sink_heading(s, 3, NULL, NULL, say(s, TEXT_FAILED_CHECKS));
    sink_table_begin(s, NULL, columns, 3);
    for (size_t i = 0; i < g->nchecks && shown < 8; i++) {
        const struct study_check *c = &g->checks[i];
        if (c->state != CHECK_FAILED)
            continue;
        const struct sink_cell cells[] = {
            {.text = say_endpoint(s, c->endpoint), .anchor = c->anchor},
            {.text = say_check_rule(s, c), .code = c->rule != NULL},
            {.text = say_check_value(s, c), .tone = TONE_BAD},
        };
        sink_row(s, cells, NULL);
        shown++;
    }
    sink_table_end(s);
    if (g->failed > shown)
        sink_note(s,
                  text_fill(s->d, s->arena, TEXT_P_MORE, count_text(s, g->failed - shown), NULL));
}

static enum report_text no_causes(const struct perf_study *a)
{
    if (!a->diagnosed)
        return TEXT_NO_DIAGNOSIS;
    return a->server.version_number > 0 ? TEXT_NO_FINDINGS : TEXT_NO_FINDINGS_UNSEEN;
}

static void add_causes(struct sink *s)
{
    const struct perf_study *a = s->d->after;
    sink_heading(s, 3, NULL, NULL, say(s, TEXT_TOP_CAUSES));
    if (a->nfindings == 0) {
        sink_paragraph(s, say(s, no_causes(a)));
        return;
    }
    sink_list_begin(s, false);
    for (size_t i = 0; i < a->nfindings && i < 3; i++)
        sink_item(s, finding_title(s, &a->findings[i]), finding_anchor(s, &a->findings[i]));
    sink_list_end(s);
    sink_heading(s, 3, NULL, NULL, say(s, TEXT_TOP_ACTIONS));
    sink_list_begin(s, false);
    for (size_t i = 0; i < a->nfindings && i < 3; i++)
        sink_item(s, text_pick(s->d, a->findings[i].cure_en, a->findings[i].cure_zh), NULL);
    sink_list_end(s);
}

void section_title(struct sink *s)
{
    const struct perf_environment *e = &s->d->after->environment;
    const char *title = e->title ? e->title : e->target;
    sink_heading(
        s, 1, NULL, NULL,
        title ? arena_printf(s->arena, "%s%s%s", say(s, TEXT_TITLE), say(s, TEXT_COLON), title)
              : say(s, TEXT_TITLE));
}

void section_summary(struct sink *s)
{
    add_verdict(s);
    add_tiles(s);
    add_failed(s);
    add_causes(s);
}

/* ---- footer ---------------------------------------------------------------------------------- */

void section_body(struct sink *s)
{
    section_summary(s);
    section_analysis(s);
    section_plan(s);
    section_phases(s);
    section_verify(s);
    section_results(s);
    section_lessons(s);
    section_appendix(s);
}

void section_footer(struct sink *s)
{
    const struct perf_environment *e = &s->d->after->environment;
    sink_fact(s, say(s, TEXT_FOOT_OWNER), e->owner ? e->owner : say(s, TEXT_NOT_GIVEN));
    sink_fact(s, say(s, TEXT_FOOT_DONE),
              s->d->rendered_us != 0 ? say_instant(s->arena, s->d->rendered_us)
                                     : say(s, TEXT_NOT_GIVEN));
    sink_fact(s, say(s, TEXT_FOOT_RELATED), e->related ? e->related : say(s, TEXT_NOT_GIVEN));
}
