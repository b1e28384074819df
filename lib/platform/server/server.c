/* lib/platform/server/server.c - starting, listening, draining. */
#include "platform/server/server.h"
#include "core/clock.h"
#include "core/fileio.h"
#include "core/message.h"
#include "core/secret.h"
#include "core/signals.h"
#include "domain/member_key.h"
#include "platform/server/consul.h"
#include "platform/server/internal.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define POOL_DEFAULT        16
#define CONNECTIONS_DEFAULT 1024
#define ADDRESS_DEFAULT     (CONNECTIONS_DEFAULT / 2) /* of one address */
#define SPARE_FILES         128                       /* for what is no client */
#define CLIENTS_COUNTED     8192
#define THREAD_STACK_BYTES  ((size_t)1 << 20)
#define SECRET_BYTES_MIN    16

void server_log(struct platform_server *s, enum log_level level, const struct log_field *fields,
                const char *message)
{
    if (!log_enabled(level))
        return;
    pthread_mutex_lock(&s->log_lock);
    log_event(level, fields, "%s", message);
    pthread_mutex_unlock(&s->log_lock);
}

/* libmicrohttpd's own complaints: lost clients, mostly. */
__attribute__((format(printf, 2, 0))) static void log_library(void *cls, const char *format,
                                                              va_list args)
{
    char message[512];
    vsnprintf(message, sizeof message, format, args);
    message[strcspn(message, "\n")] = '\0';
    server_log(cls, LOG_DEBUG, NULL, message);
}

/* ---- options ------------------------------------------------------------------------------ */

static int read_limits(struct server_limits *l, const struct settings *s,
                       const struct platform_server_options *o, struct error *err)
{
    *l = (struct server_limits){
        .page_size_default = s != NULL ? s->page_size_default : 20,
        .page_size_max = s != NULL ? s->page_size_max : 100,
        .access_token_ms = s != NULL ? s->access_token_ms : 1800000,
        .refresh_token_ms = s != NULL ? s->refresh_token_ms : 86400000,
        .rate_minute = s != NULL ? s->rate_minute : (struct field_rate){100, 60000},
        .rate_hour = s != NULL ? s->rate_hour : (struct field_rate){1000, 3600000},
        .rate_integration_minute =
            s != NULL ? s->rate_integration_minute : (struct field_rate){6000, 60000},
        .rate_integration_hour =
            s != NULL ? s->rate_integration_hour : (struct field_rate){200000, 3600000},
        .lock_timeout_ms = s != NULL ? s->database_lock_timeout_ms : 5000,
        .unpaid_after_ms = s != NULL ? s->order_unpaid_ms : 1800000,
        .connections_of_address = s != NULL ? s->rate_connections : ADDRESS_DEFAULT,
        .receive_timeout_ms = o->receive_timeout_ms > 0 ? o->receive_timeout_ms : 30000,
        .idle_timeout_ms = o->idle_timeout_ms > 0 ? o->idle_timeout_ms : 60000,
        .has_points = s != NULL,
    };
    if (l->page_size_default > l->page_size_max)
        l->page_size_default = l->page_size_max;
    return l->has_points ? points_rules_read(s, &l->points, err) : ERR_OK;
}

static int set_limits(struct platform_server *s, const struct settings *settings,
                      const struct platform_server_options *o, struct error *err)
{
    if (s->limits_count == RELOADS_MAX)
        return error_set(err, ERR_LIMIT, "reloaded %d times since the start", RELOADS_MAX);
    struct server_limits *l = mem_alloc(sizeof *l);
    int status = read_limits(l, settings, o, err);
    if (status != ERR_OK) {
        free(l);
        return status;
    }
    s->all_limits[s->limits_count++] = l;
    atomic_store_explicit(&s->limits, l, memory_order_release);
    return ERR_OK;
}

static int set_secret(struct platform_server *s, const char *given, struct error *err)
{
    char ids[2][37];
    if (given != NULL && strlen(given) < SECRET_BYTES_MIN)
        return error_set(err, ERR_CONFIG, "the secret of the tokens has fewer than %d bytes",
                         SECRET_BYTES_MIN);
    if (given != NULL) {
        s->jwt_secret = mem_strdup(given);
    } else {
        clock_random_uuid(ids[0]);
        clock_random_uuid(ids[1]);
        s->jwt_secret = mem_alloc(sizeof ids);
        snprintf(s->jwt_secret, sizeof ids, "%s%s", ids[0], ids[1]);
    }
    secret_register(s->jwt_secret);
    return ERR_OK;
}

/* The phones that have no hash by the key yet get one before anybody looks for them. */
static int set_hash_key(struct platform_server *s, const struct settings *settings,
                        struct error *err)
{
    struct domain_context ctx = {.arena = arena_new()};
    int64_t hashed = 0;
    int code =
        settings != NULL ? member_key_read(settings->members_hash_key, &s->hash_key, err) : 0;
    ctx.hash_key = s->hash_key;
    if (code == ERR_OK && s->hash_key != NULL)
        code = pool_take(s->pool, POOL_WAIT_MS, &ctx.conn, err);
    if (code == ERR_OK && s->hash_key != NULL)
        code = member_hash_all(&ctx, &hashed, err);
    pool_give(s->pool, ctx.conn);
    arena_free(ctx.arena);
    return code;
}

static size_t pool_size(const struct platform_server_options *o)
{
    int64_t n = o->database_connections_max > 0 ? o->database_connections_max : POOL_DEFAULT;
    if (o->settings != NULL && o->settings->database_connections_max < n)
        n = o->settings->database_connections_max;
    return (size_t)(n > 0 ? n : 1);
}

/* The first connection is opened before there are threads: it shows at once whether the database is
 * there, and registers the DSN's secrets. */
static int set_pool(struct platform_server *s, const struct platform_server_options *o,
                    struct error *err)
{
    struct db_conn *first;
    const struct db_options options = {
        .dsn = s->dsn,
        .application_name = "diner serve",
        .connect_timeout_ms = 3000,
        .statement_timeout_ms = STATEMENT_LIMIT_MS,
        .lock_timeout_ms = server_limits(s)->lock_timeout_ms,
        .prepare = true,
    };
    s->pool = pool_new(&options, pool_size(o));
    TRY(pool_take(s->pool, POOL_WAIT_MS, &first, err));
    pool_give(s->pool, first);
    return ERR_OK;
}

/* ---- listening ---------------------------------------------------------------------------- */

/* "host:port", "[v6]:port", ":port" (loopback). */
static int split_address(const char *text, char host[64], char port[8], struct error *err)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon != NULL ? (size_t)(colon - text) : 0;
    const char *start = text;
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        start++;
        n -= 2;
    }
    if (colon == NULL || n >= 64 || strlen(colon + 1) >= 8 || colon[1] == '\0') {
        error_set(err, ERR_CONFIG, "'%s' is not an address to listen on", text);
        return error_hint(err, "write HOST:PORT, for example 127.0.0.1:8080");
    }
    snprintf(host, 64, "%.*s", (int)n, start);
    if (n == 0)
        snprintf(host, 64, "127.0.0.1");
    snprintf(port, 8, "%s", colon + 1);
    return ERR_OK;
}

static int bind_socket(const struct addrinfo *a, const char *text, int *ret, struct error *err)
{
    int one = 1;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set_errno(err, ERR_IO, errno, "no socket to listen on");
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, 511) != 0) {
        int saved = errno;
        close(fd);
        return error_set_errno(err, ERR_IO, saved, "cannot listen on '%s'", text);
    }
    *ret = fd;
    return ERR_OK;
}

static int open_listener(const char *text, int *ret_fd, int *ret_port, struct error *err)
{
    char host[64], port[8];
    struct addrinfo hints = {.ai_flags = AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    TRY(split_address(text, host, port, err));
    int code = getaddrinfo(host, port, &hints, &found);
    if (code != 0)
        return error_set(err, ERR_CONFIG, "cannot listen on '%s': %s", text, gai_strerror(code));
    int status = bind_socket(found, text, ret_fd, err);
    freeaddrinfo(found);
    TRY(status);
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {.v6 = {0}};
    socklen_t length = sizeof bound;
    if (getsockname(*ret_fd, &bound.any, &length) != 0)
        return error_set_errno(err, ERR_IO, errno, "cannot listen on '%s'", text);
    in_port_t network = bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port;
    *ret_port = ntohs(network);
    return ERR_OK;
}

/* As many as are needed, or may be had: what is beyond is not accepted until another ends. */
static void allow_files(int64_t connections)
{
    struct rlimit limit;
    rlim_t needed = (rlim_t)connections + SPARE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
        return;
    limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int start_daemon(struct platform_server *s, const struct platform_server_options *o,
                        struct error *err)
{
    int fd = -1;
    int64_t connections = o->connections_max > 0 ? o->connections_max : CONNECTIONS_DEFAULT;
    allow_files(connections);
    TRY(open_listener(o->listen, &fd, &s->port, err));
    (void)message_in_english(true); /* what it answers and logs from now on, programs read */
    s->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
            MHD_USE_ITC | MHD_USE_ERROR_LOG,
        0, on_accept, s, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, log_library, s,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        s, MHD_OPTION_CONNECTION_LIMIT, (unsigned)connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(server_limits(s)->idle_timeout_ms / 1000 + 1),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_MEMORY_BYTES, MHD_OPTION_THREAD_STACK_SIZE,
        THREAD_STACK_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (s->daemon == NULL) {
        close(fd);
        return error_set_errno(err, ERR_FAILED, errno, "the server did not start");
    }
    return ERR_OK;
}

static int write_port_file(const struct platform_server *s, struct error *err)
{
    struct atomic_file *file;
    char text[16];
    int n = snprintf(text, sizeof text, "%d\n", s->port);
    TRY(atomic_file_open(s->port_file, &file, err));
    int status = atomic_file_write(file, text, (size_t)n, err);
    if (status != ERR_OK) {
        atomic_file_discard(file);
        return status;
    }
    return atomic_file_commit(file, err);
}

/* ---- the life of a server ----------------------------------------------------------------- */

static struct platform_server *server_new(const struct platform_server_options *o)
{
    struct platform_server *s = mem_alloc(sizeof *s);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->reaper_wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&s->connections_lock, NULL);
    pthread_mutex_init(&s->log_lock, NULL);
    s->dsn = mem_strdup(o->dsn != NULL ? o->dsn : "");
    s->port_file = mem_strdup(o->port_file);
    s->rate = rate_limiter_new(CLIENTS_COUNTED);
    size_t endpoints;
    const struct metrics_endpoint *all = router_endpoints(&endpoints);
    s->metrics = metrics_new(all, endpoints);
    return s;
}

static int start_parts(struct platform_server *s, const struct platform_server_options *o,
                       struct error *err)
{
    TRY(router_leave_out(o->only, &s->left_out, err));
    TRY(set_limits(s, o->settings, o, err));
    TRY(set_secret(s, o->jwt_secret, err));
    if (o->settings != NULL)
        TRY(proxies_new(&o->settings->rate_proxies, &s->proxies, err));
    TRY(set_pool(s, o, err));
    TRY(set_hash_key(s, o->settings, err));
    TRY(desk_open(s, o->settings, err));
    TRY(read_cache_open(o->settings, &s->cache, err));
    TRY(consul_new(s, o->settings, o->listen, &s->consul, err));
    TRY(reaper_start(s, err));
    TRY(start_daemon(s, o, err));
    TRY(consul_begin(s->consul, s->port, err));
    return s->port_file != NULL ? write_port_file(s, err) : ERR_OK;
}

/* Threads inherit the mask: no signal lands in a request, and none cancels its statements. */
static void block_signals(sigset_t *ret_stops, sigset_t *ret_before)
{
    sigemptyset(ret_stops);
    sigaddset(ret_stops, SIGINT);
    sigaddset(ret_stops, SIGTERM);
    sigaddset(ret_stops, SIGHUP);
    pthread_sigmask(SIG_BLOCK, ret_stops, ret_before);
}

int platform_server_start(const struct platform_server_options *options,
                          struct platform_server **ret, struct error *err)
{
    struct platform_server *s = server_new(options);
    sigset_t stops, before;
    block_signals(&stops, &before);
    int status = start_parts(s, options, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status != ERR_OK) {
        platform_server_stop(s);
        return status;
    }
    *ret = s;
    return ERR_OK;
}

int platform_server_port(const struct platform_server *server)
{
    return server->port;
}

/* Accepts nothing new and waits for what is in progress; `is_urgent` ends the wait early. */
static void drain(struct platform_server *s, bool (*is_urgent)(void))
{
    int64_t until_ms = clock_monotonic_ms() + DRAIN_MS;
    atomic_store(&s->is_stopping, true);
    MHD_socket listener = MHD_quiesce_daemon(s->daemon);
    if (listener != MHD_INVALID_SOCKET)
        (void)shutdown(listener, SHUT_RDWR); /* or the kernel would go on taking clients */
    while (atomic_load(&s->active) > 0 && clock_monotonic_ms() < until_ms &&
           (is_urgent == NULL || !is_urgent())) {
        struct timespec pause = {.tv_nsec = 10000000};
        (void)nanosleep(&pause, NULL);
    }
    MHD_stop_daemon(s->daemon);
    s->daemon = NULL;
    if (listener != MHD_INVALID_SOCKET)
        close(listener);
}

static void stop(struct platform_server *s, bool (*is_urgent)(void))
{
    if (s == NULL)
        return;
    consul_end(s->consul); /* first: nobody new is sent here */
    if (s->daemon != NULL) {
        if (s->port_file != NULL)
            (void)unlink(s->port_file);
        drain(s, is_urgent);
    }
    reaper_stop(s);
    desk_close(s);
    pool_free(s->pool);
    read_cache_close(s->cache);
    rate_limiter_free(s->rate);
    proxies_free(s->proxies);
    metrics_free(s->metrics);
    for (size_t i = 0; i < s->limits_count; i++)
        free(s->all_limits[i]);
    pthread_cond_destroy(&s->reaper_wake);
    pthread_mutex_destroy(&s->connections_lock);
    pthread_mutex_destroy(&s->log_lock);
    secret_free(s->dsn);
    secret_free(s->jwt_secret);
    secret_free(s->hash_key);
    free(s->port_file);
    free(s->left_out);
    free(s);
}

void platform_server_stop(struct platform_server *server)
{
    stop(server, NULL);
}

/* A second signal during the drain. */
static bool is_told_again(void)
{
    sigset_t stops;
    struct timespec none = {0};
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    return sigtimedwait(&stops, NULL, &none) > 0;
}

/* Rates, connections of an address, page sizes, token lives and points as the configuration has
 * them now; what does not read stays as it was. */
static void reload(struct platform_server *s, const struct platform_server_options *o)
{
    struct error err = ERROR_INIT;
    const struct settings *settings = NULL;
    int status = o->reload != NULL ? o->reload(o->reload_self, &settings, &err) : ERR_OK;
    if (status == ERR_OK && settings != NULL)
        status = set_limits(s, settings, o, &err);
    if (status != ERR_OK)
        server_log(s, LOG_ERROR, LOG_FIELDS(LOG_STR("error", err.message)), "limits not reloaded");
    else
        server_log(s, LOG_NOTICE, NULL, "limits reloaded");
}

/* Until a signal that ends the server. */
static void serve(struct platform_server *s, const struct platform_server_options *o,
                  const sigset_t *signals)
{
    int received = signals_pending(); /* one that came before the mask was set */
    server_log(s, LOG_NOTICE, LOG_FIELDS(LOG_INT("port", s->port)), "listening");
    while (received == 0 || received == SIGHUP) {
        if (received == SIGHUP)
            reload(s, o);
        if (sigwait(signals, &received) != 0)
            return;
    }
}

int platform_server_run(const struct platform_server_options *options, struct error *err)
{
    struct platform_server *s;
    sigset_t stops, before;
    block_signals(&stops, &before);
    int status = platform_server_start(options, &s, err);
    if (status == ERR_OK) {
        serve(s, options, &stops);
        server_log(s, LOG_NOTICE, LOG_FIELDS(LOG_INT("active", atomic_load(&s->active))),
                   "stopping");
        stop(s, is_told_again);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}
