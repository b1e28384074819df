/* cmd/engine.h - running a pipeline from a command: options, progress, the table of what moved. */
#ifndef DINER_CMD_ENGINE_H
#define DINER_CMD_ENGINE_H

#include "cli/command.h"
#include "db/conn.h"
#include "pipeline/run.h"

#include <stdio.h>

/* Options that say what the run is given; everything else comes from cli. */
struct run_options engine_options(struct cli *cli);
/* Runs and prints the table of streams (stdout) and one summary line (stderr). */
struct run_record;
int engine_run(struct cli *cli, const char *pipeline, const struct run_options *options,
               struct run_record *record, struct error *err);
struct table_column;
/* Further columns of the report, in its forms for programs. */
struct engine_extra {
    void *self;
    const struct table_column *columns; /* end with key NULL */
    void (*values)(void *self, const struct stream_report *r, const char **ret_values);
};
int engine_run_with(struct cli *cli, const char *pipeline, const struct run_options *options,
                    const struct engine_extra *extra, struct run_record *record, struct error *err);
/* One problem of a pipeline or connector file, with its place and hint; secrets masked. */
void engine_diagnostic(FILE *out, const struct diagnostic *d);
/* The connection that history, rejects and state live on ("warehouse"), migrations checked. */
int engine_open(struct cli *cli, struct db_conn **ret, struct error *err);
/* A query as rows of output: one table column per result column. */
int engine_table(struct cli *cli, struct db_conn *db, const char *sql, const char *const *params,
                 size_t nparams, const struct table_column *columns, const char *empty,
                 struct error *err);

#endif
