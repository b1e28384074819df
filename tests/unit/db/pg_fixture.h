/* tests/unit/db/pg_fixture.h - a private PostgreSQL for the tests of one file (tests/pg.sh).
 * Brings cmocka. Tests run from the root of the project. */
#ifndef DINER_TESTS_PG_FIXTURE_H
#define DINER_TESTS_PG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "db/conn.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char pg_fixture_dir[64];
static char pg_fixture_dsn[256];

static inline int pg_fixture_start(void **state)
{
    (void)state;
    char command[512];
    snprintf(pg_fixture_dir, sizeof pg_fixture_dir, "/tmp/diner-pg.XXXXXX");
    if (mkdtemp(pg_fixture_dir) == NULL)
        return -1;
    snprintf(command, sizeof command, "bash -c '. tests/pg.sh && pg_start %s'", pg_fixture_dir);
    FILE *out = popen(command, "r");
    if (out == NULL)
        return -1;
    char *line = fgets(pg_fixture_dsn, sizeof pg_fixture_dsn, out);
    int status = pclose(out);
    pg_fixture_dsn[strcspn(pg_fixture_dsn, "\n")] = '\0';
    return line != NULL && status == 0 ? 0 : -1;
}

static inline int pg_fixture_run(const char *command_of_pg_sh) /* "pg_resume", "pg_stop" */
{
    char command[512];
    snprintf(command, sizeof command, "bash -c '. tests/pg.sh && %s %s'", command_of_pg_sh,
             pg_fixture_dir);
    return system(command);
}

static inline int pg_fixture_stop(void **state)
{
    (void)state;
    return pg_fixture_run("pg_stop");
}

static inline struct db_conn *pg_fixture_open(void)
{
    struct error err = ERROR_INIT;
    struct db_conn *conn = NULL;
    struct db_options options = {.dsn = pg_fixture_dsn, .application_name = "diner-test"};
    if (db_open(&options, &conn, &err) != ERR_OK)
        fail_msg("db_open: %s", err.message);
    return conn;
}

#define assert_db_ok(call)                                                                         \
    do {                                                                                           \
        if ((call) != ERR_OK)                                                                      \
            fail_msg("%s: [%s] %s (%s)", #call, error_code_name(err.code), err.message, err.hint); \
    } while (0)

#endif
