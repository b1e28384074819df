/* lib/net/loadgen.c - see loadgen.h: checks, the clock of the load, counting. */
#include "core/clock.h"
#include "core/signals.h"
#include "net/loadgen_internal.h"
#include "net/url.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_MS 5000
#define DEFAULT_BODY_MAX   ((uint64_t)64 << 20)
#define TICK_NS            (LOADGEN_NS_PER_S / 10)
#define SPARE_FILES        64

const char *loadgen_outcome_name(enum loadgen_outcome outcome)
{
    static const char *const names[LOADGEN_OUTCOMES] = {
        [LOADGEN_OK] = "ok",         [LOADGEN_LIMITED] = "rate_limited",
        [LOADGEN_STATUS] = "status", [LOADGEN_TIMEOUT] = "timeout",
        [LOADGEN_UNSENT] = "unsent", [LOADGEN_CONNECT] = "connect",
        [LOADGEN_CUT] = "cut",       [LOADGEN_MALFORMED] = "malformed",
    };
    return outcome < LOADGEN_OUTCOMES ? names[outcome] : "?";
}

/* ---- what the loops ask -------------------------------------------------------------------- */

int64_t load_now(const struct load *l)
{
    return clock_monotonic_ns() - l->start_ns;
}

int64_t load_intended(const struct load *l, uint64_t i)
{
    return (int64_t)((__int128)i * LOADGEN_NS_PER_S / l->options->rate_per_s);
}

bool load_wants(const struct load *l, int64_t now)
{
    if (l->issued >= l->planned)
        return false;
    if (l->options->rate_per_s > 0)
        return load_intended(l, l->issued) <= now;
    return now < l->end_ns;
}

void load_tell(struct load *l, const struct loadgen_event *event)
{
    struct loadgen_event e = *event;
    e.warmup = e.intended_ns < l->warm_ns;
    l->sink(l->self, &e);
}

void load_expire_unsent(struct load *l, int64_t now)
{
    if (l->options->rate_per_s == 0)
        return;
    while (l->issued < l->planned && load_intended(l, l->issued) + l->timeout_ns <= now) {
        struct loadgen_event e = {.intended_ns = load_intended(l, l->issued),
                                  .sent_ns = now,
                                  .done_ns = now,
                                  .outcome = LOADGEN_UNSENT};
        e.request = load_issue(l);
        load_tell(l, &e);
    }
}

uint32_t load_issue(struct load *l)
{
    const struct loadgen_options *o = l->options;
    uint64_t i = l->issued++;
    if (o->nrequests == 0)
        return 0;
    return o->pick != NULL ? o->pick(l->self, i) : (uint32_t)(i % o->nrequests);
}

struct loadgen_request load_request(const struct load *l, uint32_t i)
{
    const struct loadgen_options *o = l->options;
    if (o->nrequests == 0)
        return (struct loadgen_request){.method = o->method, .target = "", .body = o->body};
    struct loadgen_request r = o->requests[i];
    if (r.method == NULL)
        r.method = o->method;
    return r;
}

static void count_step(uint64_t *steps, int64_t ns)
{
    int64_t step = ns / 1000 / LOADGEN_TURN_STEP_US;
    steps[step < LOADGEN_TURN_STEPS ? step : LOADGEN_TURN_STEPS - 1]++;
}

void load_note_turn(struct load *l, int64_t turn_ns)
{
    count_step(l->turns, turn_ns);
    l->turns_count++;
}

void load_note_lag(struct load *l, int64_t intended, int64_t now)
{
    int64_t due = intended > l->room_since ? intended : l->room_since;
    count_step(l->lags, now > due ? now - due : 0);
    l->lags_count++;
}

void load_note_failure(struct load *l, const char *what)
{
    if (l->summary.first_failure[0] != '\0')
        return;
    size_t n = strnlen(what, sizeof l->summary.first_failure - 1);
    memcpy(l->summary.first_failure, what, n);
}

bool load_turn(struct load *l, int64_t now)
{
    if (l->tick != NULL && now >= l->next_tick_ns) {
        l->next_tick_ns = now + TICK_NS;
        l->tick(l->self, now < l->end_ns ? now : l->end_ns, l->summary.sent);
    }
    if (signals_pending() == 0)
        return false;
    l->summary.interrupted = true;
    return true;
}

enum loadgen_outcome load_outcome_of(const struct load *l, uint32_t request, int status)
{
    int expected = l->options->nrequests > 0 ? l->options->requests[request].expect : 0;
    if (expected != 0 && status == expected)
        return LOADGEN_OK;
    if (expected != 0)
        return status == 429 ? LOADGEN_LIMITED : LOADGEN_STATUS;
    if ((status >= 200 && status < 300) || status == 304)
        return LOADGEN_OK;
    return status == 429 ? LOADGEN_LIMITED : LOADGEN_STATUS;
}

/* ---- checks -------------------------------------------------------------------------------- */

static bool is_token(const char *s)
{
    for (const char *p = s; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && strchr("!#$%&'*+-.^_`|~", *p) == NULL)
            return false;
    return *s != '\0';
}

static int check_header(const struct http_header *h, struct error *err)
{
    if (!is_token(h->name))
        return error_set(err, ERR_USAGE, "'%.100s' is no header name", h->name);
    if (strcasecmp(h->name, "content-length") == 0 || strcasecmp(h->name, "connection") == 0 ||
        strcasecmp(h->name, "transfer-encoding") == 0)
        return error_set(err, ERR_USAGE, "header '%s' is set by diner itself", h->name);
    for (const char *p = h->value; *p != '\0'; p++)
        if (iscntrl((unsigned char)*p) && *p != '\t')
            return error_set(err, ERR_USAGE, "the value of header '%s' has a control character",
                             h->name);
    return 0;
}

static int check_bounds(const struct loadgen_options *o, struct error *err)
{
    if (o->connections < 1 || o->connections > LOADGEN_CONNECTIONS_MAX)
        return error_set(err, ERR_USAGE, "connections must be 1 to %d", LOADGEN_CONNECTIONS_MAX);
    if (o->rate_per_s < 0 || o->rate_per_s > LOADGEN_RATE_MAX)
        return error_set(err, ERR_USAGE, "the rate must be 1 to %d a second", LOADGEN_RATE_MAX);
    if (o->duration_ms < 1 || o->duration_ms > LOADGEN_DURATION_MAX_MS || o->warmup_ms < 0 ||
        o->warmup_ms > LOADGEN_DURATION_MAX_MS)
        return error_set(err, ERR_USAGE, "duration and warm-up may take at most an hour each");
    return 0;
}

static int check_target(const char *url, struct error *err)
{
    for (const unsigned char *p = (const unsigned char *)url; *p != '\0'; p++)
        if (*p <= ' ' || *p >= 0x7f) {
            error_set(err, ERR_USAGE, "the URL has a blank, control or non-ASCII character");
            return error_hint(err, "write it percent-encoded, a blank as %%20");
        }
    return 0;
}

static int check_method(const char *method, struct error *err)
{
    if (method != NULL && !is_token(method))
        return error_set(err, ERR_USAGE, "'%.40s' is no HTTP method", method);
    return 0;
}

static int check_request(const struct loadgen_request *r, struct error *err)
{
    if (r->target[0] != '/')
        return error_set(err, ERR_USAGE, "a path begins with '/', not '%.40s'", r->target);
    TRY(check_method(r->method, err));
    TRY(check_target(r->target, err));
    for (size_t i = 0; i < r->nheaders; i++)
        TRY(check_header(&r->headers[i], err));
    return 0;
}

static int check_options(const struct loadgen_options *o, struct error *err)
{
    TRY(check_bounds(o, err));
    TRY(check_method(o->method, err));
    for (size_t i = 0; i < o->nheaders; i++)
        TRY(check_header(&o->headers[i], err));
    if (o->nrequests > LOADGEN_VARIANTS_MAX)
        return error_set(err, ERR_USAGE, "more than %d different requests", LOADGEN_VARIANTS_MAX);
    for (size_t i = 0; i < o->nrequests; i++)
        TRY(check_request(&o->requests[i], err));
    return check_target(o->url, err);
}

/* ---- the address --------------------------------------------------------------------------- */

static int target_parse(const char *url, struct loadgen_target *t, struct error *err)
{
    AUTOFREE char *origin = NULL;
    if (url_origin(url, &origin, err) != 0) {
        err->code = ERR_USAGE;
        return ERR_USAGE;
    }
    t->tls = strncmp(origin, "https", 5) == 0;
    char *host = strstr(origin, "://") + 3;
    char *colon = strrchr(host, ':');
    *colon = '\0';
    size_t n = strlen(host);
    if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        host++;
        n -= 2;
    }
    if (n >= sizeof t->host || strlen(colon + 1) >= sizeof t->port)
        return error_set(err, ERR_USAGE, "the host name is too long");
    memcpy(t->host, host, n + 1);
    memcpy(t->port, colon + 1, strlen(colon + 1) + 1);
    const char *authority = strstr(url, "://");
    authority = authority == NULL ? url : authority + 3;
    t->path = authority + strcspn(authority, "/?#");
    t->path_len = strcspn(t->path, "#");
    return 0;
}

/* One connection is made and closed again, so that a wrong address is an error at once and not a
 * report full of failures. Returns 0 or errno. */
static int try_connect(const struct addrinfo *a, int64_t timeout_ms)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int code = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
    if (code == EINPROGRESS) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        int ready = poll(&p, 1, (int)timeout_ms);
        socklen_t len = sizeof code;
        if (ready == 0)
            code = ETIMEDOUT;
        else if (ready < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
            code = errno;
    }
    close(fd);
    return code;
}

static int target_resolve(struct loadgen_target *t, int64_t timeout_ms, struct error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
    int failed = getaddrinfo(t->host, t->port, &hints, &list);
    if (failed != 0)
        return error_set(err, ERR_UNAVAILABLE, "host '%s' is not found: %s", t->host,
                         gai_strerror(failed));
    int code = 0;
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        code = try_connect(a, timeout_ms);
        if (code != 0)
            continue;
        memcpy(&t->address, a->ai_addr, a->ai_addrlen);
        t->address_len = a->ai_addrlen;
        t->family = a->ai_family;
        break;
    }
    freeaddrinfo(list);
    if (code != 0) {
        error_set_errno(err, ERR_UNAVAILABLE, code, "cannot connect to '%s' port %s", t->host,
                        t->port);
        return error_hint(err, "is the server running there?");
    }
    return 0;
}

static int allow_files(int64_t connections, struct error *err)
{
    struct rlimit limit;
    rlim_t needed = (rlim_t)connections + SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
        return 0;
    limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
    if (limit.rlim_cur < needed || setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        error_set(err, ERR_USAGE, "%lld connections are more than this process may open",
                  (long long)connections);
        return error_hint(err, "use fewer, or raise the limit with 'ulimit -n'");
    }
    return 0;
}

/* ---- the run ------------------------------------------------------------------------------- */

static int64_t cpu_now_ns(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0)
        return 0;
    return ((int64_t)u.ru_utime.tv_sec + u.ru_stime.tv_sec) * LOADGEN_NS_PER_S +
           ((int64_t)u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}

static int64_t steps_p99_us(const uint64_t *steps, uint64_t count)
{
    uint64_t wanted = count - count / 100, seen = 0;
    for (int i = 0; i < LOADGEN_TURN_STEPS; i++) {
        seen += steps[i];
        if (seen >= wanted)
            return (int64_t)(i + 1) * LOADGEN_TURN_STEP_US;
    }
    return 0;
}

/* How many requests there will be: the cap, and in the open model all that are meant to start
 * before the end. */
static void plan(struct load *l)
{
    const struct loadgen_options *o = l->options;
    uint64_t cap = o->requests_max > 0 ? o->requests_max : LOADGEN_REQUESTS_MAX;
    l->planned = cap < LOADGEN_REQUESTS_MAX ? cap : LOADGEN_REQUESTS_MAX;
    if (o->rate_per_s == 0)
        return;
    __int128 starts = (__int128)l->end_ns * o->rate_per_s + LOADGEN_NS_PER_S - 1;
    uint64_t wanted = (uint64_t)(starts / LOADGEN_NS_PER_S);
    if (wanted < l->planned)
        l->planned = wanted;
    else
        l->summary.capped = wanted > l->planned;
}

static void summarize(struct load *l, int64_t cpu_ns, struct loadgen_summary *ret)
{
    struct loadgen_summary *s = &l->summary;
    int64_t now = load_now(l);
    s->elapsed_ns = now < l->end_ns ? now : l->end_ns;
    /* The last planned request may be answered just before the end: the time was used all the same.
     */
    if (l->options->rate_per_s > 0 && !s->interrupted)
        s->elapsed_ns = s->capped ? load_intended(l, l->planned) : l->end_ns;
    if (l->options->rate_per_s == 0 && l->issued >= l->planned && now < l->end_ns)
        s->capped = true;
    s->cpu_ns = cpu_now_ns() - cpu_ns;
    s->loop_p99_us = steps_p99_us(l->turns, l->turns_count);
    s->lag_p99_us = l->lags_count > 0 ? steps_p99_us(l->lags, l->lags_count) : -1;
    *ret = *s;
}

int loadgen_run(const struct loadgen_options *options, loadgen_sink sink,
                void (*tick)(void *self, int64_t elapsed_ns, uint64_t sent), void *self,
                struct loadgen_summary *ret, struct error *err)
{
    struct loadgen_options o = *options;
    TRY(check_options(&o, err));
    if (o.timeout_ms <= 0)
        o.timeout_ms = DEFAULT_TIMEOUT_MS;
    if (o.body_max_bytes == 0)
        o.body_max_bytes = DEFAULT_BODY_MAX;
    AUTOFREE struct load *l = mem_alloc(sizeof *l);
    l->options = &o;
    l->sink = sink;
    l->tick = tick;
    l->self = self;
    TRY(target_parse(o.url, &l->target, err));
    TRY(target_resolve(&l->target, o.timeout_ms, err));
    TRY(allow_files(o.connections, err));
    l->warm_ns = o.warmup_ms * LOADGEN_NS_PER_MS;
    l->end_ns = l->warm_ns + o.duration_ms * LOADGEN_NS_PER_MS;
    l->room_since = INT64_MIN;
    l->timeout_ns = o.timeout_ms * LOADGEN_NS_PER_MS;
    plan(l);
    int64_t cpu_ns = cpu_now_ns();
    l->start_ns = clock_monotonic_ns();
    TRY(l->target.tls ? load_run_client(l, err) : load_run_epoll(l, err));
    summarize(l, cpu_ns, ret);
    return 0;
}
