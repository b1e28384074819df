/* lib/platform/server/connection.c - what libmicrohttpd calls, and the deadlines it has not.
 *
 * Its time limit is idle time only: a client that sends a byte now and then would keep a thread for
 * ever. So each connection has a deadline while something is expected of its client, and the reaper
 * shuts down the socket of those that are over; their thread then ends as after any lost client. */
#include "core/clock.h"
#include "platform/server/internal.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/* A body that is refused anyway is read to its end, if that is not further away than this: who is
 * still sending when the connection closes loses the answer. */
#define DROPPED_BYTES_MAX  ((size_t)16 << 20)
#define REAPER_INTERVAL_MS 250

/* ---- the list of connections -------------------------------------------------------------- */

static void set_deadline(struct platform_server *s, struct connection *c, int64_t in_ms)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&s->connections_lock);
    c->deadline_ms = in_ms > 0 ? clock_monotonic_ms() + in_ms : 0;
    pthread_mutex_unlock(&s->connections_lock);
}

static void print_address(const struct sockaddr *address, char ret[INET6_ADDRSTRLEN])
{
    snprintf(ret, INET6_ADDRSTRLEN, "unknown");
    if (address != NULL && address->sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
                        ret, INET6_ADDRSTRLEN);
    else if (address != NULL && address->sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
                        ret, INET6_ADDRSTRLEN);
}

static int64_t connections_of(struct platform_server *s, const char *address)
{
    int64_t count = 0;
    pthread_mutex_lock(&s->connections_lock);
    for (const struct connection *c = s->connections; c != NULL; c = c->next)
        count += strcmp(c->address, address) == 0;
    pthread_mutex_unlock(&s->connections_lock);
    return count;
}

/* Nobody takes all the places; but behind a reverse proxy are many, and it has a limit itself. */
enum MHD_Result on_accept(void *cls, const struct sockaddr *address, socklen_t length)
{
    struct platform_server *s = cls;
    int64_t most = server_limits(s)->connections_of_address;
    char text[INET6_ADDRSTRLEN];
    (void)length;
    if (most <= 0)
        return MHD_YES;
    print_address(address, text);
    bool is_free = proxies_have(s->proxies, text) || connections_of(s, text) < most;
    return is_free ? MHD_YES : MHD_NO;
}

static struct connection *connection_add(struct platform_server *s, struct MHD_Connection *mhd,
                                         MHD_socket socket)
{
    struct connection *c = mem_alloc(sizeof *c);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    print_address(info != NULL ? info->client_addr : NULL, c->address);
    c->socket = socket;
    c->deadline_ms = clock_monotonic_ms() + server_limits(s)->receive_timeout_ms;
    pthread_mutex_lock(&s->connections_lock);
    c->next = s->connections;
    if (c->next != NULL)
        c->next->previous = c;
    s->connections = c;
    pthread_mutex_unlock(&s->connections_lock);
    return c;
}

static void connection_remove(struct platform_server *s, struct connection *c)
{
    pthread_mutex_lock(&s->connections_lock);
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        s->connections = c->next;
    if (c->next != NULL)
        c->next->previous = c->previous;
    pthread_mutex_unlock(&s->connections_lock);
    free(c);
}

void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                   enum MHD_ConnectionNotificationCode code)
{
    struct platform_server *s = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info != NULL)
            *socket_context = connection_add(s, mhd, info->connect_fd);
    } else if (*socket_context != NULL) { /* before the socket is closed */
        connection_remove(s, *socket_context);
        *socket_context = NULL;
    }
}

static void reap(struct platform_server *s)
{
    int64_t now_ms = clock_monotonic_ms();
    for (struct connection *c = s->connections; c != NULL; c = c->next) {
        if (c->deadline_ms == 0 || c->deadline_ms > now_ms)
            continue;
        (void)shutdown(c->socket, SHUT_RDWR);
        c->deadline_ms = 0;
    }
}

static void *reaper_run(void *arg)
{
    struct platform_server *s = arg;
    pthread_mutex_lock(&s->connections_lock);
    while (!s->reaper_stops) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += REAPER_INTERVAL_MS * 1000000L;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000L;
        }
        (void)pthread_cond_timedwait(&s->reaper_wake, &s->connections_lock, &until);
        reap(s);
    }
    pthread_mutex_unlock(&s->connections_lock);
    return NULL;
}

int reaper_start(struct platform_server *s, struct error *err)
{
    int code = pthread_create(&s->reaper, NULL, reaper_run, s);
    if (code != 0)
        return error_set_errno(err, ERR_FAILED, code, "no thread for the server's deadlines");
    s->reaper_runs = true;
    return ERR_OK;
}

void reaper_stop(struct platform_server *s)
{
    if (!s->reaper_runs)
        return;
    pthread_mutex_lock(&s->connections_lock);
    s->reaper_stops = true;
    pthread_cond_signal(&s->reaper_wake);
    pthread_mutex_unlock(&s->connections_lock);
    pthread_join(s->reaper, NULL);
    s->reaper_runs = false;
}

/* ---- answering ---------------------------------------------------------------------------- */

static void add_headers(struct request *r, struct MHD_Response *response)
{
    char seconds[24];
    (void)MHD_add_response_header(response, "Content-Type", r->content_type);
    (void)MHD_add_response_header(response, "X-Request-Id", r->request_id);
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    if (r->allow != NULL)
        (void)MHD_add_response_header(response, "Allow", r->allow);
    if (r->status == 401)
        (void)MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    if (r->is_replayed)
        (void)MHD_add_response_header(response, "Idempotency-Replayed", "true");
    if (r->retry_after_s > 0) {
        snprintf(seconds, sizeof seconds, "%lld", (long long)r->retry_after_s);
        (void)MHD_add_response_header(response, "Retry-After", seconds);
    }
    if (r->must_close || atomic_load(&r->server->is_stopping))
        (void)MHD_add_response_header(response, "Connection", "close");
}

static enum MHD_Result send_answer(struct request *r)
{
    size_t length;
    char *bytes = strbuf_detach(&r->out, &length);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(bytes);
        return MHD_NO;
    }
    add_headers(r, response);
    set_deadline(r->server, r->connection, server_limits(r->server)->receive_timeout_ms);
    enum MHD_Result queued = MHD_queue_response(r->mhd, (unsigned)r->status, response);
    MHD_destroy_response(response);
    r->stage = REQUEST_ANSWERED;
    return queued;
}

/* Whether the client is sending already, and will be done soon enough to be heard out. */
static bool is_to_be_drained(const struct request *r, unsigned long long length)
{
    return length <= DROPPED_BYTES_MAX && request_header(r, "Expect") == NULL;
}

struct head {
    size_t headers, lengths, encodings;
};

static enum MHD_Result count_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct head *head = cls;
    (void)kind, (void)value;
    head->headers++;
    head->lengths += strcasecmp(name, "Content-Length") == 0;
    head->encodings += strcasecmp(name, "Transfer-Encoding") == 0;
    return MHD_YES;
}

/* Why it cannot be told where the body ends, or NULL: whoever stands before us may see another end,
 * and take for a request of its client what we take for body. */
static const char *find_ambiguity(const struct request *r, const struct head *head)
{
    const char *encoding = request_header(r, "Transfer-Encoding");
    if (head->lengths > 1 || head->encodings > 1)
        return "Content-Length or Transfer-Encoding is given twice";
    if (head->lengths > 0 && head->encodings > 0)
        return "Content-Length and Transfer-Encoding exclude each other";
    if (encoding != NULL && strcasecmp(encoding, "chunked") != 0)
        return "Transfer-Encoding is chunked or absent";
    return NULL;
}

/* What can be told from the headers alone. True: refused, the answer is written. */
static bool refuse_by_head(struct request *r)
{
    const char *length = request_header(r, "Content-Length");
    unsigned long long bytes = length != NULL ? strtoull(length, NULL, 10) : 0;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct head head = {0};
    (void)MHD_get_connection_values(r->mhd, MHD_HEADER_KIND, count_header, &head);
    const char *ambiguity = find_ambiguity(r, &head);
    r->is_body_too_big = bytes > BODY_BYTES_MAX;
    if (info != NULL && info->header_size > HEAD_BYTES_MAX) {
        respond_refusal(r, 431, API_ERROR(head_too_large),
                        "The address and the headers are over 16 KiB");
    } else if (head.headers > HEADERS_MAX) {
        respond_refusal(r, 431, API_ERROR(head_too_large), "There are over 100 headers");
    } else if (ambiguity != NULL) {
        respond_refusal(r, 400, API_ERROR(bad_request), ambiguity);
    } else if (r->is_body_too_big && !is_to_be_drained(r, bytes)) {
        respond_refusal(r, 413, API_ERROR(body_too_large), "The body is over 1 MiB");
    } else {
        return false;
    }
    r->must_close = true; /* what follows on this connection cannot be told apart */
    return true;
}

static void end_span(struct request *r)
{
    char status[16];
    if (r->route != NULL) {
        snprintf(r->span.name, sizeof r->span.name, "%s %s", r->method, r->route->pattern);
        trace_span_text(&r->span, "http.route", r->route->pattern, strlen(r->route->pattern));
    }
    trace_span_number(&r->span, "http.response.status_code", r->status);
    snprintf(status, sizeof status, "HTTP %d", r->status);
    if (r->status >= 500) /* what the client did wrong is no failure of the server */
        trace_span_fail(&r->span, status);
    trace_span_end(&r->span);
}

static void work(struct request *r)
{
    struct error err = ERROR_INIT;
    if (r->is_body_too_big) {
        r->must_close = true;
        respond_refusal(r, 413, API_ERROR(body_too_large), "The body is over 1 MiB");
    } else if (request_parse_target(r, &err) != ERR_OK) {
        respond_error(r, &err);
        request_count_refused(r);
    } else {
        request_dispatch(r);
    }
    end_span(r);
}

static void log_request(struct request *r)
{
    int64_t ms = (clock_monotonic_ns() - r->started_ns) / 1000000;
    server_log(r->server, LOG_INFO,
               LOG_FIELDS(LOG_STR("method", r->method), LOG_STR("path", r->path),
                          LOG_INT("status", r->status), LOG_INT("ms", ms),
                          LOG_STR("request_id", r->request_id), LOG_STR("trace_id", r->trace_id),
                          LOG_STR("user", r->user.subject != NULL ? r->user.subject : "")),
               "request");
}

/* ---- libmicrohttpd's callbacks ------------------------------------------------------------ */

/* Called with the target as it came, before libmicrohttpd unescapes it (and cuts it at %00). */
void *on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
    return request_new(cls, mhd, target);
}

static enum MHD_Result take_upload(struct request *r, const char *upload, size_t *size)
{
    if (r->is_body_too_big || !strbuf_add(&r->body, upload, *size)) {
        r->is_body_too_big = true;
        r->dropped_bytes += *size;
    }
    *size = 0;
    return r->dropped_bytes > DROPPED_BYTES_MAX ? MHD_NO : MHD_YES;
}

enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                           const char *method, const char *version, const char *upload,
                           size_t *upload_size, void **con_cls)
{
    struct request *r = *con_cls;
    struct platform_server *s = cls;
    (void)mhd, (void)url, (void)version;
    if (r->stage == REQUEST_NEW) {
        r->stage = REQUEST_BODY;
        r->method = arena_strdup(r->arena, method);
        r->started_ns = clock_monotonic_ns();
        atomic_fetch_add(&s->active, 1);
        set_deadline(s, r->connection, server_limits(s)->receive_timeout_ms);
        return refuse_by_head(r) ? send_answer(r) : MHD_YES;
    }
    if (*upload_size > 0)
        return take_upload(r, upload, upload_size);
    if (r->stage == REQUEST_ANSWERED)
        return MHD_YES;
    set_deadline(s, r->connection, 0);
    work(r);
    return send_answer(r);
}

void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                  enum MHD_RequestTerminationCode code)
{
    struct platform_server *s = cls;
    struct request *r = *con_cls;
    (void)mhd;
    (void)code;
    if (r == NULL)
        return;
    *con_cls = NULL;
    if (r->stage != REQUEST_NEW) {
        log_request(r);
        if (r->stage == REQUEST_ANSWERED)
            metrics_request(s->metrics, router_index(r->route), r->status,
                            (clock_monotonic_ns() - r->started_ns) / 1000);
        atomic_fetch_sub(&s->active, 1);
    }
    set_deadline(s, r->connection, server_limits(s)->idle_timeout_ms);
    request_free(r);
}
