/* Exports that take their time: ordered, asked for until they are ready, then read. */
#include "core/clock.h"
#include "core/log.h"
#include "core/signals.h"
#include "format/jpull.h"
#include "net/connector_internal.h"
#include "net/retry.h"
#include "net/url.h"
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

struct job {
    struct connector *c;
    const char *name; /* of the resource */
    const struct job_spec *spec;
    struct arena *arena;
    struct connector_param *params; /* the caller's, then what was taken */
    size_t nparams, given;
    const char *asked; /* URL of the last request */
    struct http_response response;
};

static int job_error(const struct job *j, enum error_code code, struct error *err,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

static int job_error(const struct job *j, enum error_code code, struct error *err,
                     const char *format, ...)
{
    va_list args;

    va_start(args, format);
    error_setv(err, code, format, args);
    va_end(args);
    return error_context(err, "export '%s' of connector '%s'", j->name, j->c->name);
}

/* Whether the request lacks what an answer should have given: then that is the error. */
static bool job_lacks(const struct job *j, const struct outgoing *r, struct error *err)
{
    AUTO_STRBUF struct strbuf shown = {0};
    const struct field_string_map *take = &j->spec->take;

    for (size_t i = 0; j->asked && r->missing && i < take->count; i++) {
        if (strcmp(take->keys[i], r->missing) != 0)
            continue;
        strbuf_init(&shown, 0);
        url_shown(j->asked, &shown);
        job_error(j, ERR_REMOTE, err, "the answer of %s has no text or number at '%s'", shown.data,
                  take->values[i] ? take->values[i] : "");
        error_hint(err, "'take' of its job wants it as '%s', for path '%s'", r->missing,
                   r->resource->path);
        return true;
    }
    return false;
}

/* The download is asked for elsewhere; here it is only seen whether it can be. */
static int job_check_download(const struct job *j, const struct resource_spec *resource,
                              struct error *err)
{
    struct outgoing r = {.arena = j->arena, .c = j->c, .resource = resource};
    const struct outgoing_values values = {.params = j->params, .nparams = j->nparams};
    struct error ignored = ERROR_INIT;

    if (outgoing_build(&r, &values, (struct span){0}, &ignored) != 0 && job_lacks(j, &r, err))
        return (int)err->code;
    return 0;
}

static int job_ask(struct job *j, const struct resource_spec *resource, bool *ret_ignored,
                   struct error *err)
{
    struct outgoing r = {.arena = j->arena, .c = j->c, .resource = resource};
    const struct outgoing_values values = {.params = j->params, .nparams = j->nparams};
    struct http_response response = {0};

    if (outgoing_build(&r, &values, (struct span){0}, err) != 0)
        return job_lacks(j, &r, err)
                   ? (int)err->code
                   : error_context(err, "export '%s' of connector '%s'", j->name, j->c->name);
    TRY(outgoing_send(&r, &response, ret_ignored, err));
    http_response_release(&j->response);
    j->response = response;
    j->asked = r.http.url;
    return 0;
}

/* The text of a string or number in the last answer; NULL when there is none. */
static const char *answer_text(struct job *j, const char *pointer)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    struct jpull_value v;
    struct error ignored;

    strbuf_init(&scratch, 0);
    if (j->response.body.len == 0 ||
        jpull_find((struct span){j->response.body.data, j->response.body.len}, pointer, &v,
                   &scratch, &ignored) != 0 ||
        (v.kind != JPULL_STRING && v.kind != JPULL_NUMBER) || v.text.len == 0 ||
        v.text.len > CONNECTOR_TEXT_MAX || memchr(v.text.ptr, '\0', v.text.len))
        return NULL;
    return arena_strndup(j->arena, v.text.ptr, v.text.len);
}

/* What the answer says of the names; a later answer's word counts. */
static void job_take(struct job *j)
{
    const struct field_string_map *take = &j->spec->take;

    for (size_t i = 0; i < take->count; i++) {
        const char *value = take->values[i] ? answer_text(j, take->values[i]) : NULL;
        if (value)
            j->params[j->given + i].value = value;
    }
}

static int job_wait(struct job *j, int64_t until_ms, struct error *err)
{
    int64_t now_ms = clock_monotonic_ms(), wait_ms = j->spec->interval_ms;
    int64_t asked_ms =
        retry_after_ms(http_response_header(&j->response, "retry-after"), clock_wall_us());

    if (asked_ms > wait_ms)
        wait_ms = asked_ms;
    if (now_ms + wait_ms > until_ms) {
        job_error(j, ERR_UNAVAILABLE, err, "it was not ready after %" PRId64 " s",
                  j->spec->timeout_ms / 1000);
        return error_hint(err, "'timeout' of its job says how long to wait");
    }
    if (!j->c->tape || !tape_is_replayed(j->c->tape))
        clock_sleep_ms(wait_ms);
    return signals_check(err);
}

static int job_poll(struct job *j, struct error *err)
{
    AUTO_STRBUF struct strbuf reason = {0};
    int64_t until_ms = clock_monotonic_ms() + j->spec->timeout_ms;

    if (!j->spec->poll)
        return 0; /* it is ready with the order */
    const struct resource_spec *poll = connector_resource(j->c, j->spec->poll, err);
    if (!poll)
        return (int)err->code;
    for (int polls = 1;; polls++) {
        bool ignored = false;
        TRY(job_ask(j, poll, &ignored, err));
        job_take(j);
        if (rule_when_matches(&j->spec->until, &j->response)) {
            log_event(LOG_DEBUG, LOG_FIELDS(LOG_STR("connector", j->c->name)),
                      "export '%s' is ready after %d polls", j->name, polls);
            return 0;
        }
        bool failing = j->spec->failed.status.count > 0 || j->spec->failed.pointer;
        if (failing && rule_when_matches(&j->spec->failed, &j->response)) {
            strbuf_init(&reason, 0);
            rules_reason(&j->spec->message_from, &j->response, &reason);
            return job_error(j, ERR_REMOTE, err, "it failed%s%s", reason.len > 0 ? ": " : "",
                             reason.len > 0 ? reason.data : "");
        }
        TRY(job_wait(j, until_ms, err));
    }
}

/* "files.example.com", or "*.example.com" for all below it. */
static bool host_matches(const char *pattern, const char *host)
{
    size_t len = strlen(host), suffix = strlen(pattern);

    if (pattern[0] != '*')
        return strcasecmp(pattern, host) == 0;
    pattern++;
    suffix--;
    return pattern[0] == '.' && len > suffix && strcasecmp(host + len - suffix, pattern) == 0;
}

static int job_url(struct job *j, struct job_result *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf shown = {0};
    AUTOFREE char *absolute = NULL;
    AUTOFREE char *host = NULL;
    const char *url = answer_text(j, j->spec->download);
    struct error why = ERROR_INIT;

    if (!url)
        return job_error(j, ERR_REMOTE, err, "the answer has no URL at '%s'", j->spec->download);
    if (url_resolve(j->asked, url, &absolute, &why) != 0)
        return job_error(j, ERR_REMOTE, err, "%s", why.message);
    ret->url = arena_strdup(j->arena, absolute);
    if (url_may_follow(j->c->base_url, ret->url))
        return 0;
    ret->is_foreign = true;
    host = url_host(ret->url);
    for (size_t i = 0; host && i < j->spec->hosts.count; i++)
        if (host_matches(j->spec->hosts.items[i], host))
            return 0;
    strbuf_init(&shown, 0);
    url_shown(ret->url, &shown);
    job_error(j, ERR_REMOTE, err, "its download is at another host, '%s'", shown.data);
    return error_hint(err, "name it in 'hosts' of the job, if it is to be trusted");
}

static int job_finish(struct job *j, const struct resource_spec *r, struct job_result *ret,
                      struct error *err)
{
    struct job_result result = {.resource = r, .params = j->params, .nparams = j->nparams};

    if (j->spec->download[0] == '/')
        TRY(job_url(j, &result, err));
    else if (!(result.resource = connector_resource(j->c, j->spec->download, err)))
        return (int)err->code;
    else
        TRY(job_check_download(j, result.resource, err));
    const struct file_hash_spec *hash = result.resource->file.hash;
    if (hash && hash->from[0] == '/' && !(result.hash = answer_text(j, hash->from)))
        return job_error(j, ERR_REMOTE, err, "the answer has no hash at '%s'", hash->from);
    *ret = result;
    return 0;
}

int job_run(struct connector *c, const char *name, const struct resource_spec *r,
            const struct connector_param *params, size_t nparams, struct arena *arena,
            struct job_result *ret, struct error *err)
{
    const struct field_string_map *take = &r->job->take;
    struct job j = {.c = c, .name = name, .spec = r->job, .arena = arena, .nparams = nparams};

    j.given = nparams;
    j.params = arena_array(arena, nparams + take->count + 1, sizeof(*j.params));
    if (nparams > 0)
        memcpy(j.params, params, nparams * sizeof(*params));
    for (size_t i = 0; i < take->count; i++)
        j.params[nparams + i] = (struct connector_param){take->keys[i], NULL, true};
    bool ignored = false;
    int code = job_ask(&j, r, &ignored, err);
    if (code == 0 && ignored) {
        *ret = (struct job_result){.resource = r, .is_nothing = true};
        http_response_release(&j.response);
        return 0;
    }
    if (code == 0) {
        job_take(&j);
        for (size_t i = 0; i < nparams; i++) /* of the order; the others use what they have */
            j.params[i].is_optional = true;
        j.nparams = nparams + take->count;
        code = job_poll(&j, err);
    }
    if (code == 0)
        code = job_finish(&j, r, ret, err);
    http_response_release(&j.response);
    return code;
}
