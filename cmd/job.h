/* cmd/job.h - what a schedule runs: on the platform's database, or through its API where only that
 * can be reached. */
#ifndef DINER_CMD_JOB_H
#define DINER_CMD_JOB_H

#include "cli/table.h"
#include "core/strbuf.h"

#define JOB_API_FIELD(at)                                                                          \
    {                                                                                              \
        "api", FIELD_BOOL, at,                                                                     \
            "through the platform's API, also when a connection to its database is configured"     \
    }
#define JOB_FIGURES_MAX 8

/* Who cannot reach the database still has the platform's address. */
bool job_is_through_api(struct cli *cli, bool is_asked);
/* One request (body NULL: none); adds what it did, by the names of the columns, to the sums.
 * *ret_more: there is more to do, and no signal came. */
int job_ask(struct cli *cli, const char *resource, const struct strbuf *body,
            const struct table_column *columns, int64_t *sums, bool *ret_more, struct error *err);
int job_print(struct cli *cli, const struct table_column *columns, const int64_t *sums,
              struct error *err);

#endif
