/* lib/net/loadgen_client.c - the https loop of loadgen.h, through the client of http.h.
 *
 * The client owns sockets and TLS; here requests are started when they are due and timed when they
 * are told as done. It offers no timed wait, so the open model looks every quarter of a
 * millisecond: that is its resolution. */
#include "net/loadgen_internal.h"

#include <stdlib.h>
#include <time.h>

#define LOOK_NS (LOADGEN_NS_PER_MS / 4)

struct flight {
    struct flight *next_free;
    struct client_loop *loop;
    int64_t intended, sent;
    uint32_t request;
};

struct client_loop {
    struct load *load;
    struct http_client *client;
    struct arena *arena;
    struct http_request *requests;
    struct flight *flights, *free;
    int64_t under_way;
    bool is_ended; /* a signal came: the rest is abandoned */
};

static void start_next(struct client_loop *p, int64_t now);

static enum loadgen_outcome outcome_of_error(const struct error *err)
{
    if (err->code == ERR_LIMIT || err->code == ERR_REMOTE)
        return LOADGEN_MALFORMED;
    if (strstr(err->message, "timed out") != NULL || strstr(err->message, "imeout") != NULL)
        return LOADGEN_TIMEOUT;
    return strstr(err->message, "connect") != NULL ? LOADGEN_CONNECT : LOADGEN_CUT;
}

static void on_done(void *self, const struct http_request *req,
                    const struct http_response *response, const struct error *err)
{
    struct flight *f = self;
    struct client_loop *p = f->loop;
    struct load *l = p->load;
    int64_t now = load_now(l);
    (void)req;
    p->under_way--;
    if (response == NULL && err->code == ERR_CANCELLED) {
        l->summary.abandoned++;
        p->is_ended = true;
    } else {
        struct loadgen_event e = {
            .intended_ns = f->intended, .sent_ns = f->sent, .done_ns = now, .request = f->request};
        e.outcome =
            response ? load_outcome_of(l, f->request, response->status) : outcome_of_error(err);
        if (response != NULL) {
            e.status = response->status;
            e.body_bytes = response->body.len;
        } else {
            load_note_failure(l, err->message);
        }
        load_tell(l, &e);
    }
    if (p->free == NULL)
        l->room_since = now;
    f->next_free = p->free;
    p->free = f;
    (void)load_turn(l, now);
    if (l->options->rate_per_s == 0 && !p->is_ended && load_wants(l, now))
        start_next(p, now);
}

static void start_next(struct client_loop *p, int64_t now)
{
    struct load *l = p->load;
    struct flight *f = p->free;
    p->free = f->next_free;
    f->loop = p;
    f->sent = now;
    f->intended = l->options->rate_per_s > 0 ? load_intended(l, l->issued) : now;
    if (l->options->rate_per_s > 0)
        load_note_lag(l, f->intended, now);
    f->request = load_issue(l);
    l->summary.sent++;
    p->under_way++;
    if (p->under_way > l->summary.connections_peak)
        l->summary.connections_peak = p->under_way;
    http_start(p->client, &p->requests[f->request], on_done, f);
}

static int run_closed(struct client_loop *p, struct error *err)
{
    int64_t now = load_now(p->load);
    for (int64_t i = 0; i < p->load->options->connections && load_wants(p->load, now); i++)
        start_next(p, now);
    return http_run(p->client, true, err);
}

static int run_open(struct client_loop *p, struct error *err)
{
    struct load *l = p->load;
    const struct timespec look = {.tv_nsec = LOOK_NS};
    for (;;) {
        int64_t now = load_now(l);
        load_expire_unsent(l, now);
        while (p->free != NULL && load_wants(l, now))
            start_next(p, now);
        if (load_turn(l, now) || (l->issued >= l->planned && p->under_way == 0))
            return p->under_way > 0 ? http_run(p->client, true, err) : 0;
        TRY(http_run(p->client, false, err));
        load_note_turn(l, load_now(l) - now);
        (void)nanosleep(&look, NULL);
    }
}

static struct http_request request_build(const struct client_loop *p, uint32_t i)
{
    const struct loadgen_options *o = p->load->options;
    const struct loadgen_request r = load_request(p->load, i);
    size_t base = strcspn(o->url, "#");
    if (*r.target != '\0' && base > 0 && o->url[base - 1] == '/')
        base--;
    struct http_header *headers =
        arena_array(p->arena, o->nheaders + r.nheaders + 1, sizeof *headers);
    for (size_t k = 0; k < o->nheaders; k++)
        headers[k] = o->headers[k];
    for (size_t k = 0; k < r.nheaders; k++)
        headers[o->nheaders + k] = r.headers[k];
    return (struct http_request){.method = r.method     ? r.method
                                           : r.body.ptr ? "POST"
                                                        : "GET",
                                 .url =
                                     arena_printf(p->arena, "%.*s%s", (int)base, o->url, r.target),
                                 .headers = headers,
                                 .nheaders = o->nheaders + r.nheaders,
                                 .body = r.body,
                                 .timeout_ms = o->timeout_ms,
                                 .no_retry = true};
}

static void requests_build(struct client_loop *p)
{
    size_t n = p->load->options->nrequests > 0 ? p->load->options->nrequests : 1;
    p->requests = arena_array(p->arena, n, sizeof *p->requests);
    for (size_t i = 0; i < n; i++)
        p->requests[i] = request_build(p, (uint32_t)i);
}

int load_run_client(struct load *l, struct error *err)
{
    const struct loadgen_options *o = l->options;
    struct http_options options = {.connect_timeout_ms = o->timeout_ms,
                                   .timeout_ms = o->timeout_ms,
                                   .body_max_bytes = o->body_max_bytes,
                                   .retry = {.max_attempts = 1},
                                   .in_flight_max = o->connections + 1,
                                   .ca_file = o->ca_file};
    struct client_loop p = {.load = l};
    TRY(http_client_new(&options, &p.client, err));
    p.arena = arena_new();
    requests_build(&p);
    p.flights = mem_array((size_t)o->connections, sizeof *p.flights);
    for (int64_t i = 0; i < o->connections; i++) {
        p.flights[i].next_free = p.free;
        p.free = &p.flights[i];
    }
    int code = o->rate_per_s > 0 ? run_open(&p, err) : run_closed(&p, err);
    if (code == ERR_CANCELLED) { /* told as interrupted, with what was measured */
        l->summary.interrupted = true;
        code = 0;
    }
    http_client_free(p.client);
    arena_free(p.arena);
    free(p.flights);
    return code;
}
