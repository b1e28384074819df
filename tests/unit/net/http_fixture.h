/* tests/unit/net/http_fixture.h - clients and single requests for the tests of the HTTP client. */
#ifndef DINER_TESTS_NET_HTTP_FIXTURE_H
#define DINER_TESTS_NET_HTTP_FIXTURE_H

#include "net/http.h"
#include "server.h"

static inline struct http_client *client_with(struct http_options options)
{
    struct http_client *c = NULL;
    struct error err = ERROR_INIT;
    assert_int_equal(http_client_new(&options, &c, &err), 0);
    return c;
}

static inline char *url_of(const char *path)
{
    static char url[256];
    snprintf(url, sizeof(url), "%s%s", server.base, path);
    return url;
}

/* One request by a client made for it; the response is released unless wanted. */
static inline int send_once(struct http_options options, struct http_request req,
                            struct http_response *ret, struct error *err)
{
    struct http_client *c = client_with(options);
    struct http_response r = {0};

    int code = http_send(c, &req, &r, err);
    http_client_free(c);
    if (ret)
        *ret = r;
    else
        http_response_release(&r);
    return code;
}

static const struct http_options quick = {.retry = {.base_ms = 1, .cap_ms = 5}};

#endif
