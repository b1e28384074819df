/* lib/perf/section_appendix.c - environment, settings, statements, method, raw histograms. */
#include "perf/section.h"

#include "perf/quantity.h"

#include <math.h>
#include <stdlib.h>

#define STATEMENTS_MAX 100
#define SQL_MAX        600

static void add_pair(struct sink *s, enum report_text label, const char *text)
{
    const struct sink_cell cells[] = {{.text = say(s, label)}, {.text = text, .wrap = true}};
    if (text != NULL)
        sink_row(s, cells, NULL);
}

static void add_environment(struct sink *s)
{
    const struct perf_environment *e = &s->d->after->environment;
    const struct perf_server *server = &s->d->after->server;
    const struct sink_column columns[] = {{say(s, TEXT_METRIC), false},
                                          {say(s, TEXT_VALUE), false}};
    sink_heading(s, 3, "A.1", NULL, say(s, TEXT_ENVIRONMENT));
    sink_table_begin(s, NULL, columns, 2);
    add_pair(s, TEXT_E_TARGET, e->target);
    add_pair(s, TEXT_E_STARTED, e->started_us != 0 ? say_instant(s->arena, e->started_us) : NULL);
    add_pair(s, TEXT_E_OS, e->host_os);
    if (e->cpu != NULL)
        add_pair(s, TEXT_E_CPU,
                 e->cpus > 0 ? text_fill(s->d, s->arena, TEXT_E_CPUS, e->cpu,
                                         arena_printf(s->arena, "%d", e->cpus), NULL)
                             : e->cpu);
    if (e->memory_bytes > 0)
        add_pair(s, TEXT_E_MEMORY, say_unit(s, UNIT_BYTES, e->memory_bytes));
    add_pair(s, TEXT_E_SERVER,
             server->version_number > 0 ? server->version : say(s, TEXT_NOT_MEASURED));
    if (server->database_bytes > 0)
        add_pair(s, TEXT_E_SIZE, say_unit(s, UNIT_BYTES, server->database_bytes));
    if (server->window_s > 0)
        add_pair(s, TEXT_E_WINDOW, arena_printf(s->arena, "%.3g\xC2\xA0s", server->window_s));
    add_pair(s, TEXT_E_DINER, e->diner ? e->diner : DINER_VERSION);
    sink_table_end(s);
}

static void add_settings(struct sink *s)
{
    const struct perf_server *server = &s->d->after->server;
    const struct sink_column columns[] = {{say(s, TEXT_METRIC), false}, {say(s, TEXT_VALUE), true}};
    if (server->nsettings == 0)
        return;
    sink_fold_begin(s, say(s, TEXT_SETTINGS));
    sink_table_begin(s, NULL, columns, 2);
    for (size_t i = 0; i < server->nsettings && i < 200; i++) {
        const struct perf_setting *p = &server->settings[i];
        const struct sink_cell cells[] = {
            {.text = p->name, .code = true},
            {.text = p->unit ? arena_printf(s->arena, "%s %s", p->value, p->unit) : p->value}};
        sink_row(s, cells, NULL);
    }
    sink_table_end(s);
    sink_fold_end(s);
}

static void add_missing(struct sink *s)
{
    const struct perf_study *a = s->d->after;
    if (a->nmissing == 0)
        return;
    sink_heading(s, 3, "A.2", "missing", say(s, TEXT_MISSING));
    sink_list_begin(s, false);
    for (size_t i = 0; i < a->nmissing; i++)
        sink_item(s, text_pick(s->d, a->missing[i].why_en, a->missing[i].why_zh), NULL);
    sink_list_end(s);
}

static void add_notes(struct sink *s)
{
    const struct perf_study *a = s->d->after;
    size_t n = a->mixed ? a->mixed->nnotes : 0;
    for (size_t i = 0; i < a->nendpoints; i++)
        n += a->endpoints[i].result ? a->endpoints[i].result->nnotes : 0;
    if (n == 0)
        return;
    sink_fold_begin(s, say(s, TEXT_NOTES));
    sink_list_begin(s, false);
    for (size_t i = 0, shown = 0; i <= a->nendpoints && shown < 100; i++) {
        const struct perf_result *r = i < a->nendpoints ? a->endpoints[i].result : a->mixed;
        for (size_t k = 0; r != NULL && k < r->nnotes && shown < 100; k++, shown++)
            sink_item(s,
                      arena_printf(s->arena, "%s%s%s",
                                   say_endpoint(s, i < a->nendpoints ? i : FIGURE_WHOLE),
                                   say(s, TEXT_COLON), say_why(s, r->notes[k])),
                      NULL);
    }
    sink_list_end(s);
    sink_fold_end(s);
}

/* ---- statements -------------------------------------------------------------------------------
 */

struct ranked {
    size_t index;
    double ms;
};

static int most_time_first(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    int order = (y->ms > x->ms) - (y->ms < x->ms);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

static const char *cut_sql(const struct sink *s, const char *text)
{
    size_t n = strlen(text);
    if (n <= SQL_MAX)
        return text;
    for (n = SQL_MAX; n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80;)
        n--;
    return arena_printf(s->arena, "%.*s\xE2\x80\xA6", (int)n, text);
}

static void add_statement(struct sink *s, const struct ranked *r, double total)
{
    const struct perf_statement *q = &s->d->after->server.statements[r->index];
    double calls = fmax(q->calls, 1);
    const struct sink_cell cells[] = {
        {.text = arena_printf(s->arena, "Q%zu", r->index + 1),
         .sort = sort_key(s, (double)r->index)},
        {.text = cut_sql(s, q->text), .code = true, .wrap = true},
        {.text = say_unit(s, UNIT_COUNT, q->calls), .sort = sort_key(s, q->calls)},
        {.text = say_unit(s, UNIT_MS, q->exec_ms),
         .note = total > 0 ? say_unit(s, UNIT_SHARE, q->exec_ms / total) : NULL,
         .sort = sort_key(s, q->exec_ms)},
        {.text = say_unit(s, UNIT_MS, q->exec_ms / calls), .sort = sort_key(s, q->exec_ms / calls)},
        {.text = say_unit(s, UNIT_COUNT, q->rows / calls), .sort = sort_key(s, q->rows / calls)},
        {.text = say_unit(s, UNIT_COUNT, (q->blocks_hit + q->blocks_read) / calls),
         .sort = sort_key(s, (q->blocks_hit + q->blocks_read) / calls)},
    };
    sink_row(s, cells, NULL);
}

static void add_statements(struct sink *s)
{
    const struct perf_server *server = &s->d->after->server;
    const struct sink_column columns[] = {{"", false},
                                          {say(s, TEXT_STATEMENT), false},
                                          {say(s, TEXT_CALLS), true},
                                          {say(s, TEXT_TOTAL), true},
                                          {say(s, TEXT_MEAN), true},
                                          {say(s, TEXT_F_ROWS), true},
                                          {say(s, TEXT_F_BLOCKS), true}};
    struct ranked *ranks = arena_array(s->arena, server->nstatements + 1, sizeof *ranks);
    double total = 0, rest = 0;
    size_t n = 0;
    for (size_t i = 0; i < server->nstatements; i++) {
        total += fmax(0, server->statements[i].exec_ms);
        if (!server->statements[i].utility)
            ranks[n++] = (struct ranked){i, server->statements[i].exec_ms};
    }
    if (n == 0)
        return;
    qsort(ranks, n, sizeof *ranks, most_time_first);
    sink_fold_begin(s, say(s, TEXT_STATEMENTS));
    sink_table_begin(s, NULL, columns, 7);
    for (size_t i = 0; i < n && i < STATEMENTS_MAX; i++)
        add_statement(s, &ranks[i], total);
    sink_table_end(s);
    for (size_t i = STATEMENTS_MAX; i < n; i++)
        rest += ranks[i].ms;
    if (n > STATEMENTS_MAX)
        sink_note(s, text_fill(s->d, s->arena, TEXT_REST_STATEMENTS,
                               arena_printf(s->arena, "%zu", n - STATEMENTS_MAX),
                               say_unit(s, UNIT_SHARE, total > 0 ? rest / total : 0), NULL));
    sink_fold_end(s);
}

/* ---- method and histograms ----------------------------------------------------------------------
 */

static void add_method(struct sink *s)
{
    struct study_compare_rule rule;
    study_compare_rule_default(&rule);
    if (s->d->comparison != NULL)
        rule = s->d->comparison->rule;
    sink_heading(s, 3, "A.3", "method", say(s, TEXT_METHOD));
    sink_paragraph(s, text_fill(s->d, s->arena, TEXT_METHOD_TEXT,
                                arena_printf(s->arena, "%g", rule.alpha),
                                say_unit(s, UNIT_SHARE, rule.min_change),
                                arena_printf(s->arena, "%g", rule.noise_factor), NULL));
    sink_paragraph(s, text_fill(s->d, s->arena, TEXT_METHOD_COUNTERS,
                                say_unit(s, UNIT_SHARE, rule.tolerances[FIGURE_CALLS]),
                                say_unit(s, UNIT_SHARE, rule.tolerances[FIGURE_ROWS]),
                                say_unit(s, UNIT_SHARE, rule.tolerances[FIGURE_BLOCKS]),
                                say_unit(s, UNIT_SHARE, rule.tolerances[FIGURE_WAL]), NULL));
}

struct dump {
    struct strbuf *out;
    double edge; /* ms: upper end of the step that is open */
    double highest;
    uint64_t count;
    size_t steps;
};

static void dump_flush(struct dump *d)
{
    if (d->count > 0)
        strbuf_addf(d->out, "%s%.4g:%llu", d->steps++ > 0 ? " " : "", d->highest,
                    (unsigned long long)d->count);
    d->count = 0;
}

static void dump_step(void *self, int64_t value_us, uint64_t count)
{
    struct dump *d = self;
    double ms = (double)value_us / 1000;
    if (d->count > 0 && ms > d->edge)
        dump_flush(d);
    if (d->count == 0)
        d->edge = ms * 1.02;
    d->highest = ms;
    d->count += count;
}

static void add_histogram(struct sink *s, const char *name, const struct perf_result *r)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct dump d = {.out = &text};
    if (r == NULL || r->latencies == NULL || histogram_count(r->latencies) == 0)
        return;
    strbuf_init(&text, (size_t)16 << 10);
    histogram_each(r->latencies, dump_step, &d);
    dump_flush(&d);
    sink_code(s, name, "text", text.data);
}

static void add_histograms(struct sink *s)
{
    const struct perf_study *a = s->d->after;
    bool any = a->mixed != NULL && a->mixed->latencies != NULL;
    for (size_t i = 0; i < a->nendpoints; i++)
        any = any || (a->endpoints[i].result != NULL && a->endpoints[i].result->latencies != NULL);
    if (!any)
        return;
    sink_fold_begin(s, say(s, TEXT_HISTOGRAMS));
    sink_note(s, say(s, TEXT_HISTOGRAM_NOTE));
    add_histogram(s, say(s, TEXT_WHOLE_API), a->mixed);
    for (size_t i = 0; i < a->nendpoints; i++)
        add_histogram(s, a->endpoints[i].name, a->endpoints[i].result);
    sink_fold_end(s);
}

void section_appendix(struct sink *s)
{
    sink_heading(s, 2, NULL, "appendix", say(s, TEXT_APPENDIX));
    add_environment(s);
    add_settings(s);
    add_missing(s);
    add_method(s);
    add_notes(s);
    add_statements(s);
    add_histograms(s);
}
