/* lib/platform/dev/cluster.h - a private PostgreSQL cluster in a directory of its own: one unix
 * socket inside it, no TCP port, durable settings left on. Who may connect is decided by the socket
 * peer: the user it was made by, nobody else. As root the server runs as the user postgres.
 *
 * Layout: DIR/data the cluster, DIR/log what the server says, DIR/.s.PGSQL.5432 the socket. */
#ifndef DINER_PLATFORM_DEV_CLUSTER_H
#define DINER_PLATFORM_DEV_CLUSTER_H

#include "core/error.h"
#include "core/strbuf.h"
#include <sys/types.h>

#define CLUSTER_DIRECTORY_MAX 80      /* bytes: the path of a unix socket must stay below 100 */
#define CLUSTER_NAME          "diner" /* the database and its owner */

/* The directory that holds postgres and initdb: PG_BIN, /usr/lib/postgresql/N/bin (15 first, then
 * the newest), or PATH. ERR_CONFIG with what to install. Caller frees. */
int cluster_find_programs(char **ret_directory, struct error *err);

/* Makes the cluster if there is none, starts it if it is not running (also after a kill), waits
 * until it answers, makes the database. Blocks up to a minute. directory is absolute. */
int cluster_up(const char *directory, bool *ret_was_running, struct error *err);
/* Stops it in good order (fast shutdown). Nothing to do is success. */
int cluster_down(const char *directory, struct error *err);
/* The postmaster's pid, 0 when it is not running. */
pid_t cluster_pid(const char *directory);
/* The DSN of the database (no password in it). */
void cluster_dsn(const char *directory, const char *database, struct strbuf *out);

#endif
