/* tests/unit/platform/server_fixture.h - the reference platform on a free port over a private
 * PostgreSQL, and a client that sends what it is told, byte by byte if asked. */
#ifndef DINER_TESTS_SERVER_FIXTURE_H
#define DINER_TESTS_SERVER_FIXTURE_H

#include "../domain/app_fixture.h"

#include "format/jpull.h"
#include "platform/server/server.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#define TEST_SECRET "a secret for the tests only"
static struct platform_server *app_server;
static int app_port;
static char app_token[2048];

struct answer {
    int status;         /* 0: the connection ended without one */
    struct strbuf text; /* head and body */
    const char *body;   /* into text */
};

static inline void answer_free(struct answer *a)
{
    strbuf_release(&a->text);
}
#define AUTO_ANSWER __attribute__((cleanup(answer_free)))

static inline int app_connect(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((in_port_t)app_port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval limit = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Reads until the server closes. */
static inline void app_receive(int fd, struct answer *a)
{
    char bytes[16384];
    ssize_t n;
    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        strbuf_add(&a->text, bytes, (size_t)n);
    const char *blank = strstr(a->text.data, "\r\n\r\n");
    a->body = blank != NULL ? blank + 4 : "";
    a->status = strncmp(a->text.data, "HTTP/1.1 ", 9) == 0 ? atoi(a->text.data + 9) : 0;
}

/* Sends raw bytes on a connection of its own. */
static inline void app_raw(const char *bytes, size_t n, struct answer *a)
{
    strbuf_init(&a->text, 0);
    a->status = 0;
    a->body = "";
    int fd = app_connect();
    if (fd < 0)
        return;
    for (size_t sent = 0; sent < n;) {
        ssize_t k = send(fd, bytes + sent, n - sent, MSG_NOSIGNAL);
        if (k <= 0)
            break;
        sent += (size_t)k;
    }
    app_receive(fd, a);
    close(fd);
}

/* headers: complete lines ending in \r\n, or NULL. token NULL: none. */
static inline struct answer app_send(const char *method, const char *target, const char *token,
                                     const char *headers, const char *body)
{
    struct answer a;
    AUTO_STRBUF struct strbuf request;
    strbuf_init(&request, 0);
    strbuf_addf(&request, "%s %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n", method, target);
    if (token != NULL)
        strbuf_addf(&request, "Authorization: Bearer %s\r\n", token);
    if (headers != NULL)
        strbuf_adds(&request, headers);
    if (body != NULL)
        strbuf_addf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                    strlen(body));
    strbuf_adds(&request, "\r\n");
    if (body != NULL)
        strbuf_adds(&request, body);
    app_raw(request.data, request.len, &a);
    return a;
}

static inline struct answer app_get(const char *target)
{
    return app_send("GET", target, app_token, NULL, NULL);
}

static inline struct answer app_post(const char *target, const char *body)
{
    return app_send("POST", target, app_token, NULL, body);
}

/* The text at a JSON pointer of the body; "" when absent or null. Points to a buffer of the thread.
 */
static inline const char *app_at(const struct answer *a, const char *pointer)
{
    static __thread char text[4000];
    struct strbuf scratch;
    struct jpull_value value = {0};
    struct error ignored = ERROR_INIT;
    strbuf_init(&scratch, 0);
    text[0] = '\0';
    if (jpull_find(span_of(a->body), pointer, &value, &scratch, &ignored) == ERR_OK &&
        value.text.ptr != NULL && value.kind != JPULL_NULL)
        snprintf(text, sizeof text, "%.*s", (int)value.text.len, value.text.ptr);
    strbuf_release(&scratch);
    return text;
}

static inline void app_copy(char *to, size_t size, const struct answer *a, const char *pointer)
{
    const char *text = app_at(a, pointer);
    size_t n = strnlen(text, size - 1);
    memcpy(to, text, n);
    to[n] = '\0';
}

static inline void app_login(const char *username, const char *password, char token[2048])
{
    char body[256];
    snprintf(body, sizeof body, "{\"username\":\"%s\",\"password\":\"%s\"}", username, password);
    AUTO_ANSWER struct answer a = app_send("POST", "/api/v1/auth/login", NULL, NULL, body);
    if (a.status != 200)
        fail_msg("login of %s: %s", username, a.text.data);
    app_copy(token, 2048, &a, "/data/access_token");
}

/* Users root (admin), bot (integration), s1 (store S001); app_token is bot's. */
static inline void app_users(void)
{
    struct error err = ERROR_INIT;
    assert_db_ok(user_upsert(app_conn, "root", "root password", "admin", NULL, &err));
    assert_db_ok(user_upsert(app_conn, "bot", "bot password", "integration", NULL, &err));
    assert_db_ok(user_upsert(app_conn, "s1", "s1 password", "store", "S001", &err));
}

static inline int app_server_start(const struct platform_server_options *changes)
{
    struct error err = ERROR_INIT;
    struct platform_server_options options =
        changes != NULL ? *changes : (struct platform_server_options){0};
    options.dsn = pg_fixture_dsn;
    options.listen = "127.0.0.1:0";
    options.jwt_secret = TEST_SECRET;
    if (platform_server_start(&options, &app_server, &err) != ERR_OK) {
        fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    app_port = platform_server_port(app_server);
    return 0;
}

static inline void app_server_stop(void)
{
    platform_server_stop(app_server);
    app_server = NULL;
}

static inline int app_platform_start(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    if (app_fixture_start(state) != 0)
        return -1;
    app_reset();
    app_users();
    if (app_server_start(NULL) != 0)
        return -1;
    app_login("bot", "bot password", app_token);
    return 0;
}

static inline int app_platform_stop(void **state)
{
    app_server_stop();
    return app_fixture_stop(state);
}

/* The tables as new, the users and their tokens still good: their ids are the same. */
static inline int app_platform_reset(void **state)
{
    (void)state;
    app_run("truncate app.outbox, app.idempotency_keys, app.order_status_history, "
            "app.order_items, app.stock_log, app.orders restart identity cascade;"
            "update app.stock set qty = 1000, policy = 'forbid'");
    return 0;
}

#endif
