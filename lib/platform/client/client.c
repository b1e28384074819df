#include "platform/client/client.h"

#include "core/clock.h"
#include "format/jpull.h"

#include <stdlib.h>

struct client {
    struct connector *connector;
};

int client_open(const struct config *config, const struct connector_builtin *builtins,
                const char *connector, struct client **ret, struct error *err)
{
    struct connector *opened;
    TRY(connector_open(connector != NULL ? connector : "platform", config, builtins, &opened, err));
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

static int page_records(const struct connector_page *page, int64_t limit, int64_t *count,
                        int (*record)(void *self, struct span record, struct error *err),
                        void *self, struct error *err)
{
    struct jpull_array array;
    TRY(jpull_array_begin(page->records, &array, err));
    while (*count < limit) {
        struct span element;
        bool end = false;
        TRY(jpull_array_next(&array, &element, &end, err));
        if (end)
            break;
        TRY(record(self, element, err));
        ++*count;
    }
    return 0;
}

int client_list(struct client *c, const char *resource, const struct connector_param *params,
                size_t nparams, int64_t limit,
                int (*record)(void *self, struct span record, struct error *err), void *self,
                struct error *err)
{
    struct connector_pages *pages;
    int64_t count = 0;
    int code = 0;
    bool end = false;
    TRY(connector_pages_open(c->connector, resource, params, nparams, &pages, err));
    while (code == 0 && !end && count < limit) {
        struct connector_page page;
        code = connector_pages_next(pages, &page, &end, err);
        if (code == 0 && !end)
            code = page_records(&page, limit, &count, record, self, err);
    }
    connector_pages_close(pages);
    return code;
}

int client_call(struct client *c, const char *resource, const struct connector_param *params,
                size_t nparams, const struct strbuf *body, struct jsonx **ret_document,
                struct error *err)
{
    struct http_response response = {0};
    char key[37];
    struct span text = body != NULL ? (struct span){body->data, body->len} : (struct span){NULL, 0};
    clock_random_uuid(key);
    TRY(connector_call(c->connector, resource, params, nparams, text, body != NULL ? key : NULL,
                       &response, err));
    int code = ret_document != NULL ? jsonx_parse(response.body.data, response.body.len,
                                                  "the platform's answer", ret_document, err)
                                    : 0;
    http_response_release(&response);
    return code;
}
