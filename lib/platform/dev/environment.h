/* lib/platform/dev/environment.h - a development environment: a private PostgreSQL and a reference
 * platform on loopback, with everything they have in one directory. Nothing else is touched.
 *
 * Layout: pg/ the cluster, diner.yaml the configuration to use it with, secrets/NAME the password
 * of each account, serve.log serve.pid serve.port the platform's, out/ files that pipelines write,
 * .diner-dev what tells that the directory is ours to remove. */
#ifndef DINER_PLATFORM_DEV_ENVIRONMENT_H
#define DINER_PLATFORM_DEV_ENVIRONMENT_H

#include "core/mem.h"
#include "db/migrate.h"
#include <sys/types.h>

struct dev {
    struct arena *arena; /* borrowed from the caller of dev_open */
    const char *directory, *pg, *config, *secrets, *out, *state, *marker;
    const char *log_file, *pid_file, *port_file;
};

/* Where it is: directory, else DINER_DEV_DIR, else /tmp/diner-dev-0 for root, else
 * ${XDG_RUNTIME_DIR:-/tmp}/diner-dev-UID. Nothing is made. Strings live in the arena. */
int dev_open(const char *directory, struct arena *arena, struct dev *ret, struct error *err);
bool dev_exists(const struct dev *dev);

struct dev_status {
    bool exists;
    pid_t database_pid; /* 0: not running */
    pid_t server_pid;
    bool is_ready;   /* the platform answers /ready */
    const char *url; /* NULL before the platform ran */
    const char *dsn;
};
int dev_status(const struct dev *dev, struct dev_status *ret, struct error *err);

struct dev_up_options {
    const char *program; /* path of diner, which is started as `diner serve` */
    const struct migration_set *sets;
    size_t nsets;
    const char *pipeline_directory; /* absolute, or NULL: not written into diner.yaml */
    const char *connector_directory;
};
/* Makes or mends all of it: whatever runs stays, whatever was killed is started again on the same
 * port. *ret_was_up: there was nothing to do. Blocks for up to a minute or two. */
int dev_up(const struct dev *dev, const struct dev_up_options *options, bool *ret_was_up,
           struct error *err);
/* Stops both and removes the directory. ERR_CONFIG for a directory that is not ours. */
int dev_down(const struct dev *dev, bool *ret_was_there, struct error *err);

/* The DSN of the environment's database, in the arena. */
const char *dev_dsn(const struct dev *dev);
int dev_connect(const struct dev *dev, struct db_conn **ret, struct error *err);
/* An account of the platform with a password of its own, kept in secrets/NAME. Nothing is done when
 * it is there already. store: code, for the role store. */
int dev_account(const struct dev *dev, struct db_conn *conn, const char *name, const char *role,
                const char *store, struct error *err);

#endif
