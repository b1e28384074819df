#include "platform/server/consul.h"
#include "core/clock.h"
#include "core/secret.h"
#include "format/jsonx.h"
#include "net/http.h"
#include "net/url.h"
#include <errno.h>
#include <stdlib.h>

#define TIMEOUT_MS     2000
#define ANSWER_MAX     ((size_t)1 << 20)
#define CHECK_PATH     "/health"
#define FORGOTTEN_IN   "30m" /* a service whose check has failed for so long */
#define NS_PER_SECOND  1000000000L
#define FIRST_RETRY_MS 1000

struct consul {
    struct platform_server *server;
    struct http_client *http;
    struct arena *arena;
    const char *url, *service, *address, *id;
    const char **tags;
    size_t ntags;
    char *token;
    int64_t every_ms;
    int port;
    pthread_t thread;
    pthread_mutex_t lock; /* is_ending, and the wait for it */
    pthread_cond_t wake;
    bool is_running, is_ending;
    bool was_refused; /* said once, until it goes well again */
};

/* ---- requests ------------------------------------------------------------------------------- */

/* PATH and the service's name or id; *ret_status of an answer that is none of the errors. */
static int ask(struct consul *c, const char *method, const char *path, const char *name,
               struct span body, int *ret_status, struct error *err)
{
    AUTO_STRBUF struct strbuf url = {0};
    const struct http_header header = {"X-Consul-Token", c->token};
    struct http_response answer = {0};

    strbuf_init(&url, 0);
    strbuf_addf(&url, "%s%s", c->url, path);
    url_encode(&url, name);
    const struct http_request request = {.method = method,
                                         .url = url.data,
                                         .headers = &header,
                                         .nheaders = c->token != NULL,
                                         .body = body,
                                         .content_type = body.ptr ? "application/json" : NULL,
                                         .no_retry = true};
    TRY(http_send(c->http, &request, &answer, err));
    int code = answer.status == 404 ? ERR_OK : http_response_check(&request, &answer, err);
    *ret_status = answer.status;
    http_response_release(&answer);
    return code;
}

static void write_check(const struct consul *c, struct jwriter *w)
{
    AUTO_STRBUF struct strbuf text = {0};

    strbuf_init(&text, 0);
    strbuf_addf(&text, strchr(c->address, ':') ? "http://[%s]:%d%s" : "http://%s:%d%s", c->address,
                c->port, CHECK_PATH);
    jwriter_key(w, "Check");
    jwriter_object(w);
    jwriter_kstring(w, "Name", "health");
    jwriter_kstring(w, "HTTP", text.data);
    strbuf_clear(&text);
    strbuf_addf(&text, "%lldms", (long long)c->every_ms);
    jwriter_kstring(w, "Interval", text.data);
    jwriter_kstring(w, "Timeout", "5s");
    jwriter_kstring(w, "DeregisterCriticalServiceAfter", FORGOTTEN_IN);
    jwriter_end(w);
}

static void write_service(const struct consul *c, struct strbuf *out)
{
    struct jwriter w;

    jwriter_init(&w, out);
    jwriter_object(&w);
    jwriter_kstring(&w, "ID", c->id);
    jwriter_kstring(&w, "Name", c->service);
    jwriter_kstring(&w, "Address", c->address);
    jwriter_kint(&w, "Port", c->port);
    jwriter_key(&w, "Tags");
    jwriter_array(&w);
    for (size_t i = 0; i < c->ntags; i++)
        jwriter_string(&w, c->tags[i]);
    jwriter_end(&w);
    jwriter_key(&w, "Meta");
    jwriter_object(&w);
    jwriter_kstring(&w, "version", DINER_VERSION);
    jwriter_end(&w);
    write_check(c, &w);
    jwriter_end(&w);
}

static int put_service(struct consul *c, struct error *err)
{
    AUTO_STRBUF struct strbuf body = {0};
    int status = 0;

    strbuf_init(&body, 0);
    write_service(c, &body);
    TRY(ask(c, "PUT", "/v1/agent/service/register", "", (struct span){body.data, body.len}, &status,
            err));
    if (status == 404)
        return error_set(err, ERR_REMOTE, "no agent of Consul answers at '%s'", c->url);
    server_log(c->server, LOG_NOTICE, LOG_FIELDS(LOG_STR("service", c->id)),
               "registered with Consul");
    return ERR_OK;
}

/* ---- the thread ----------------------------------------------------------------------------- */

/* What the agent knows already is left alone: told again, its check would begin anew. */
static int look(struct consul *c, bool is_first, struct error *err)
{
    int status = 404;

    if (!is_first)
        TRY(ask(c, "GET", "/v1/agent/service/", c->id, (struct span){0}, &status, err));
    return status == 404 ? put_service(c, err) : ERR_OK;
}

/* False when it is time to end. */
static bool wait_for(struct consul *c, int64_t ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / NS_PER_SECOND;
    until.tv_nsec %= NS_PER_SECOND;
    pthread_mutex_lock(&c->lock);
    while (!c->is_ending && pthread_cond_timedwait(&c->wake, &c->lock, &until) != ETIMEDOUT)
        ;
    bool is_ending = c->is_ending;
    pthread_mutex_unlock(&c->lock);
    return !is_ending;
}

static void *run(void *self)
{
    struct consul *c = self;
    int64_t wait_ms = FIRST_RETRY_MS;
    bool is_known = false;

    do {
        struct error err = ERROR_INIT;
        bool went_well = look(c, !is_known, &err) == ERR_OK;
        is_known = is_known || went_well;
        wait_ms = is_known ? c->every_ms : wait_ms * 2;
        if (!went_well && !c->was_refused)
            server_log(c->server, LOG_WARN, LOG_FIELDS(LOG_STR("error", err.message)),
                       "not registered with Consul");
        c->was_refused = !went_well;
    } while (wait_for(c, wait_ms < c->every_ms ? wait_ms : c->every_ms));
    return NULL;
}

/* ---- its life ------------------------------------------------------------------------------- */

/* The host that is listened on, where others can reach it; NULL: any, or none said. */
static const char *host_of(struct arena *arena, const char *listen)
{
    static const char *const wild[] = {"0.0.0.0", "::", "*"};
    const char *colon = strrchr(listen, ':');
    size_t n = colon != NULL ? (size_t)(colon - listen) : 0;

    if (n >= 2 && listen[0] == '[' && listen[n - 1] == ']') {
        listen++;
        n -= 2;
    }
    const char *host = n > 0 ? arena_strndup(arena, listen, n) : "127.0.0.1";
    for (size_t i = 0; i < sizeof wild / sizeof *wild; i++)
        if (strcmp(host, wild[i]) == 0)
            return NULL;
    return host;
}

static int open_client(struct consul *c, const struct settings *s, struct error *err)
{
    AUTOFREE char *origin = NULL;
    const struct http_options options = {.connect_timeout_ms = TIMEOUT_MS,
                                         .timeout_ms = TIMEOUT_MS,
                                         .body_max_bytes = ANSWER_MAX,
                                         .retry.max_attempts = 1,
                                         .ca_file = s->consul_ca_file};

    TRY(url_origin(s->consul_url, &origin, err));
    size_t n = strlen(s->consul_url);
    while (n > 0 && s->consul_url[n - 1] == '/')
        n--;
    c->url = arena_strndup(c->arena, s->consul_url, n);
    if (s->consul_token != NULL)
        TRY(secret_resolve(s->consul_token, &c->token, err));
    return http_client_new(&options, &c->http, err);
}

static void consul_free(struct consul *c)
{
    http_client_free(c->http);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->wake);
    secret_free(c->token);
    arena_free(c->arena);
    free(c);
}

int consul_new(struct platform_server *s, const struct settings *settings, const char *listen,
               struct consul **ret, struct error *err)
{
    if (settings == NULL || settings->consul_url == NULL || *settings->consul_url == '\0')
        return ERR_OK;
    struct arena *arena = arena_new();
    const char *address =
        settings->consul_address != NULL ? settings->consul_address : host_of(arena, listen);
    if (address == NULL) {
        arena_free(arena);
        error_set(err, ERR_CONFIG, "'%s' is no address that Consul could tell others", listen);
        return error_hint(err, "set consul.address to this machine's");
    }
    struct consul *c = mem_alloc(sizeof *c);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&c->lock, NULL);
    c->server = s;
    c->arena = arena;
    c->address = arena_strdup(arena, address);
    c->service = arena_strdup(arena, settings->consul_service);
    c->ntags = settings->consul_tags.count;
    c->tags = arena_array(arena, c->ntags + 1, sizeof *c->tags);
    for (size_t i = 0; i < c->ntags; i++)
        c->tags[i] = arena_strdup(arena, settings->consul_tags.items[i]);
    c->every_ms = settings->consul_check_every_ms;
    int code = open_client(c, settings, err);
    if (code != ERR_OK)
        consul_free(c);
    else
        *ret = c;
    return code;
}

int consul_begin(struct consul *c, int port, struct error *err)
{
    if (c == NULL)
        return ERR_OK;
    c->port = port;
    c->id = arena_printf(c->arena, "%s-%s-%d", c->service, c->address, port);
    int code = pthread_create(&c->thread, NULL, run, c);
    if (code != 0)
        return error_set_errno(err, ERR_FAILED, code, "no thread for the entry in Consul");
    c->is_running = true;
    return ERR_OK;
}

void consul_end(struct consul *c)
{
    struct error err = ERROR_INIT;
    int status = 0;

    if (c == NULL)
        return;
    if (c->is_running) {
        pthread_mutex_lock(&c->lock);
        c->is_ending = true;
        pthread_cond_signal(&c->wake);
        pthread_mutex_unlock(&c->lock);
        pthread_join(c->thread, NULL);
        if (ask(c, "PUT", "/v1/agent/service/deregister/", c->id, (struct span){0}, &status,
                &err) != ERR_OK)
            server_log(c->server, LOG_WARN, LOG_FIELDS(LOG_STR("error", err.message)),
                       "not taken out of Consul");
        else
            server_log(c->server, LOG_NOTICE, LOG_FIELDS(LOG_STR("service", c->id)),
                       "taken out of Consul");
    }
    consul_free(c);
}
