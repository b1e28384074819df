/* lib/platform/server/respond.c - the envelope, and which status an error has. */
#include "format/jsonx.h"
#include "platform/server/internal.h"

int respond_data(struct request *r, int status, struct span data)
{
    struct jwriter w;
    r->status = status;
    strbuf_clear(&r->out);
    jwriter_init(&w, &r->out);
    jwriter_object(&w);
    jwriter_kint(&w, "code", status);
    jwriter_kstring(&w, "message", "Success");
    jwriter_key(&w, "data");
    jwriter_raw(&w, data);
    jwriter_end(&w);
    return ERR_OK;
}

/* What the catalogue does not have, clients cannot know: a defect of ours, told as one. */
static void check_declared(struct request *r, int *status, const char **name, const char **message,
                           const char **details)
{
    const struct api_error *e = api_error_find(*name);
    if (e != NULL && api_error_has_status(e, *status))
        return;
    server_log(r->server, LOG_ERROR,
               LOG_FIELDS(LOG_STR("trace_id", r->trace_id), LOG_STR("error", *name),
                          LOG_INT("http_status", *status)),
               "an error that the catalogue does not have");
    *status = 500;
    *name = API_ERROR(internal);
    *message = "Internal error";
    *details = NULL;
}

static void respond_failure(struct request *r, int status, const char *name, const char *message,
                            const char *details)
{
    struct jwriter w;
    check_declared(r, &status, &name, &message, &details);
    r->status = status;
    strbuf_clear(&r->out);
    r->content_type = "application/json; charset=utf-8";
    if (status == 409)
        metrics_conflict(r->server->metrics, name);
    jwriter_init(&w, &r->out);
    jwriter_object(&w);
    jwriter_kint(&w, "code", status);
    jwriter_kstring(&w, "message", message);
    jwriter_kstring(&w, "error", name);
    jwriter_kraw(&w, "details", details != NULL ? details : "{}");
    jwriter_kstring(&w, "trace_id", r->trace_id);
    jwriter_end(&w);
}

void respond_refusal(struct request *r, int status, const char *name, const char *message)
{
    respond_failure(r, status, name, message, NULL);
}

static int refusal_status(enum error_code code)
{
    switch (code) {
    case ERR_USAGE: return 400;
    case ERR_AUTH: return 403;
    case ERR_NOT_FOUND: return 404;
    case ERR_DATA: return 422;
    case ERR_RATE_LIMITED: return 429;
    case ERR_UNAVAILABLE: return 503;
    default: return 409;
    }
}

static bool sqlstate_is(const struct error *err, const char *prefix)
{
    return strncmp(err->sqlstate, prefix, strlen(prefix)) == 0;
}

static void respond_unavailable(struct request *r, const char *name, const char *message)
{
    r->retry_after_s = 1;
    respond_refusal(r, 503, name, message);
}

/* What the database or the server itself failed at; the text stays in the log. */
static void respond_internal(struct request *r, const struct error *err)
{
    if (sqlstate_is(err, "55P03"))
        respond_refusal(r, 409, API_ERROR(lock_timeout), "Failed to acquire lock");
    else if (sqlstate_is(err, "57014"))
        respond_unavailable(r, API_ERROR(timeout), "The request took too long");
    else if (sqlstate_is(err, "22P05") || sqlstate_is(err, "22021") || sqlstate_is(err, "22P02") ||
             sqlstate_is(err, "22007"))
        respond_refusal(r, 400, API_ERROR(bad_parameter), "A parameter has the wrong form");
    else if (sqlstate_is(err, "22"))
        respond_refusal(r, 422, API_ERROR(out_of_range), "A value is out of range");
    else if (sqlstate_is(err, "23"))
        respond_refusal(r, 409, API_ERROR(conflict), "The change conflicts with what is stored");
    else if (error_class_of(err->code) == ERROR_CLASS_TRANSIENT)
        respond_unavailable(r, API_ERROR(unavailable), "Temporarily unavailable");
    else
        respond_refusal(r, 500, API_ERROR(internal), "Internal error");
}

void respond_error(struct request *r, const struct error *err)
{
    if (r->ctx.refusal != NULL) {
        char message[ERROR_MESSAGE_MAX];
        snprintf(message, sizeof message, "%s", err->message);
        /* The API's messages are sentences, unless they begin with a place: items[0]. */
        if (message[0] >= 'a' && message[0] <= 'z' && message[strcspn(message, " [")] != '[')
            message[0] = (char)(message[0] - 'a' + 'A');
        respond_failure(r, refusal_status(err->code), r->ctx.refusal, message, r->ctx.details);
        return;
    }
    respond_internal(r, err);
    server_log(r->server, r->status >= 500 ? LOG_ERROR : LOG_INFO,
               LOG_FIELDS(LOG_STR("request_id", r->request_id), LOG_STR("trace_id", r->trace_id),
                          LOG_STR("method", r->method), LOG_STR("path", r->path),
                          LOG_STR("error", err->message), LOG_STR("sqlstate", err->sqlstate)),
               "request failed");
}
