/* lib/perf/diagnose.c - see diagnose.h: the order of the rules, and of what they found. */
#include "perf/diagnose.h"

#include "perf/app_bound.h"
#include "perf/fingerprint.h"
#include "perf/health.h"
#include "perf/index_advice.h"
#include "perf/index_health.h"
#include "perf/n_plus_one.h"
#include "perf/pagination.h"

#include <stdlib.h>
#include <string.h>

void perf_diagnose_options_default(struct perf_diagnose_options *ret)
{
    *ret = (struct perf_diagnose_options){
        .p95_target_ms = 500, .budget_ms = 30000, .statements_max = 200};
    perf_thresholds_default(&ret->thresholds);
}

/* ---- statements ------------------------------------------------------------------------------ */

static void read_trees(struct diagnosis *d, const struct sql_catalog *catalog)
{
    const struct perf_server *s = &d->study->server;
    struct error err = ERROR_INIT;
    d->trees = arena_array(d->arena, s->nstatements + 1, sizeof *d->trees);
    d->unparsed = arena_array(d->arena, s->nstatements + 1, sizeof *d->unparsed);
    d->helped = arena_array(d->arena, s->nstatements + 1, sizeof *d->helped);
    if (s->nstatements > 0 && perf_parser_load(&err) != 0) {
        diagnosis_miss(d, "the rules that read statements",
                       arena_printf(d->arena, "%s: %s", err.message, err.hint),
                       arena_printf(d->arena, "缺少 SQL 解析库（%s）", err.hint));
        for (size_t i = 0; i < s->nstatements; i++)
            d->unparsed[i] = "libpg_query is not installed";
        return;
    }
    for (size_t i = 0; i < s->nstatements; i++)
        if (sql_tree_read(s->statements[i].text, catalog, d->arena, &d->trees[i], &err) != 0) {
            d->trees[i] = NULL;
            d->unparsed[i] = arena_strdup(d->arena, err.message);
        }
}

/* ---- what needs the database ----------------------------------------------------------------- */

static int advise(struct diagnosis *d, struct planner *planner, const char *why_en,
                  const char *why_zh, const struct perf_diagnose_options *options,
                  struct error *err)
{
    struct advice_options o = {.planner = planner,
                               .why_en = why_en,
                               .why_zh = why_zh,
                               .budget_ms = options->budget_ms,
                               .statements_max = options->statements_max};
    if (planner != NULL && planner_why_not(planner, false) != NULL) {
        o.why_en = planner_why_not(planner, false);
        o.why_zh = planner_why_not(planner, true);
    }
    return diagnose_missing_indexes(d, &o, err);
}

/* Everything that was found stays when the database fails on the way; only a signal ends it. */
static int with_database(struct diagnosis *d, const char *dsn, struct sql_catalog *catalog,
                         const struct perf_diagnose_options *options, struct error *err)
{
    struct planner *planner = NULL;
    struct error refused = ERROR_INIT;
    if (planner_open(dsn, &planner, &refused) != 0) {
        read_trees(d, catalog);
        if (refused.code == ERR_CANCELLED)
            return error_set(err, ERR_CANCELLED, "%s", refused.message);
        return advise(d, NULL, arena_printf(d->arena, "the database: %s", refused.message),
                      arena_printf(d->arena, "数据库不可用：%s", refused.message), options, err);
    }
    if (planner_views(planner, d->arena, catalog, &refused) != 0)
        diagnosis_miss(d, "statements over views", arena_strdup(d->arena, refused.message),
                       arena_strdup(d->arena, refused.message));
    read_trees(d, catalog);
    if (diagnose_sequences(d, planner_connection(planner), &refused) != 0)
        diagnosis_miss(d, "sequences", arena_strdup(d->arena, refused.message),
                       arena_strdup(d->arena, refused.message));
    int code = advise(d, planner, NULL, NULL, options, &refused);
    planner_close(planner);
    if (code == ERR_CANCELLED)
        return error_set(err, ERR_CANCELLED, "%s", refused.message);
    if (code != 0)
        diagnosis_miss(d, "index advice", arena_strdup(d->arena, refused.message),
                       arena_strdup(d->arena, refused.message));
    return 0;
}

static int judge_statements(struct diagnosis *d, const char *dsn,
                            const struct perf_diagnose_options *options, struct error *err)
{
    const struct perf_server *s = &d->study->server;
    struct sql_catalog catalog = {s->tables, s->ntables, NULL, 0};
    if (s->version_number == 0) {
        read_trees(d, &catalog);
        return 0;
    }
    if (dsn != NULL)
        return with_database(d, dsn, &catalog, options, err);
    read_trees(d, &catalog);
    diagnosis_miss(d, "sequences", "they are asked of the database", "需要连接数据库");
    return advise(d, NULL, "there is no connection to the database", "没有数据库连接", options,
                  err);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static size_t kind_position(const char *kind)
{
    size_t i = 0;
    while (i < PERF_KIND_COUNT && strcmp(perf_kind_name((enum perf_kind)i), kind) != 0)
        i++;
    return i;
}

static int by_severity(const void *x, const void *y)
{
    const struct perf_finding *a = x, *b = y;
    if (a->severity != b->severity)
        return a->severity > b->severity ? -1 : 1;
    if (a->gain_share > b->gain_share || a->gain_share < b->gain_share)
        return a->gain_share > b->gain_share ? -1 : 1;
    size_t ka = kind_position(a->kind), kb = kind_position(b->kind);
    return ka != kb ? (ka < kb ? -1 : 1) : strcmp(a->id, b->id);
}

static void hand_over(struct diagnosis *d)
{
    struct perf_study *s = d->study;
    if (d->count > 1)
        qsort(d->list, d->count, sizeof *d->list, by_severity);
    s->findings = arena_array(d->arena, d->count + 1, sizeof *s->findings);
    if (d->count > 0)
        memcpy(s->findings, d->list, d->count * sizeof *d->list);
    s->nfindings = d->count;
    size_t n = s->nmissing;
    struct perf_missing *all = arena_array(d->arena, n + d->nmissing + 1, sizeof *all);
    for (size_t i = 0; i < n; i++)
        all[i] = s->missing[i];
    for (size_t i = 0; i < d->nmissing; i++) {
        bool known = false; /* the study was diagnosed before */
        for (size_t k = 0; !known && k < s->nmissing; k++)
            known = strcmp(s->missing[k].what, d->missing[i].what) == 0;
        if (!known)
            all[n++] = d->missing[i];
    }
    s->missing = all;
    s->nmissing = n;
    s->diagnosed = true;
}

int perf_diagnose(struct perf_study *study, const char *dsn,
                  const struct perf_diagnose_options *options, struct arena *arena,
                  struct error *err)
{
    struct diagnosis d = {.study = study,
                          .limits = options->thresholds,
                          .p95_target_ms = options->p95_target_ms,
                          .arena = arena};
    int code = judge_statements(&d, dsn, options, err);
    if (code == 0) {
        diagnose_repeats(&d);
        diagnose_pagination(&d);
        diagnose_application(&d);
        diagnose_cacheable(&d);
        diagnose_indexes(&d);
        diagnose_health(&d);
        hand_over(&d);
    }
    free(d.list);
    free(d.missing);
    return code;
}
