#include "platform/client/client.h"

#include "core/clock.h"
#include "core/log.h"
#include "core/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct client {
    struct connector *connector;
    int64_t keep_ms; /* answers are kept for so long, and may be old ones; 0: no */
    bool is_degraded;
    int64_t age_ms;
};

int client_open(const struct config *config, const struct connector_builtin *builtins,
                struct client **ret, struct error *err)
{
    struct connector *opened;
    TRY(connector_open(config_settings(config)->platform_connector, config, builtins, &opened,
                       err));
    struct client *c = mem_alloc(sizeof *c);
    c->connector = opened;
    *ret = c;
    return 0;
}

void client_close(struct client *c)
{
    if (c == NULL)
        return;
    connector_close(c->connector);
    free(c);
}

void client_may_degrade(struct client *c, const struct config *config)
{
    c->keep_ms = config_settings(config)->platform_cache_ms;
}

bool client_is_degraded(const struct client *c, int64_t *ret_age_ms)
{
    *ret_age_ms = c->age_ms;
    return c->is_degraded;
}

/* ERR_CONFIG when the platform's connector has no such resource, as all of these. */
static int client_can(const struct client *c, const char *resource, struct error *err)
{
    const char *name = connector_name(c->connector);
    if (connector_has_resource(c->connector, resource))
        return 0;
    error_set(err, ERR_CONFIG, "this cannot be done through connector '%s': it has no '%s'", name,
              resource);
    return error_hint(err, "`diner connector list` shows which connectors there are; the setting "
                           "platform.connector names the one that is used");
}

/* The parameters that have a value: a filter nobody asked for need not be there; and how many
 * records are wanted, for what is kept is the answer to that, too. Freed by free. */
static struct connector_param *given(const struct connector_param *params, size_t nparams,
                                     const char *limit, size_t *ret_count)
{
    struct connector_param *out = mem_alloc((nparams + 1) * sizeof *out);
    size_t n = 0;
    out[n++] = (struct connector_param){.name = "limit", .value = limit, .is_optional = true};
    for (size_t i = 0; i < nparams; i++)
        if (params[i].value != NULL)
            out[n++] = params[i];
    *ret_count = n;
    return out;
}

/* ---- lists ------------------------------------------------------------------------------ */

/* Records on their way from a page to whoever wants them. */
struct reading {
    struct client *client;
    struct connector_mapper *mapper;
    const struct connector_param *params;
    size_t nparams;
    int64_t limit, count;
    client_record *record;
    void *self;
};

static int read_page(struct reading *r, const struct connector_page *page, struct error *err)
{
    for (size_t i = 0; i < page->count && r->count < r->limit; i++) {
        struct span mapped;
        TRY(connector_map(r->mapper, page->elements[i], &mapped, err));
        if (!connector_map_wanted(r->mapper, mapped, r->params, r->nparams))
            continue;
        r->count++;
        TRY(r->record(r->self, mapped, err));
    }
    return 0;
}

static int read_pages(struct reading *r, struct connector_pages *pages, struct error *err)
{
    bool end = false;
    while (!end && r->count < r->limit) {
        struct connector_page page;
        TRY(connector_pages_next(pages, &page, &end, err));
        if (end)
            break;
        if (page.degraded != NULL && !r->client->is_degraded)
            log_warn("the platform cannot be reached, this is as it was: %s", page.degraded);
        r->client->is_degraded = page.degraded != NULL;
        r->client->age_ms = page.age_ms;
        TRY(read_page(r, &page, err));
    }
    connector_pages_enough(pages);
    return 0;
}

int client_list(struct client *c, const char *resource, const struct connector_param *params,
                size_t nparams, int64_t limit, client_record *record, void *self, struct error *err)
{
    struct reading r = {.client = c,
                        .params = params,
                        .nparams = nparams,
                        .limit = limit,
                        .record = record,
                        .self = self};
    struct connector_pages *pages = NULL;
    size_t n;
    TRY(client_can(c, resource, err));
    TRY(connector_mapper_new(c->connector, resource, &r.mapper, err));
    char most[24];
    snprintf(most, sizeof most, "%" PRId64, limit);
    AUTOFREE struct connector_param *wanted = given(params, nparams, most, &n);
    int code = connector_pages_open(c->connector, resource, wanted, n, &pages, err);
    if (code == 0 && c->keep_ms > 0)
        connector_pages_keep(pages, c->keep_ms);
    if (code == 0)
        code = read_pages(&r, pages, err);
    connector_pages_close(pages);
    connector_mapper_free(r.mapper);
    return code;
}

/* ---- one record, one call --------------------------------------------------------------- */

static int keep_document(void *self, struct span record, struct error *err)
{
    struct jsonx **document = self;
    return jsonx_parse(record.ptr, record.len, message_text("the platform's answer"), document,
                       err);
}

int client_get(struct client *c, const char *resource, const struct connector_param *params,
               size_t nparams, struct jsonx **ret_record, struct error *err)
{
    struct jsonx *found = NULL;
    TRY(client_list(c, resource, params, nparams, 1, keep_document, &found, err));
    if (found == NULL)
        return error_set(err, ERR_NOT_FOUND, "the platform has no such record of '%s'", resource);
    *ret_record = found;
    return 0;
}

int client_call(struct client *c, const char *resource, const struct connector_param *params,
                size_t nparams, const struct strbuf *body, struct jsonx **ret_document,
                struct error *err)
{
    struct http_response response = {0};
    char key[37];
    struct span text = body != NULL ? (struct span){body->data, body->len} : (struct span){NULL, 0};
    TRY(client_can(c, resource, err));
    clock_random_uuid(key);
    TRY(connector_call(c->connector, resource, params, nparams, text, body != NULL ? key : NULL,
                       &response, err));
    int code = ret_document != NULL
                   ? jsonx_parse(response.body.data, response.body.len,
                                 message_text("the platform's answer"), ret_document, err)
                   : 0;
    http_response_release(&response);
    return code;
}
