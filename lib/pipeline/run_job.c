/* A job: pipelines in their order, each a run of its own, as those that it needs have ended. */
#include "core/message.h"
#include "gen/embed.h"
#include "pipeline/run_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct step_result {
    const char *name;
    enum error_code code;
    bool skipped;
};

static const char *blocked_by(const struct job_step *step, const struct step_result *done, size_t n)
{
    for (size_t i = 0; i < step->needs.count; i++)
        for (size_t k = 0; k < n; k++)
            if (strcmp(done[k].name, step->needs.items[i]) == 0 &&
                (done[k].skipped || (done[k].code != ERR_OK && done[k].code != ERR_PARTIAL)))
                return done[k].name;
    return NULL;
}

/* before: the run of this step that is gone on with; is_begun: it is the same run. */
static enum error_code run_step(struct run *job, const struct job_step *step, int64_t before,
                                bool is_begun, struct error *err)
{
    struct run_options options = *job->options;
    struct field_strings params = {0};
    options.message_id = NULL; /* of the job */
    struct pipeline *p;
    params.items = arena_array(job->pipeline->arena, step->params.count + 1, sizeof(char *));
    for (size_t i = 0; i < step->params.count; i++)
        params.items[params.count++] =
            arena_printf(job->pipeline->arena, "%s=%s", step->params.keys[i],
                         step->params.values[i] ? step->params.values[i] : "");
    options.params = &params;
    struct pipeline_options load = {.params = &params, .now_us = job->asked_us};
    if (pipeline_load(step->run, options.config, &load, &p, NULL, err) != 0)
        return err->code;
    struct run run = {.options = &options,
                      .pipeline = p,
                      .name = step->run,
                      .parent_id = job->run_id,
                      .lease = job->lease,
                      .adopts = is_begun ? before : 0,
                      .resumes = is_begun ? 0 : before,
                      .connectors = job->connectors,
                      .started_us = job->started_us,
                      .asked_us = job->asked_us,
                      .report = job->report};
    int64_t job_id = job->report->run_id;
    enum error_code code =
        p->steps.count > 0
            ? (enum error_code)error_set(err, ERR_SPEC, "'%s' is a job: jobs do not nest", p->name)
            : run_one(&run, err);
    if (code == ERR_OK && hooks_run(&run, &p->hooks.after, "run.succeeded", NULL, err) != 0) {
        code = err->code = ERR_PARTIAL;
        run_finish(&run, code, err);
    }
    job->report->run_id = job_id;
    run_close(&run);
    pipeline_free(p);
    return code;
}

/* Of a job that is resumed, the steps that succeeded stand; *ret_resumes: the run to go on with,
 * which, when the job changed hands, may be under way. */
static int step_before(const struct run *job, const char *pipeline, bool *ret_stands,
                       bool *ret_is_begun, int64_t *ret_resumes, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    char id[24];
    *ret_stands = *ret_is_begun = false;
    *ret_resumes = 0;
    if (job->resumes == 0)
        return 0;
    snprintf(id, sizeof id, "%" PRId64, job->resumes);
    TRY(db_query(job->db, sql_run_step_before, DB_PARAMS(id, pipeline), &res, err));
    if (db_result_rows(res) == 0)
        return 0;
    *ret_resumes = db_result_int(res, 0, 0);
    *ret_stands = strcmp(db_result_text(res, 0, 1), "succeeded") == 0;
    *ret_is_begun = job->adopts != 0 && strcmp(db_result_text(res, 0, 1), "running") == 0;
    return 0;
}

static enum error_code run_steps(struct run *job, struct error *first)
{
    const struct field_objects *steps = &job->pipeline->steps;
    struct step_result *done = arena_array(job->pipeline->arena, steps->count + 1, sizeof *done);
    const struct run_observer *o = job->options->observer;
    enum error_code worst = ERR_OK;
    for (size_t i = 0; i < steps->count; i++) {
        const struct job_step *step = (const struct job_step *)steps->items + i;
        struct error err = ERROR_INIT;
        done[i].name = step->run;
        const char *blocker = blocked_by(step, done, i);
        int64_t resumes;
        bool stands, is_begun;
        done[i].skipped = blocker != NULL || worst == ERR_CANCELLED;
        if (step_before(job, step->run, &stands, &is_begun, &resumes, &err) != 0) {
            run_keep_first(first, &err);
            return error_worse(worst, err.code);
        }
        if (done[i].skipped || stands) {
            struct stream_report *r = run_report_add(job->report, step->run, "*");
            r->status = "skipped";
            r->error = stands ? arena_printf(job->report->arena,
                                             message_text("stands from run %" PRId64), resumes)
                       : blocker != NULL
                           ? arena_printf(job->report->arena, message_text("'%s' did not succeed"),
                                          blocker)
                           : message_text("the run was stopped");
            if (o != NULL && o->stream_end != NULL)
                o->stream_end(o->self, r);
            continue;
        }
        done[i].code = run_step(job, step, resumes, is_begun, &err);
        if (done[i].code != ERR_OK) {
            error_context(&err, "pipeline '%s'", step->run);
            run_keep_first(first, &err);
        }
        worst = error_worse(worst, done[i].code);
        if (run_is_left(job, done[i].code))
            return worst;
    }
    return worst;
}

enum error_code run_job(struct run *job, struct error *first)
{
    job->control_connection = "warehouse";
    if (run_connect(job, first) != 0 || history_message(job, first) != 0)
        return first->code;
    if (job->report->is_repeat)
        return ERR_OK;
    if (job->options->kind == RUN_LOAD && history_begin(job, job->pipeline->name, first) != 0)
        return first->code;
    job->report->run_id = job->run_id;
    if (job->options->detach) {
        job->report->is_detached = true;
        return ERR_OK;
    }
    enum error_code code = ERR_OK;
    if (hooks_run(job, &job->pipeline->hooks.before, "run.before", NULL, first) != 0)
        code = first->code;
    else
        code = run_steps(job, first);
    run_finish(job, code, first);
    return code;
}
