/* lib/db/later.c - statements that travel with the next one. */
#include "db/internal.h"
#include <stdlib.h>

struct later {
    const char *sql;
    char **params;
    size_t nparams;
};

static void release(struct later *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < items[i].nparams; k++)
            free(items[i].params[k]);
        free(items[i].params);
    }
}

void later_drop(struct db_conn *conn)
{
    release(conn->later, conn->later_count);
    conn->later_count = 0;
}

void db_execute_later(struct db_conn *conn, const char *sql, const char *const *params,
                      size_t nparams)
{
    struct later item = {.sql = sql, .nparams = nparams};
    item.params = mem_array(nparams, sizeof *item.params);
    for (size_t i = 0; i < nparams; i++)
        item.params[i] = params[i] != NULL ? mem_strdup(params[i]) : NULL;
    conn->later =
        mem_grow(conn->later, &conn->later_capacity, conn->later_count + 1, sizeof *conn->later);
    conn->later[conn->later_count++] = item;
}

/* ---- one trip ----------------------------------------------------------------------------- */

/* The statements of a trip in their order; only one's rows are wanted, the last's or the one's
 * before COMMIT. */
struct trip {
    struct later *items;
    const char **names;
    struct query *queries;
    size_t count, sent, wanted;
};

static int prepare_all(struct db_conn *conn, struct trip *t, struct error *err)
{
    for (size_t i = 0; i < t->count; i++)
        TRY(query_prepared_name(conn, t->items[i].sql, &t->names[i], err));
    return ERR_OK;
}

static int send_all(struct db_conn *conn, struct trip *t, struct error *err)
{
    for (; t->sent < t->count; t->sent++) {
        const struct later *item = &t->items[t->sent];
        struct query *q = &t->queries[t->sent];
        query_begin(q, conn, item->sql, t->sent == t->wanted && t->wanted + 1 == t->count);
        TRY(query_send(q, conn, item->sql, t->names[t->sent], (const char *const *)item->params,
                       item->nparams, err));
    }
    return ERR_OK;
}

/* The first failure is told: those behind it were not run because of it. */
static int collect_all(struct trip *t, PGresult **ret, struct error *err)
{
    int code = ERR_OK;
    for (size_t i = 0; i < t->sent; i++) {
        struct error ignored = ERROR_INIT;
        PGresult **wanted = i == t->wanted && code == ERR_OK ? ret : NULL;
        int status = query_collect(&t->queries[i], wanted, code == ERR_OK ? err : &ignored);
        code = code == ERR_OK ? status : code;
    }
    return code;
}

/* Those that were sent are ended here only when there is nothing to collect. */
static void abandon(struct trip *t)
{
    for (size_t i = 0; i < t->sent; i++)
        query_end(&t->queries[i]);
}

static int travel(struct db_conn *conn, struct trip *t, PGresult **ret, struct error *err)
{
    struct query end = {.conn = conn};
    TRY(prepare_all(conn, t, err));
    if (PQenterPipelineMode(conn->pg) != 1)
        return error_set(err, ERR_BUG, "statements cannot be sent together here");
    int code = send_all(conn, t, err);
    if (code == ERR_OK && PQpipelineSync(conn->pg) != 1)
        code = sqlstate_error(conn, NULL, t->items[0].sql, err);
    if (code == ERR_OK) {
        code = collect_all(t, ret, err);
        PQclear(query_next(&end)); /* the sync's */
    } else {
        abandon(t);
    }
    (void)PQexitPipelineMode(conn->pg); /* fails only where the connection is lost */
    return code;
}

/* All that was put off; the rows of the one with this index are wanted. */
static int run_all(struct db_conn *conn, size_t wanted, PGresult **ret, struct error *err)
{
    struct trip t = {.items = conn->later, .count = conn->later_count, .wanted = wanted};
    t.names = mem_array(t.count, sizeof *t.names);
    t.queries = mem_array(t.count, sizeof *t.queries);
    conn->later = NULL; /* what is put off from here on belongs to the next trip */
    conn->later_count = conn->later_capacity = 0;
    int code = conn_check(conn, err);
    if (code == ERR_OK)
        code = travel(conn, &t, ret, err);
    release(t.items, t.count);
    free(t.items);
    free(t.names);
    free(t.queries);
    return code;
}

int later_run(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
              PGresult **ret, struct error *err)
{
    db_execute_later(conn, sql, params, nparams);
    return run_all(conn, conn->later_count - 1, ret, err);
}

int later_commit(struct db_conn *conn, const char *sql, const char *const *params, size_t nparams,
                 PGresult **ret, struct error *err)
{
    db_execute_later(conn, sql, params, nparams);
    db_execute_later(conn, "commit", DB_NO_PARAMS);
    return run_all(conn, conn->later_count - 2, ret, err);
}

int query_ready(struct db_conn *conn, struct error *err)
{
    TRY(conn_check(conn, err));
    if (conn->later_count == 0)
        return ERR_OK;
    struct later last = conn->later[--conn->later_count];
    int code = later_run(conn, last.sql, (const char *const *)last.params, last.nparams, NULL, err);
    release(&last, 1);
    return code;
}
