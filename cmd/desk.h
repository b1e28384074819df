/* cmd/desk.h - the commands that work on the platform's database itself, not through its API: jobs
 * that must be right on many machines at once. */
#ifndef DINER_CMD_DESK_H
#define DINER_CMD_DESK_H

#include "cli/command.h"
#include "domain/saga.h"

struct desk;
/* Connects to connection 'platform', else 'warehouse', checks its tables, and opens the payment
 * channel of the settings. */
int desk_new(struct cli *cli, struct desk **ret, struct error *err);
void desk_free(struct desk *d); /* NULL-safe */
struct saga_desk *desk_saga(struct desk *d);
/* One more connection, for two things at a time; opened at the first call, freed with the desk. */
int desk_second(struct desk *d, struct db_conn **ret, struct error *err);
struct domain_context *desk_context(struct desk *d);
/* Whether either connection is configured. */
bool desk_has_database(struct cli *cli);
/* The DSN of connection 'platform', else 'warehouse'; the caller frees it with secret_free. */
int desk_dsn(struct cli *cli, char **ret, struct error *err);

#endif
