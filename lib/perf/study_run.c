/* lib/perf/study_run.c - see study_run.h. */
#include "perf/study_run.h"

#include "core/clock.h"
#include "core/signals.h"
#include "perf/attribute.h"
#include "perf/server.h"
#include "perf/session.h"
#include "perf/sessions.h"

#define SAMPLE_MS 1000 /* of the sessions, for a single look */

/* A database while it is looked at. */
struct look {
    struct db_conn *conn;
    struct perf_server known; /* of a study that is continued */
    struct perf_server before;
    struct attribution *attribution;
};

static int look_begin(struct look *k, struct perf_side *side, struct arena *arena,
                      struct error *err)
{
    if (side->dsn == NULL)
        return 0;
    k->known = side->study->server;
    TRY(perf_session_open(side->dsn, &k->conn, err));
    TRY(perf_server_take(k->conn, arena, side->study, err));
    k->before = side->study->server;
    return perf_sessions_begin(side->dsn, &side->sessions, err);
}

static void say_window(struct perf_study *s, struct arena *arena)
{
    if (s->server.reset)
        perf_study_lacks(s, arena, "the database's counters",
                         "they were reset while they were watched: differences are not valid",
                         "统计计数器在观察期间被重置，差值无效");
    if (s->server.evicted > 0)
        perf_study_lacks(s, arena, "all statements",
                         arena_printf(arena,
                                      "pg_stat_statements evicted entries %.0f times meanwhile: "
                                      "figures may be too low (raise pg_stat_statements.max)",
                                      s->server.evicted),
                         arena_printf(arena,
                                      "期间 pg_stat_statements 淘汰了 %.0f 次条目，数值可能偏低"
                                      "（请增大 pg_stat_statements.max）",
                                      s->server.evicted));
}

/* The second look, subtracted. */
static int look_end(struct look *k, struct perf_side *side, struct arena *arena, struct error *err)
{
    struct perf_study *s = side->study;
    if (k->conn == NULL)
        return 0;
    TRY(perf_server_take(k->conn, arena, s, err));
    struct perf_server after = s->server;
    TRY(perf_server_difference(&k->before, &after, arena, &s->server, err));
    say_window(s, arena);
    if (k->attribution != NULL)
        TRY(attribution_finish(k->attribution, k->conn, arena, s, err));
    return 0;
}

/* What the sessions were at under load says more than one request after the other. */
static void look_release(struct look *k, struct perf_side *side, bool loaded, struct arena *arena)
{
    struct perf_server *s = &side->study->server;
    perf_sessions_end(side->sessions, arena, side->study);
    side->sessions = NULL;
    if (!loaded && k->known.nwaits > 0) {
        s->waits = k->known.waits;
        s->nwaits = k->known.nwaits;
        s->sessions = k->known.sessions;
    }
    attribution_free(k->attribution);
    db_close(k->conn);
}

static int side_prepare(const struct perf_load_plan *plan, struct perf_side *side,
                        struct arena *arena, struct error *err)
{
    perf_study_environment(plan->config, side->base, arena, side->study);
    perf_study_endpoints(plan->config, arena, side->study);
    return perf_requests_build(plan->config, side->dsn, arena, &side->requests, err);
}

static int attribute(const struct perf_load_plan *plan, size_t k, struct look *look,
                     struct arena *arena, struct error *err)
{
    const struct perf_side *side = &plan->sides[k];
    const char *what = "the statements of the endpoints";
    if (side->dsn == NULL) {
        perf_study_lacks(side->study, arena, what, "no database was given", "未指定数据库");
        return 0;
    }
    if (!look->before.has_statements) {
        perf_study_lacks(side->study, arena, what, "pg_stat_statements cannot be read",
                         "无法读取 pg_stat_statements");
        return 0;
    }
    if (plan->say != NULL)
        plan->say(plan->self, "attributing statements");
    return attribution_measure(plan, k, arena, &look->attribution, err);
}

static int run_phases(struct perf_load_plan *plan, unsigned phases, struct look *looks,
                      struct arena *arena, struct error *err)
{
    for (size_t k = 0; k < plan->nsides; k++)
        TRY(side_prepare(plan, &plan->sides[k], arena, err));
    for (size_t k = 0; k < plan->nsides; k++)
        TRY(look_begin(&looks[k], &plan->sides[k], arena, err));
    if ((phases & PERF_PHASE_LOAD) != 0)
        TRY(perf_study_load(plan, arena, err));
    for (size_t k = 0; k < plan->nsides && (phases & PERF_PHASE_ATTRIBUTE) != 0; k++)
        TRY(attribute(plan, k, &looks[k], arena, err));
    return 0;
}

int perf_study_measure(struct perf_load_plan *plan, unsigned phases, struct arena *arena,
                       struct error *err)
{
    struct look *looks = arena_array(arena, plan->nsides, sizeof *looks);
    int code = run_phases(plan, phases, looks, arena, err);
    for (size_t k = 0; k < plan->nsides; k++) {
        struct error late = ERROR_INIT;
        int ended = code == 0 || code == ERR_CANCELLED
                        ? look_end(&looks[k], &plan->sides[k], arena, code == 0 ? err : &late)
                        : 0;
        if (code == 0)
            code = ended;
        look_release(&looks[k], &plan->sides[k], (phases & PERF_PHASE_LOAD) != 0, arena);
    }
    return code;
}

int perf_study_snapshot(const char *dsn, int64_t for_ms, struct arena *arena,
                        struct perf_study *study, struct error *err)
{
    struct perf_side side = {.dsn = dsn, .study = study};
    struct look look = {.conn = NULL};
    study->environment.started_us = clock_wall_us();
    int code = look_begin(&look, &side, arena, err);
    if (code == 0) {
        clock_sleep_ms(for_ms > 0 ? for_ms : SAMPLE_MS);
        code = signals_check(err);
    }
    if (code == 0 && for_ms > 0)
        code = look_end(&look, &side, arena, err);
    look_release(&look, &side, true, arena);
    return code;
}
