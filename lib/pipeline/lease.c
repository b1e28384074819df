#include "pipeline/lease.h"

#include "core/log.h"
#include "core/secret.h"
#include "gen/embed.h"
#include "pipeline/lease_holder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Its last part is that of its sessions' name. */
static void end_sessions_of(struct db_conn *db, const char *worker)
{
    struct error ignored = ERROR_INIT;
    char session[LEASE_SESSION_MAX];
    const char *mark = strrchr(worker, ':');
    lease_session_print(mark != NULL ? mark + 1 : worker, session);
    if (db_execute(db, sql_task_sessions_end, DB_PARAMS(session), NULL, &ignored) != 0)
        log_debug("sessions of '%s' could not be ended: %s", worker, ignored.message);
}

static void read_lease(const struct db_result *res, struct arena *arena, struct lease *l)
{
    *l = (struct lease){.id = db_result_int(res, 0, 0),
                        .attempt = db_result_int(res, 0, 1),
                        .run_id = db_result_int(res, 0, 2),
                        .stream = arena_strdup(arena, db_result_text(res, 0, 3)),
                        .child = arena_strdup(arena, db_result_text(res, 0, 4)),
                        .window_start = arena_strdup(arena, db_result_text(res, 0, 5)),
                        .lost_by = arena_strdup(arena, db_result_text(res, 0, 6))};
}

int lease_claim(struct db_conn *db, const struct lease_holder *h, const struct lease_wish *wish,
                struct arena *arena, struct lease *ret, bool *ret_found, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    char run[24], lease[24], lost[24];
    snprintf(run, sizeof run, "%" PRId64, wish->run_id);
    snprintf(lease, sizeof lease, "%" PRId64, h->lease_ms);
    snprintf(lost, sizeof lost, "%" PRId64, h->lost_max);
    *ret_found = false;
    TRY(db_query(db, sql_task_claim,
                 DB_PARAMS(h->name, lease, lost, wish->run_id != 0 ? run : NULL, wish->stream,
                           wish->refused != NULL ? wish->refused : "[]"),
                 &res, err));
    *ret_found = db_result_rows(res) == 1;
    if (!*ret_found)
        return 0;
    read_lease(res, arena, ret);
    if (ret->lost_by != NULL) {
        log_notice("task %" PRId64 " of run %" PRId64 " was lost by worker '%s', and is taken over",
                   ret->id, ret->run_id, ret->lost_by);
        end_sessions_of(db, ret->lost_by);
    }
    return 0;
}

int lease_give_back(struct db_conn *db, const struct lease_holder *h, bool only_parts,
                    struct error *err)
{
    return db_execute(db, sql_task_give_back, DB_PARAMS(h->name, only_parts ? "true" : "false"),
                      NULL, err);
}

int lease_fence(struct db_conn *db, const struct lease *l, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    char id[24], attempt[24];
    snprintf(id, sizeof id, "%" PRId64, l->id);
    snprintf(attempt, sizeof attempt, "%" PRId64, l->attempt);
    TRY(db_query(db, sql_task_fence, DB_PARAMS(id, attempt), &res, err));
    if (db_result_rows(res) == 1)
        return 0;
    error_set(err, ERR_RUNNING,
              "task %s is another worker's, or was cancelled: the lease of it is void", id);
    return error_hint(err,
                      "nothing of it was committed here; see 'diner runs show %" PRId64 " --tasks'",
                      l->run_id);
}

int lease_end(struct db_conn *db, const struct lease *l, const char *state,
              const struct error *cause, bool *ret_held, struct error *err)
{
    AUTO_STRBUF struct strbuf message = {0}, hint = {0};
    char id[24], attempt[24];
    int64_t changed = 0;
    strbuf_init(&message, 4096);
    strbuf_init(&hint, 4096);
    if (cause != NULL) {
        strbuf_adds(&message, cause->message);
        strbuf_adds(&hint, cause->hint);
        secret_redact(&message);
        secret_redact(&hint);
    }
    snprintf(id, sizeof id, "%" PRId64, l->id);
    snprintf(attempt, sizeof attempt, "%" PRId64, l->attempt);
    TRY(db_execute(
        db, sql_task_end,
        DB_PARAMS(id, attempt, state, cause != NULL ? error_code_name(cause->code) : NULL,
                  message.len > 0 ? message.data : NULL, hint.len > 0 ? hint.data : NULL),
        &changed, err));
    if (ret_held != NULL)
        *ret_held = changed == 1;
    return 0;
}
