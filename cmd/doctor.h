/* cmd/doctor.h - what the files of `diner doctor` share: each looks at some things and reports a
 * row for each. Nothing is changed anywhere. */
#ifndef DINER_CMD_DOCTOR_H
#define DINER_CMD_DOCTOR_H

#include "cli/command.h"
#include "cli/table.h"
#include "db/conn.h"

struct doctor {
    struct cli *cli;
    struct table *table;
    size_t failed, warned;
};

/* result: "ok", "warn", "fail"; mend NULL: nothing to do. */
void doctor_report(struct doctor *d, const char *check, const char *result, const char *found,
                   const char *mend);
/* A failure by its error, without secrets; its hint goes before the mend. */
void doctor_fail(struct doctor *d, const char *check, const struct error *err, const char *mend);
/* The configured connection of that name, with short time limits. */
int doctor_connect(struct doctor *d, const char *name, struct db_conn **ret, struct error *err);

/* ---- with --all ---- */

/* cmd/doctor_reach.c: other databases, connectors, certificates, services. */
void doctor_reach(struct doctor *d);
/* cmd/doctor_work.c: schedule, the last night, who is told of a failure, what waits. */
void doctor_work(struct doctor *d);

#endif
