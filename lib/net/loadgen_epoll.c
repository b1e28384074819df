/* lib/net/loadgen_epoll.c - the plain-http loop of loadgen.h: non-blocking sockets, one epoll.
 *
 * Each connection is in exactly one list: idle (open, nothing asked), closed, active (a request is
 * under way; in order of deadline, since all time limits are equal) or resting (closed model:
 * could not connect, waits before it tries again). Events are handled first, then time limits,
 * then new requests start, so no event of a turn can meet a connection re-used in it. */
#include "core/strbuf.h"
#include "net/load_response.h"
#include "net/loadgen_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_A_TURN   512
#define RECEIVE_BYTES   ((size_t)64 << 10)
#define RECEIVES_A_TURN 4
#define REST_NS         (100 * LOADGEN_NS_PER_MS)
#define REQUEST_MAX     ((size_t)64 << 20)

enum conn_state { CONN_CLOSED, CONN_CONNECTING, CONN_IDLE, CONN_SENDING, CONN_READING };

/* A request as it goes out; the bytes stand in loop.bytes. */
struct outgoing {
    size_t at, len;
    bool head;
};

struct conn_list {
    struct conn *first, *last;
    int64_t count;
};

struct conn {
    struct conn *next, *prev;
    struct conn_list *list;
    int fd;
    enum conn_state state;
    bool wants_out;              /* EPOLLOUT is set */
    int64_t intended, sent, due; /* due: the deadline, or the end of the rest */
    uint32_t request;
    size_t out; /* bytes of the request sent */
    struct load_response response;
};

struct loop {
    struct load *load;
    int epoll;
    struct conn *conns;
    struct conn_list idle, closed, active, resting;
    struct strbuf bytes;
    struct outgoing *requests;
    struct epoll_event events[EVENTS_A_TURN];
    char received[RECEIVE_BYTES];
};

static const struct outgoing *conn_request(const struct loop *p, const struct conn *c)
{
    return &p->requests[c->request];
}

static void conn_move(struct conn *c, struct conn_list *to, bool to_front)
{
    if (c->list != NULL) {
        *(c->prev ? &c->prev->next : &c->list->first) = c->next;
        *(c->next ? &c->next->prev : &c->list->last) = c->prev;
        c->list->count--;
    }
    c->list = to;
    to->count++;
    c->prev = to_front ? NULL : to->last;
    c->next = to_front ? to->first : NULL;
    *(c->prev ? &c->prev->next : &to->first) = c;
    *(c->next ? &c->next->prev : &to->last) = c;
}

static void conn_close(struct loop *p, struct conn *c, struct conn_list *to)
{
    if (c->fd >= 0)
        close(c->fd); /* leaves the epoll set by itself */
    c->fd = -1;
    c->state = CONN_CLOSED;
    c->wants_out = false;
    conn_move(c, to, to == &p->closed);
}

/* A connection becomes free: whoever waited for one need wait no longer. */
static void note_room(struct loop *p)
{
    if (p->idle.count + p->closed.count == 0)
        p->load->room_since = load_now(p->load);
}

static void conn_want_out(struct loop *p, struct conn *c, bool wanted)
{
    if (c->wants_out == wanted)
        return;
    c->wants_out = wanted;
    struct epoll_event e = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0U), .data.ptr = c};
    (void)epoll_ctl(p->epoll, EPOLL_CTL_MOD, c->fd, &e);
}

/* The request of c is over, one way or another. */
static void conn_tell(struct loop *p, struct conn *c, enum loadgen_outcome outcome, int64_t now)
{
    struct loadgen_event e = {.intended_ns = c->intended,
                              .sent_ns = c->sent,
                              .done_ns = now,
                              .outcome = outcome,
                              .status = outcome <= LOADGEN_STATUS ? c->response.status : 0,
                              .body_bytes = c->response.body_bytes,
                              .request = c->request};
    load_tell(p->load, &e);
}

static void conn_fail_connect(struct loop *p, struct conn *c, int errno_value)
{
    int64_t now = load_now(p->load);
    load_note_failure(p->load, strerror(errno_value));
    c->response.body_bytes = 0;
    conn_tell(p, c, LOADGEN_CONNECT, now);
    note_room(p);
    c->due = now + REST_NS;
    conn_close(p, c, p->load->options->rate_per_s > 0 ? &p->closed : &p->resting);
}

static void conn_finish(struct loop *p, struct conn *c, enum loadgen_outcome outcome, bool keep)
{
    conn_tell(p, c, outcome, load_now(p->load));
    note_room(p);
    if (!keep) {
        conn_close(p, c, &p->closed);
        return;
    }
    conn_want_out(p, c, false);
    c->state = CONN_IDLE;
    conn_move(c, &p->idle, true);
}

static void conn_send(struct loop *p, struct conn *c)
{
    const struct outgoing *r = conn_request(p, c);
    while (c->out < r->len) {
        ssize_t n = send(c->fd, p->bytes.data + r->at + c->out, r->len - c->out, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            conn_want_out(p, c, true);
            return;
        }
        if (n < 0) { /* the answer may have come before the end of the request: read it */
            break;
        }
        c->out += (size_t)n;
    }
    conn_want_out(p, c, false);
    c->state = CONN_READING;
}

static void conn_start_request(struct loop *p, struct conn *c)
{
    c->sent = load_now(p->load);
    if (p->load->options->rate_per_s == 0)
        c->intended = c->sent;
    c->out = 0;
    c->state = CONN_SENDING;
    load_response_begin(&c->response, conn_request(p, c)->head, p->load->options->body_max_bytes);
    p->load->summary.sent++;
    conn_send(p, c);
}

static void conn_connected(struct loop *p, struct conn *c)
{
    int code = 0;
    socklen_t len = sizeof code;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
        code = errno;
    if (code != 0) {
        conn_fail_connect(p, c, code);
        return;
    }
    p->load->summary.connects++;
    conn_start_request(p, c);
}

static void conn_connect(struct loop *p, struct conn *c)
{
    const struct loadgen_target *t = &p->load->target;
    const int on = 1;
    c->state = CONN_CONNECTING;
    c->fd = socket(t->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) {
        conn_fail_connect(p, c, errno);
        return;
    }
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int code =
        connect(c->fd, (const struct sockaddr *)&t->address, t->address_len) == 0 ? 0 : errno;
    if (code != 0 && code != EINPROGRESS) {
        conn_fail_connect(p, c, code);
        return;
    }
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    c->wants_out = true;
    if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
        conn_fail_connect(p, c, errno);
}

/* Gives the next request to a connection that is idle or closed. */
static void conn_assign(struct loop *p, struct conn *c, int64_t now)
{
    struct load *l = p->load;
    c->intended = l->options->rate_per_s > 0 ? load_intended(l, l->issued) : now;
    c->sent = now;
    c->due = now + l->timeout_ns;
    if (l->options->rate_per_s > 0)
        load_note_lag(l, c->intended, now);
    c->request = load_issue(l);
    bool is_open = c->state == CONN_IDLE;
    conn_move(c, &p->active, false);
    if (is_open)
        conn_start_request(p, c);
    else
        conn_connect(p, c);
    int64_t open = p->active.count + p->idle.count;
    if (open > l->summary.connections_peak)
        l->summary.connections_peak = open;
}

static void conn_answered(struct loop *p, struct conn *c, bool more_came)
{
    const struct load_response *r = &c->response;
    if (r->state == LOAD_DONE) {
        bool keep = r->keep_alive && !more_came && c->state == CONN_READING &&
                    c->out == conn_request(p, c)->len;
        conn_finish(p, c, load_outcome_of(p->load, c->request, r->status), keep);
        return;
    }
    load_note_failure(p->load, r->broken);
    conn_finish(p, c, LOADGEN_MALFORMED, false);
}

static void conn_ended(struct loop *p, struct conn *c, int errno_value)
{
    if (errno_value == 0)
        load_response_eof(&c->response);
    if (c->response.state == LOAD_DONE) {
        conn_answered(p, c, false);
        return;
    }
    load_note_failure(p->load, errno_value ? strerror(errno_value) : "the connection was cut");
    conn_finish(p, c, LOADGEN_CUT, false);
}

static void conn_read(struct loop *p, struct conn *c)
{
    for (int i = 0; i < RECEIVES_A_TURN; i++) {
        ssize_t n = recv(c->fd, p->received, sizeof p->received, 0);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            return;
        if (n <= 0) {
            conn_ended(p, c, n < 0 ? errno : 0);
            return;
        }
        size_t used = load_response_feed(&c->response, p->received, (size_t)n);
        if (c->response.state == LOAD_DONE || c->response.state == LOAD_BROKEN) {
            conn_answered(p, c, used < (size_t)n);
            return;
        }
        if ((size_t)n < sizeof p->received)
            return;
    }
}

static void conn_event(struct loop *p, struct conn *c, uint32_t events)
{
    switch (c->state) {
    case CONN_CLOSED: break;
    case CONN_CONNECTING: conn_connected(p, c); break;
    case CONN_IDLE: conn_close(p, c, &p->closed); break; /* closed by the server between requests */
    case CONN_SENDING:
        if ((events & EPOLLOUT) != 0)
            conn_send(p, c);
        if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
            conn_read(p, c);
        break;
    case CONN_READING: conn_read(p, c); break;
    }
}

static void expire(struct loop *p, int64_t now)
{
    while (p->active.first != NULL && p->active.first->due <= now)
        conn_finish(p, p->active.first, LOADGEN_TIMEOUT, false);
    while (p->resting.first != NULL && p->resting.first->due <= now)
        conn_move(p->resting.first, &p->closed, false);
    load_expire_unsent(p->load, now);
}

/* Starts what is due. One connection is tried once a turn, so a refusing server cannot hold us. */
static void dispatch(struct loop *p)
{
    int64_t tries = p->idle.count + p->closed.count;
    for (int64_t now = load_now(p->load); tries > 0 && load_wants(p->load, now); tries--) {
        struct conn *c = p->idle.first != NULL ? p->idle.first : p->closed.first;
        conn_assign(p, c, now);
        now = load_now(p->load);
    }
}

static void sooner(int64_t *wake, int64_t at)
{
    if (at < *wake)
        *wake = at;
}

/* When something has to be done even if no event comes. */
static int64_t next_wake(const struct loop *p, int64_t now)
{
    const struct load *l = p->load;
    int64_t wake = now + LOADGEN_NS_PER_S / 10;
    if (p->active.first != NULL)
        sooner(&wake, p->active.first->due);
    if (p->resting.first != NULL)
        sooner(&wake, p->resting.first->due);
    if (l->options->rate_per_s > 0 && l->issued < l->planned) {
        int64_t intended = load_intended(l, l->issued);
        bool has_room = p->idle.count + p->closed.count > 0;
        sooner(&wake, has_room ? intended : intended + l->timeout_ns);
    } else if (l->options->rate_per_s == 0 && now < l->end_ns) {
        sooner(&wake, l->end_ns);
    }
    return wake;
}

static int wait_events(struct loop *p, int64_t until)
{
    int64_t wait = until - load_now(p->load);
    if (wait < 0)
        wait = 0;
    struct timespec ts = {.tv_sec = wait / LOADGEN_NS_PER_S, .tv_nsec = wait % LOADGEN_NS_PER_S};
    int n = epoll_pwait2(p->epoll, p->events, EVENTS_A_TURN, &ts, NULL);
    if (n < 0 && errno == ENOSYS) /* before Linux 5.11: whole milliseconds */
        n = epoll_wait(p->epoll, p->events, EVENTS_A_TURN, (int)(wait / LOADGEN_NS_PER_MS));
    return n < 0 ? 0 : n;
}

static bool is_over(const struct loop *p, int64_t now)
{
    const struct load *l = p->load;
    if (p->active.count > 0)
        return false;
    return l->issued >= l->planned || (l->options->rate_per_s == 0 && now >= l->end_ns);
}

static void loop_run(struct loop *p)
{
    struct load *l = p->load;
    dispatch(p);
    for (;;) {
        int64_t now = load_now(l);
        if (load_turn(l, now)) {
            l->summary.abandoned = (uint64_t)p->active.count;
            return;
        }
        if (is_over(p, now))
            return;
        int n = wait_events(p, next_wake(p, now));
        int64_t begun = load_now(l);
        for (int i = 0; i < n; i++)
            conn_event(p, p->events[i].data.ptr, p->events[i].events);
        expire(p, load_now(l));
        dispatch(p);
        load_note_turn(l, load_now(l) - begun);
    }
}

/* ---- the request --------------------------------------------------------------------------- */

static bool has_header(const struct loadgen_options *o, const struct loadgen_request *r,
                       const char *name)
{
    for (size_t i = 0; i < o->nheaders; i++)
        if (strcasecmp(o->headers[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < r->nheaders; i++)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return true;
    return false;
}

static void add_host(struct strbuf *out, const struct loadgen_target *t)
{
    bool v6 = strchr(t->host, ':') != NULL;
    strbuf_addf(out, "Host: %s%s%s", v6 ? "[" : "", t->host, v6 ? "]" : "");
    if (strcmp(t->port, "80") != 0)
        strbuf_addf(out, ":%s", t->port);
    strbuf_adds(out, "\r\n");
}

static void add_headers(struct strbuf *out, const struct http_header *headers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        strbuf_addf(out, "%s: %s\r\n", headers[i].name, headers[i].value);
}

/* The path of the URL, then that of the request: a base address may end in "/". */
static void add_target(struct strbuf *out, const struct loadgen_target *t,
                       const struct loadgen_request *r)
{
    size_t n = t->path_len;
    if (*r->target != '\0' && n > 0 && t->path[n - 1] == '/')
        n--;
    if (*r->target == '\0' && (n == 0 || t->path[0] != '/'))
        strbuf_addch(out, '/');
    strbuf_add(out, t->path, n);
    strbuf_adds(out, r->target);
}

static void request_build(struct loop *p, uint32_t i)
{
    const struct loadgen_options *o = p->load->options;
    const struct loadgen_target *t = &p->load->target;
    const struct loadgen_request r = load_request(p->load, i);
    const char *method = r.method ? r.method : r.body.ptr ? "POST" : "GET";
    struct strbuf *out = &p->bytes;
    p->requests[i].at = out->len;
    p->requests[i].head = strcmp(method, "HEAD") == 0;
    strbuf_addf(out, "%s ", method);
    add_target(out, t, &r);
    strbuf_adds(out, " HTTP/1.1\r\n");
    if (!has_header(o, &r, "Host"))
        add_host(out, t);
    if (!has_header(o, &r, "User-Agent"))
        strbuf_adds(out, "User-Agent: diner/" DINER_VERSION "\r\n");
    if (!has_header(o, &r, "Accept"))
        strbuf_adds(out, "Accept: */*\r\n");
    add_headers(out, o->headers, o->nheaders);
    add_headers(out, r.headers, r.nheaders);
    if (r.body.ptr != NULL && !has_header(o, &r, "Content-Type"))
        strbuf_adds(out, "Content-Type: application/json\r\n");
    if (r.body.ptr != NULL || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0)
        strbuf_addf(out, "Content-Length: %zu\r\n", r.body.len);
    strbuf_adds(out, "\r\n");
    if (r.body.ptr != NULL)
        strbuf_add(out, r.body.ptr, r.body.len);
    p->requests[i].len = out->len - p->requests[i].at;
}

static int requests_build(struct loop *p, struct error *err)
{
    size_t n = p->load->options->nrequests > 0 ? p->load->options->nrequests : 1;
    strbuf_init(&p->bytes, REQUEST_MAX);
    p->requests = mem_array(n, sizeof *p->requests);
    for (size_t i = 0; i < n && !p->bytes.overflow; i++)
        request_build(p, (uint32_t)i);
    if (p->bytes.overflow)
        return error_set(err, ERR_LIMIT, "the requests are larger than 64 MiB");
    return 0;
}

int load_run_epoll(struct load *l, struct error *err)
{
    struct loop *p = mem_alloc(sizeof *p);
    size_t n = (size_t)l->options->connections;
    p->load = l;
    int code = requests_build(p, err);
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (code == 0 && p->epoll < 0)
        code = error_set_errno(err, ERR_FAILED, errno, "cannot watch connections");
    if (code == 0) {
        p->conns = mem_array(n, sizeof *p->conns);
        for (size_t i = 0; i < n; i++) {
            p->conns[i].fd = -1;
            conn_move(&p->conns[i], &p->closed, false);
        }
        loop_run(p);
        for (size_t i = 0; i < n; i++)
            if (p->conns[i].fd >= 0)
                close(p->conns[i].fd);
    }
    if (p->epoll >= 0)
        close(p->epoll);
    free(p->conns);
    strbuf_release(&p->bytes);
    free(p->requests);
    free(p);
    return code;
}
