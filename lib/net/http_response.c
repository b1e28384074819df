#include "core/clock.h"
#include "core/message.h"
#include "format/encoding.h"
#include "net/http_internal.h"
#include "net/retry.h"
#include "net/url.h"
#include <inttypes.h>
#include <stdlib.h>

#define BODY_SHOWN_BYTES 200

void http_headers_clear(struct http_response *r)
{
    for (size_t i = 0; i < r->nheaders; i++) {
        char *block; /* the name, with its value behind it: ours, const for all others */
        memcpy(&block, &r->headers[i].name, sizeof(block));
        free(block);
    }
    r->nheaders = 0;
}

void http_response_release(struct http_response *r)
{
    http_headers_clear(r);
    free(r->headers);
    strbuf_release(&r->body);
    *r = (struct http_response){0};
}

void http_response_add_header(struct http_response *r, const char *name, const char *value)
{
    size_t name_size = strlen(name) + 1, value_size = strlen(value) + 1;

    if (r->nheaders == HTTP_HEADERS_MAX)
        return;
    if (!r->headers)
        r->headers = mem_array(HTTP_HEADERS_MAX, sizeof(*r->headers));
    char *block = mem_alloc(name_size + value_size); /* freed by http_headers_clear */
    memcpy(block, name, name_size);
    memcpy(block + name_size, value, value_size);
    r->headers[r->nheaders++] = (struct http_header){block, block + name_size};
}

const char *http_response_header(const struct http_response *r, const char *lower_name)
{
    for (size_t i = 0; i < r->nheaders; i++)
        if (strcmp(r->headers[i].name, lower_name) == 0)
            return r->headers[i].value;
    return NULL;
}

static enum error_code code_of_status(int status)
{
    switch (status) {
    case 401:
    case 403: return ERR_AUTH;
    case 404: return ERR_NOT_FOUND;
    case 409: return ERR_CONFLICT;
    case 429: return ERR_RATE_LIMITED;
    case 408: return ERR_UNAVAILABLE;
    default: return status >= 500 ? ERR_UNAVAILABLE : ERR_REMOTE;
    }
}

/* The beginning of a body on one line: blanks squeezed, what is not text as '?'. */
static void body_show(const struct http_response *r, struct strbuf *out)
{
    if (!r->body.data)
        return;
    size_t n = utf8_cut(r->body.data, r->body.len, BODY_SHOWN_BYTES);
    bool valid = utf8_is_valid(r->body.data, n);
    bool blank = true;

    for (size_t i = 0; i < n; i++) {
        unsigned char b = (unsigned char)r->body.data[i];
        if (b <= ' ' || b == 0x7f) {
            if (!blank)
                strbuf_addch(out, ' ');
            blank = true;
            continue;
        }
        strbuf_addch(out, b < 0x80 || valid ? (char)b : '?');
        blank = false;
    }
    if (blank && out->len > 0)
        strbuf_truncate(out, out->len - 1);
    if (n < r->body.len)
        strbuf_adds(out, "...");
}

int http_response_fail(const struct http_request *req, const struct http_response *r,
                       enum error_code code, const char *reason, struct error *err)
{
    AUTO_STRBUF struct strbuf url = {0}, attempts = {0}, shown = {0};

    strbuf_init(&url, 0);
    strbuf_init(&attempts, 0);
    strbuf_init(&shown, 0);
    if (!reason) {
        body_show(r, &shown);
        reason = shown.data;
    }
    url_shown(req->url, &url);
    if (r->attempts > 1)
        strbuf_addf(&attempts, " after %d attempts", r->attempts);
    error_set(err, code != 0 ? code : code_of_status(r->status), "%s %s: HTTP %d%s%s%s",
              req->method ? req->method : "GET", url.data, r->status,
              attempts.len > 0 ? attempts.data : "", *reason ? ": " : "", reason);
    if (r->too_long_ms > 0)
        error_hint(err,
                   "it asks to wait %" PRId64 " s, more than the %" PRId64
                   " s that retries may take (retry.budget)",
                   r->too_long_ms / 1000, r->budget_ms / 1000);
    err->http_status = r->status;
    err->retry_after_ms = retry_after_ms(http_response_header(r, "retry-after"), clock_wall_us());
    return (int)err->code;
}

int http_response_check(const struct http_request *req, const struct http_response *r,
                        struct error *err)
{
    if (r->status >= 200 && r->status <= 299)
        return 0;
    return http_response_fail(req, r, ERR_OK, NULL, err);
}

int http_tell(struct http_client *c, const char *url, const char *token, struct span body,
              struct error *err)
{
    AUTO_STRBUF struct strbuf bearer = {0};
    struct http_response response = {0};
    strbuf_init(&bearer, 0);
    strbuf_addf(&bearer, "Bearer %s", token != NULL ? token : "");
    const struct http_header header = {"Authorization", bearer.data};
    const struct http_request request = {.method = "POST",
                                         .url = url,
                                         .headers = &header,
                                         .nheaders = token != NULL,
                                         .body = body,
                                         .no_retry = true};
    TRY(http_send(c, &request, &response, err));
    int code = http_response_check(&request, &response, err);
    http_response_release(&response);
    return code;
}
