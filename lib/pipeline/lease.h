/* lib/pipeline/lease.h - tasks of distributed runs, and the leases under which workers have them.
 *
 * A task is a part of a run (a child or a window of a stream), or, without a stream, the run
 * itself. Who takes it has a lease and renews it; one that ran out is taken by the next. Each lease
 * of a task has a higher attempt than those before it, and whoever commits says under which: a
 * worker that was stopped, cut off or slow beyond its lease commits nothing. */
#ifndef DINER_PIPELINE_LEASE_H
#define DINER_PIPELINE_LEASE_H

#include "core/mem.h"
#include "db/conn.h"
#include "net/http.h"
#include "schema/config.h"

/* Who takes tasks: a name, and a thread that renews what it has on a connection of its own. */
struct lease_holder;
/* is_worker: it takes tasks of any run, and is listed as a worker. Connects to `warehouse`. */
int lease_holder_open(const struct config *config, bool is_worker, struct lease_holder **ret,
                      struct error *err);
void lease_holder_close(struct lease_holder *h); /* NULL-safe */
const char *lease_holder_name(const struct lease_holder *h);
/* The application_name of its sessions, by which they are ended when it is lost. */
const char *lease_holder_session(const struct lease_holder *h);
/* Rates of connectors, kept together with all other holders. For its own thread. */
struct http_budget lease_holder_budget(struct lease_holder *h);

struct lease {
    int64_t id, attempt, run_id;
    const char *stream, *child, *window_start; /* stream "": the run itself */
    const char *lost_by;                       /* whose lease had run out, or NULL */
};
struct lease_wish {
    int64_t run_id; /* 0: of any run */
    const char *stream;
    const char *refused; /* a JSON list of pipelines that it cannot do */
};
/* Takes a task; strings in the arena. Sessions of a worker that lost it are ended. */
int lease_claim(struct db_conn *db, const struct lease_holder *h, const struct lease_wish *wish,
                struct arena *arena, struct lease *ret, bool *ret_found, struct error *err);
/* Begun and left, as the database was lost: for the next one, at once. */
int lease_give_back(struct db_conn *db, const struct lease_holder *h, bool only_parts,
                    struct error *err);
/* In the transaction that commits under it: ERR_RUNNING when it is another's. */
int lease_fence(struct db_conn *db, const struct lease *l, struct error *err);
/* state: done, failed, cancelled, or waiting for the next one. cause may be NULL. *ret_held (may be
 * NULL): it was still ours; else nothing was changed. */
int lease_end(struct db_conn *db, const struct lease *l, const char *state,
              const struct error *cause, bool *ret_held, struct error *err);

#endif
