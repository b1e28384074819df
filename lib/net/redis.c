/* lib/net/redis.c - commands to a Redis, on hiredis. */
#include "net/redis.h"

#ifndef DINER_HAVE_HIREDIS

int redis_open(const struct redis_options *options, struct redis **ret, struct error *err)
{
    (void)options;
    (void)ret;
    error_set(err, ERR_CONFIG, "this diner was built without hiredis: it has no cache in Redis");
    return error_hint(err, "install libhiredis-dev and build again, or leave cache.url unset");
}

void redis_close(struct redis *r)
{
    (void)r;
}

int redis_command(struct redis *r, const struct span *words, size_t count, struct arena *arena,
                  const char **ret_text, struct error *err)
{
    (void)r;
    (void)words;
    (void)count;
    (void)arena;
    (void)ret_text;
    return error_set(err, ERR_UNAVAILABLE, "there is no Redis");
}

#else

#include "core/clock.h"
#include "core/message.h"
#include "core/secret.h"
#include "net/breaker.h"
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define IDLE_MAX  16
#define WORDS_MAX 600

struct redis {
    char *host, *path, *user, *password;
    int port, db;
    int64_t timeout_ms;
    pthread_mutex_t lock; /* what follows */
    struct breaker breaker;
    redisContext *idle[IDLE_MAX];
    size_t idle_count;
};

/* ---- the URL ------------------------------------------------------------------------------ */

static int refuse_url(struct error *err)
{
    error_set(err, ERR_CONFIG, "cache.url is not the address of a Redis");
    return error_hint(err, "write redis://HOST:6379/0, or unix:/path/of/the/socket");
}

/* A number at the end of a string; false when it is none. */
static bool read_number(const char *text, int max, int *ret)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < 0 || value > max)
        return false;
    *ret = (int)value;
    return true;
}

static char *copy(const char *start, const char *end)
{
    size_t n = (size_t)(end - start);
    char *text = mem_alloc(n + 1);
    memcpy(text, start, n);
    return text;
}

/* "[user]:password@" before the host. */
static const char *read_login(struct redis *r, const char *text)
{
    const char *at = strrchr(text, '@');
    const char *colon = strchr(text, ':');
    if (at == NULL || colon == NULL || colon > at)
        return text;
    if (colon > text)
        r->user = copy(text, colon);
    r->password = copy(colon + 1, at);
    secret_register(r->password);
    return at + 1;
}

static int read_url(struct redis *r, const char *url, struct error *err)
{
    if (strncmp(url, "unix:/", 6) == 0) {
        r->path = mem_strdup(url + 5);
        return ERR_OK;
    }
    if (strncmp(url, "redis://", 8) != 0)
        return refuse_url(err);
    char *rest = mem_strdup(read_login(r, url + 8));
    char *slash = strchr(rest, '/');
    bool is_good = true;
    if (slash != NULL) {
        *slash = '\0';
        is_good = slash[1] == '\0' || read_number(slash + 1, 1000000, &r->db);
    }
    char *colon = strrchr(rest, ':');
    if (colon != NULL && colon[1] != '\0' && strchr(colon, ']') == NULL) {
        *colon = '\0';
        is_good = is_good && read_number(colon + 1, 65535, &r->port);
    }
    r->host = mem_strdup(rest[0] != '\0' ? rest : "127.0.0.1");
    free(rest);
    return is_good ? ERR_OK : refuse_url(err);
}

int redis_open(const struct redis_options *o, struct redis **ret, struct error *err)
{
    struct redis *r = mem_alloc(sizeof *r);
    r->port = 6379;
    r->timeout_ms = o->timeout_ms;
    r->breaker =
        (struct breaker){.failures_max = o->breaker_failures, .open_ms = o->breaker_open_ms};
    pthread_mutex_init(&r->lock, NULL);
    if (read_url(r, o->url, err) != ERR_OK) {
        redis_close(r);
        return err->code;
    }
    *ret = r;
    return ERR_OK;
}

void redis_close(struct redis *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->idle_count; i++)
        redisFree(r->idle[i]);
    pthread_mutex_destroy(&r->lock);
    secret_free(r->password);
    free(r->host);
    free(r->path);
    free(r->user);
    free(r);
}

/* ---- connections -------------------------------------------------------------------------- */

/* Whether to try at all; an idle connection when there is one. */
static int take(struct redis *r, redisContext **ret, bool *ret_is_probe, struct error *err)
{
    int64_t wait_ms = 0;
    pthread_mutex_lock(&r->lock);
    enum breaker_answer answer =
        breaker_ask(&r->breaker, clock_monotonic_ns(), ret_is_probe, &wait_ms);
    if (answer == BREAKER_GO)
        *ret = r->idle_count > 0 ? r->idle[--r->idle_count] : NULL;
    pthread_mutex_unlock(&r->lock);
    if (answer == BREAKER_GO)
        return ERR_OK;
    return error_set(err, ERR_UNAVAILABLE, "Redis failed, it is left alone for a while");
}

/* c NULL, or with an error: it is gone. */
static void give(struct redis *r, redisContext *c, bool is_probe)
{
    bool is_good = c != NULL && c->err == 0;
    pthread_mutex_lock(&r->lock);
    breaker_report(&r->breaker, is_good, is_probe, clock_monotonic_ns());
    if (is_good && r->idle_count < IDLE_MAX) {
        r->idle[r->idle_count++] = c;
        c = NULL;
    }
    pthread_mutex_unlock(&r->lock);
    if (c != NULL)
        redisFree(c);
}

static bool is_ok(redisReply *reply)
{
    bool ok = reply != NULL && reply->type != REDIS_REPLY_ERROR;
    freeReplyObject(reply);
    return ok;
}

static bool log_in(const struct redis *r, redisContext *c)
{
    const char *user[] = {"AUTH", r->user, r->password};
    const char *plain[] = {"AUTH", r->password};
    char db[16];
    const char *select[] = {"SELECT", db};
    snprintf(db, sizeof db, "%d", r->db);
    if (r->password != NULL && !is_ok(r->user != NULL ? redisCommandArgv(c, 3, user, NULL)
                                                      : redisCommandArgv(c, 2, plain, NULL)))
        return false;
    return r->db == 0 || is_ok(redisCommandArgv(c, 2, select, NULL));
}

static redisContext *connect_new(const struct redis *r, struct error *err)
{
    struct timeval limit = {.tv_sec = r->timeout_ms / 1000,
                            .tv_usec = (suseconds_t)(r->timeout_ms % 1000 * 1000)};
    redisContext *c = r->path != NULL ? redisConnectUnixWithTimeout(r->path, limit)
                                      : redisConnectWithTimeout(r->host, r->port, limit);
    if (c != NULL && c->err == 0 && redisSetTimeout(c, limit) == REDIS_OK && log_in(r, c))
        return c;
    error_set(err, ERR_UNAVAILABLE, "Redis does not answer: %s",
              c != NULL && c->err != 0 ? c->errstr : message_text("it refuses the login"));
    if (c != NULL)
        redisFree(c);
    return NULL;
}

/* ---- commands ----------------------------------------------------------------------------- */

static int read_reply(const redisReply *reply, struct arena *arena, const char **ret_text,
                      struct error *err)
{
    const char *text = NULL;
    if (reply->type == REDIS_REPLY_ERROR)
        return error_set(err, ERR_REMOTE, "Redis refuses: %.200s", reply->str);
    if (reply->type == REDIS_REPLY_INTEGER)
        text = arena_printf(arena, "%lld", reply->integer);
    else if (reply->str != NULL)
        text = arena_strndup(arena, reply->str, reply->len);
    if (ret_text != NULL)
        *ret_text = text;
    return ERR_OK;
}

static int run(redisContext *c, const struct span *words, size_t count, struct arena *arena,
               const char **ret_text, struct error *err)
{
    const char *argv[WORDS_MAX];
    size_t lengths[WORDS_MAX];
    for (size_t i = 0; i < count; i++) {
        argv[i] = words[i].ptr;
        lengths[i] = words[i].len;
    }
    redisReply *reply = redisCommandArgv(c, (int)count, argv, lengths);
    if (reply == NULL)
        return error_set(err, ERR_UNAVAILABLE, "Redis does not answer: %s", c->errstr);
    int status = read_reply(reply, arena, ret_text, err);
    freeReplyObject(reply);
    return status;
}

int redis_command(struct redis *r, const struct span *words, size_t count, struct arena *arena,
                  const char **ret_text, struct error *err)
{
    redisContext *c = NULL;
    bool is_probe = false;
    if (count == 0 || count > WORDS_MAX)
        return error_set(err, ERR_BUG, "a command of %zu words", count);
    TRY(take(r, &c, &is_probe, err));
    bool was_idle = c != NULL;
    if (c == NULL)
        c = connect_new(r, err);
    int status = c != NULL ? run(c, words, count, arena, ret_text, err) : (int)err->code;
    if (status == ERR_UNAVAILABLE && was_idle && c->err == REDIS_ERR_EOF) {
        /* It was closed while nobody looked: a restart, or its idle limit. */
        redisFree(c);
        error_clear(err);
        c = connect_new(r, err);
        status = c != NULL ? run(c, words, count, arena, ret_text, err) : (int)err->code;
    }
    give(r, c, is_probe);
    return status;
}

#endif
