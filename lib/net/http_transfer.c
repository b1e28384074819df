#include "core/clock.h"
#include "core/message.h"
#include "net/http_internal.h"
#include "net/url.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NS_PER_MS    INT64_C(1000000)
#define SINK_IDLE_MS 60000

static const char *task_url(const struct http_task *t)
{
    return t->url ? t->url : t->req->url;
}

/* ---- what comes in ------------------------------------------------------------------------- */

static bool sink_stop(struct http_task *t, enum error_code code, const char *why)
{
    t->stopped = why;
    t->stopped_code = code;
    return false;
}

static bool sink_write(struct http_task *t, const char *bytes, size_t n)
{
    struct http_sink *sink = t->req->sink;
    size_t room = HTTP_SINK_HEAD_BYTES - t->response.body.len;

    if (n > sink->max_bytes - sink->bytes)
        return sink_stop(t, ERR_LIMIT, message_text("the download is over the limit"));
    strbuf_add(&t->response.body, bytes, n < room ? n : room);
    sink->bytes += n;
    while (n > 0) {
        ssize_t k = write(sink->fd, bytes, n);
        if (k < 0 && errno == ENOSPC)
            return sink_stop(t, ERR_IO, message_text("no room for the download: set TMPDIR"));
        if (k < 0 && errno != EINTR)
            return sink_stop(t, ERR_IO,
                             message_text("the download cannot be written into a temporary file"));
        bytes += k > 0 ? k : 0;
        n -= k > 0 ? (size_t)k : 0;
    }
    return true;
}

/* What an earlier attempt left is not part of this one. */
static int sink_begin(struct http_sink *sink, struct error *err)
{
    if (!sink)
        return 0;
    sink->bytes = 0;
    if (ftruncate(sink->fd, 0) != 0 || lseek(sink->fd, 0, SEEK_SET) != 0)
        return error_set_errno(err, ERR_IO, errno, "cannot empty a temporary file");
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *self)
{
    struct http_task *t = self;

    if (t->req->sink)
        return sink_write(t, bytes, size * n) ? size * n : 0;
    if (http_charset_add(t, bytes, size * n))
        return size * n;
    t->stopped = message_text("the answer is over the limit");
    t->stopped_code = ERR_LIMIT;
    return 0;
}

static void header_add(struct http_response *r, const char *line, size_t len, size_t name_len)
{
    const char *value = line + name_len + 1, *end = line + len;

    while (value < end && isspace((unsigned char)*value))
        value++;
    while (end > value && isspace((unsigned char)end[-1]))
        end--;
    size_t value_len = (size_t)(end - value);
    /* One block for both; http_headers_clear frees the name. */
    char *name = mem_alloc(name_len + value_len + 2);
    for (size_t i = 0; i < name_len; i++)
        name[i] = (char)tolower((unsigned char)line[i]);
    memcpy(name + name_len + 1, value, value_len);
    if (!r->headers)
        r->headers = mem_array(HTTP_HEADERS_MAX, sizeof(*r->headers));
    r->headers[r->nheaders++] = (struct http_header){name, name + name_len + 1};
}

static size_t on_header(char *line, size_t size, size_t n, void *self)
{
    struct http_task *t = self;
    size_t len = size * n;

    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) { /* the final answer after a 100 Continue */
        http_headers_clear(&t->response);
        t->header_bytes = 0;
        return len;
    }
    const char *colon = memchr(line, ':', len);
    if (!colon)
        return len;
    t->header_bytes += len;
    if (t->header_bytes > HTTP_HEADER_BYTES_MAX || t->response.nheaders == HTTP_HEADERS_MAX) {
        t->stopped = message_text("the headers of the answer are over the limit");
        t->stopped_code = ERR_LIMIT;
        return 0;
    }
    header_add(&t->response, line, len, (size_t)(colon - line));
    return len;
}

/* ---- what goes out ------------------------------------------------------------------------- */

static int header_append(struct http_task *t, const char *name, const char *value,
                         struct error *err)
{
    AUTO_STRBUF struct strbuf line = {0};

    strbuf_init(&line, HTTP_HEADER_BYTES_MAX);
    /* libcurl's spelling: "Name;" sends it empty, "Name:" leaves it out. */
    bool fits =
        *value ? strbuf_addf(&line, "%s: %s", name, value) : strbuf_addf(&line, "%s;", name);
    if (!fits)
        return error_set(err, ERR_LIMIT, "the value of header '%s' is too long", name);
    for (const char *p = line.data; *p; p++)
        if (iscntrl((unsigned char)*p) && *p != '\t')
            return error_set(err, ERR_DATA, "the value of header '%s' has a control character",
                             name);
    struct curl_slist *list = curl_slist_append(t->header_lines, line.data);
    if (!list)
        return error_set(err, ERR_FAILED, "out of memory");
    t->header_lines = list;
    return 0;
}

static int headers_build(struct http_task *t, struct error *err)
{
    const struct http_request *req = t->req;

    for (size_t i = 0; i < req->nheaders; i++)
        TRY(header_append(t, req->headers[i].name, req->headers[i].value, err));
    char parent[TRACE_PARENT_MAX];
    trace_span_traceparent(&t->span, parent);
    if (parent[0] != '\0')
        TRY(header_append(t, "traceparent", parent, err));
    if (req->idempotency_key)
        TRY(header_append(t, "Idempotency-Key", req->idempotency_key, err));
    if (req->body.ptr)
        TRY(header_append(t, "Content-Type",
                          req->content_type ? req->content_type : "application/json", err));
    /* No "100 Continue" hand-shake (libcurl repeats a request refused with 417), and no form type
     * for an empty POST. */
    static const char *const without[] = {"Expect:", "Content-Type:"};
    for (size_t i = 0; i < (req->body.ptr ? 1 : 2); i++) {
        struct curl_slist *list = curl_slist_append(t->header_lines, without[i]);
        if (!list)
            return error_set(err, ERR_FAILED, "out of memory");
        t->header_lines = list;
    }
    return 0;
}

static void method_set(struct http_task *t)
{
    const struct http_request *req = t->req;
    const char *method = req->method ? req->method : "GET";
    CURL *e = t->easy;

    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
        return;
    }
    if (req->body.ptr || strcmp(method, "POST") == 0) {
        curl_easy_setopt(e, CURLOPT_POST, 1L);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, req->body.ptr ? req->body.ptr : "");
    }
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
}

static void limits_set(const struct http_client *c, struct http_task *t)
{
    const struct http_options *o = &c->options;
    CURL *e = t->easy;
    int64_t timeout_ms = t->req->timeout_ms > 0 ? t->req->timeout_ms : o->timeout_ms;

    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    if (!t->req->method || strcmp(t->req->method, "HEAD") != 0)
        curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE,
                         t->req->sink ? (curl_off_t)t->req->sink->max_bytes
                                      : (curl_off_t)o->body_max_bytes);
}

static void client_certificate_set(const struct http_client *c, CURL *e)
{
    struct curl_blob blob = {.flags = CURL_BLOB_NOCOPY};

    if (c->options.client_certificate.len == 0)
        return;
    curl_easy_setopt(e, CURLOPT_SSLCERTTYPE, "PEM");
    curl_easy_setopt(e, CURLOPT_SSLKEYTYPE, "PEM");
    memcpy(&blob.data, &c->options.client_certificate.ptr, sizeof blob.data); /* drops const */
    blob.len = c->options.client_certificate.len;
    curl_easy_setopt(e, CURLOPT_SSLCERT_BLOB, &blob);
    memcpy(&blob.data, &c->options.client_key.ptr, sizeof blob.data);
    blob.len = c->options.client_key.len;
    curl_easy_setopt(e, CURLOPT_SSLKEY_BLOB, &blob);
}

static void easy_setup(const struct http_client *c, struct http_task *t, bool may_reuse)
{
    CURL *e = t->easy;

    curl_easy_setopt(e, CURLOPT_URL, task_url(t));
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    if (!t->req->sink)
        curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(e, CURLOPT_USERAGENT, "diner/" DINER_VERSION);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    /* libcurl itself sends a request again when a kept connection turns out dead, whatever its
     * method; what must not happen twice goes out on a connection of its own. */
    curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, may_reuse ? 0L : 1L);
    if (c->ca_file)
        curl_easy_setopt(e, CURLOPT_CAINFO, c->ca_file);
    client_certificate_set(c, e);
    limits_set(c, t);
    method_set(t);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->header_lines);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->curl_text);
    curl_easy_setopt(e, CURLOPT_PRIVATE, t);
}

static void begin_span(struct http_task *t)
{
    AUTO_STRBUF struct strbuf url = {0};

    trace_span_begin(&t->span, TRACE_SPAN_CLIENT, t->req->method ? t->req->method : "GET");
    strbuf_init(&url, 0);
    url_shown(task_url(t), &url);
    trace_span_text(&t->span, "url.full", url.data, url.len);
    if (t->response.attempts > 1)
        trace_span_number(&t->span, "http.request.resend_count", t->response.attempts - 1);
}

static void end_span(struct http_task *t)
{
    char status[16];

    snprintf(status, sizeof(status), "HTTP %d", t->response.status);
    if (t->response.status > 0)
        trace_span_number(&t->span, "http.response.status_code", t->response.status);
    if (t->response.status == 0)
        trace_span_fail(&t->span, t->stopped ? t->stopped : "no answer");
    else if (t->response.status >= 400)
        trace_span_fail(&t->span, status);
    trace_span_end(&t->span);
}

int http_transfer_begin(struct http_client *c, struct http_task *t, bool may_reuse,
                        struct error *err)
{
    t->stopped = t->stopped_hint = NULL;
    http_charset_clear(t);
    t->curl_text[0] = '\0';
    t->header_bytes = 0;
    t->moved_bytes = 0;
    t->moved_ns = clock_monotonic_ns();
    http_headers_clear(&t->response);
    strbuf_clear(&t->response.body);
    TRY(sink_begin(t->req->sink, err));
    begin_span(t);
    TRY(headers_build(t, err));
    t->easy = c->spares > 0 ? c->spare[--c->spares] : curl_easy_init();
    if (!t->easy)
        return error_set(err, ERR_FAILED, "libcurl gave no handle");
    easy_setup(c, t, may_reuse);
    CURLMcode added = curl_multi_add_handle(c->multi, t->easy);
    if (added != CURLM_OK) {
        http_transfer_end(c, t);
        return error_set(err, ERR_FAILED, "libcurl: %s", curl_multi_strerror(added));
    }
    return 0;
}

void http_transfer_end(struct http_client *c, struct http_task *t)
{
    long status = 0;
    curl_off_t elapsed_us = 0;

    curl_slist_free_all(t->header_lines);
    t->header_lines = NULL;
    if (!t->easy) {
        trace_span_end(&t->span); /* it did not begin */
        return;
    }
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &elapsed_us);
    t->response.status = (int)status;
    t->response.elapsed_us = elapsed_us;
    end_span(t);
    curl_multi_remove_handle(c->multi, t->easy);
    if (c->spares < HTTP_SPARE_MAX) {
        curl_easy_reset(t->easy);
        c->spare[c->spares++] = t->easy;
    } else {
        curl_easy_cleanup(t->easy);
    }
    t->easy = NULL;
}

bool http_transfer_is_idle(const struct http_client *c, struct http_task *t, int64_t now_ns)
{
    curl_off_t down = 0, up = 0;

    curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    int64_t limit_ms = c->options.idle_timeout_ms;
    if (t->req->sink && limit_ms < SINK_IDLE_MS) /* it is made while we wait */
        limit_ms = SINK_IDLE_MS;
    int64_t moved = (int64_t)down + (int64_t)up + (int64_t)t->header_bytes;
    if (moved != t->moved_bytes) {
        t->moved_bytes = moved;
        t->moved_ns = now_ns;
    }
    return now_ns - t->moved_ns > limit_ms * NS_PER_MS;
}

const char *http_transfer_redirect(const struct http_task *t)
{
    char *url = NULL;

    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &url);
    return url;
}

/* ---- what went wrong ----------------------------------------------------------------------- */

/* In TLS 1.3 a host refuses our certificate, or that we have none, when all else is done. */
static bool is_refused_certificate(CURLcode result, const char *text)
{
    bool is_alert = strstr(text, "alert certificate") || strstr(text, "alert bad certificate") ||
                    strstr(text, "alert unknown ca");

    return is_alert && (result == CURLE_RECV_ERROR || result == CURLE_SSL_CONNECT_ERROR);
}

static enum error_code code_of(CURLcode result, const char *text)
{
    if (is_refused_certificate(result, text))
        return ERR_AUTH;
    switch (result) {
    case CURLE_SSL_CERTPROBLEM: /* our own */
    case CURLE_URL_MALFORMAT: return ERR_CONFIG;
    case CURLE_FILESIZE_EXCEEDED: return ERR_LIMIT;
    case CURLE_UNSUPPORTED_PROTOCOL: /* also an answer that is not HTTP/1 */
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE: return ERR_REMOTE;
    case CURLE_OUT_OF_MEMORY: return ERR_FAILED;
    default: return ERR_UNAVAILABLE; /* refused, reset, cut, timed out: another time it may work */
    }
}

void http_transfer_error(const struct http_task *t, CURLcode result, struct error *err)
{
    if (t->stopped) {
        error_set(err, t->stopped_code, "%s", t->stopped);
        if (t->stopped_hint)
            error_hint(err, "%s", t->stopped_hint);
        return;
    }
    const char *text = t->curl_text[0] ? t->curl_text : curl_easy_strerror(result);
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == '.' || isspace((unsigned char)text[len - 1])))
        len--;
    /* Their sentences begin upper case; "SSL ..." stays. */
    bool lower = len > 1 && isupper((unsigned char)text[0]) && !isupper((unsigned char)text[1]);
    error_set(err, code_of(result, text), "%c%.*s",
              lower ? tolower((unsigned char)text[0]) : text[0], len > 0 ? (int)len - 1 : 0,
              text + 1);
    if (result == CURLE_FILESIZE_EXCEEDED)
        error_set(err, ERR_LIMIT, "the %s is over the limit",
                  t->req->sink ? message_text("download") : message_text("answer"));
    if (err->code == ERR_AUTH)
        error_hint(err, "the host wants a client certificate, and one that it knows");
    if (result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE)
        error_hint(err, "the certificate must be valid for this host and its authority trusted; a "
                        "private authority is named by ca_file");
}
