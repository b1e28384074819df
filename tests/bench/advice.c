/* Advice for 200 statements over a schema of 100 tables, as perf-report gives it: how long it
 * takes, how much of that is the server's. Built and started by tests/bench/advice.
 *
 * usage: advice DSN */
#include "core/clock.h"
#include "perf/diagnose.h"
#include "perf/server.h"
#include "perf/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLES  100
#define LIMIT_S 10.0

static void must(int code, const struct error *err)
{
    if (code == 0)
        return;
    (void)fprintf(stderr, "advice: %s\n", err->message);
    exit(1);
}

/* Tables that refer to each other, of 2,000 to 20,000 rows. */
static void fill(const char *dsn)
{
    struct error err = ERROR_INIT;
    struct db_conn *conn = NULL;
    struct db_options options = {.dsn = dsn, .application_name = "bench"};
    must(db_open(&options, &conn, &err), &err);
    must(db_script(conn, "create extension if not exists hypopg", &err), &err);
    for (int i = 0; i < TABLES; i++) {
        char sql[1024];
        (void)snprintf(sql, sizeof sql,
                       "create table t%d (id int primary key, parent int not null, store int not "
                       "null, status text not null, at timestamptz not null, note text not null);"
                       "insert into t%d select i, i %% 500, i %% 97, 's' || i %% 7, "
                       "'2026-01-01'::timestamptz + i * interval '1 minute', repeat('x', 50) from "
                       "generate_series(1, %d) i; analyze t%d",
                       i, i, 2000 + i * 180, i);
        must(db_script(conn, sql, &err), &err);
    }
    db_close(conn);
}

static const char *const FORMS[] = {
    "select * from t%d where store = $1 order by at desc limit $2",
    "select * from t%d where parent = $1 and status = $2",
    "select a.id, b.note from t%d a join t%d b on b.parent = a.id where a.store = $1 and b.at > $2",
    "update t%d set status = $1 where store = $2 and at < $3"};

static void add_statements(struct perf_server *s, struct arena *arena)
{
    s->nstatements = 2 * TABLES;
    s->statements = arena_array(arena, s->nstatements, sizeof *s->statements);
    for (size_t i = 0; i < s->nstatements; i++) {
        char text[256];
        int table = (int)(i / 2), other = (table + 1) % TABLES;
        const char *form = FORMS[i % (sizeof FORMS / sizeof *FORMS)];
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(text, sizeof text, form, table, other);
        s->statements[i] = (struct perf_statement){.fingerprint = arena_printf(arena, "%016zx", i),
                                                   .text = arena_strdup(arena, text),
                                                   .calls = 1000,
                                                   .rows = 20000,
                                                   .exec_ms = 9000 - (double)i};
    }
}

int main(int argc, char **argv)
{
    struct error err = ERROR_INIT;
    struct arena *arena = arena_new();
    struct perf_study study = {0};
    struct perf_diagnose_options options;
    struct db_conn *conn = NULL;
    if (argc != 2)
        return 2;
    fill(argv[1]);
    must(perf_session_open(argv[1], &conn, &err), &err);
    must(perf_server_take(conn, arena, &study, &err), &err);
    db_close(conn);
    add_statements(&study.server, arena);
    perf_diagnose_options_default(&options);
    int64_t start_ms = clock_monotonic_ms();
    must(perf_diagnose(&study, argv[1], &options, arena, &err), &err);
    double seconds = (double)(clock_monotonic_ms() - start_ms) / 1000;
    size_t advised = 0;
    for (size_t i = 0; i < study.nfindings; i++)
        advised += strcmp(study.findings[i].kind, "missing_index") == 0;
    printf("advice for %zu statements over %d tables: %.2f s (at most %.0f), %zu indexes\n",
           study.server.nstatements, TABLES, seconds, LIMIT_S, advised);
    for (size_t i = 0; i < study.nmissing; i++)
        if (strstr(study.missing[i].what, "index advice") != NULL)
            printf("not judged: %s: %s\n", study.missing[i].what, study.missing[i].why_en);
    arena_free(arena);
    return seconds > LIMIT_S;
}
