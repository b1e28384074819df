/* tests/unit/net/server.h - the scripted server (tests/http_server.py) and a clock of our own. */
#ifndef DINER_TESTS_NET_SERVER_H
#define DINER_TESTS_NET_SERVER_H

#include "core/clock.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
/* last: it needs those above */
#include <cmocka.h>

struct server {
    pid_t pid;
    int port;
    char base[64]; /* "http://127.0.0.1:PORT" */
};
static struct server server;

static inline int server_start(void **state)
{
    int ends[2];
    char line[16] = "";

    (void)state;
    unsetenv("http_proxy");
    if (pipe(ends) != 0)
        return -1;
    server.pid = fork();
    if (server.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], 1);
        close(ends[0]);
        execlp("python3", "python3", "tests/http_server.py", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    size_t n = 0; /* to the end of the line: it may come in pieces */
    while (n < sizeof(line) - 1 && !strchr(line, '\n') && read(ends[0], line + n, 1) == 1)
        n++;
    close(ends[0]);
    server.port = atoi(line);
    snprintf(server.base, sizeof(server.base), "http://127.0.0.1:%d", server.port);
    return server.port > 0 ? 0 : -1;
}

static inline int server_stop(void **state)
{
    (void)state;
    kill(server.pid, SIGKILL);
    waitpid(server.pid, NULL, 0);
    return 0;
}

/* One request by plain sockets: the client under test must not check itself. */
static inline void server_ask(const char *request, struct strbuf *answer)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server.port)};
    char buffer[4096];
    ssize_t n;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    shutdown(fd, SHUT_WR);
    while ((n = read(fd, buffer, sizeof(buffer))) > 0)
        strbuf_add(answer, buffer, (size_t)n);
    close(fd);
}

/* Sets the script; ' stands for ". */
static inline void server_script(const char *script)
{
    AUTO_STRBUF struct strbuf request = {0}, answer = {0};

    strbuf_init(&request, 0);
    strbuf_init(&answer, 0);
    strbuf_addf(&request, "PUT /_script HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", strlen(script));
    size_t head = request.len;
    strbuf_adds(&request, script);
    for (size_t i = head; i < request.len; i++)
        if (request.data[i] == '\'')
            request.data[i] = '"';
    server_ask(request.data, &answer);
    assert_non_null(strstr(answer.data, " 200 "));
}

/* How often the text (' stands for ") occurs in the log of requests. */
static inline int server_count(const char *text)
{
    AUTO_STRBUF struct strbuf answer = {0}, wanted = {0};
    int count = 0;

    strbuf_init(&answer, 0);
    strbuf_init(&wanted, 0);
    strbuf_adds(&wanted, text);
    for (size_t i = 0; i < wanted.len; i++)
        if (wanted.data[i] == '\'')
            wanted.data[i] = '"';
    server_ask("GET /_log HTTP/1.1\r\n\r\n", &answer);
    for (const char *p = answer.data; (p = strstr(p, wanted.data)); p++)
        count++;
    return count;
}

/* How many connections brought the requests of the log. */
static inline int server_connections(void)
{
    static const char key[] = "\"connection\": ";
    AUTO_STRBUF struct strbuf answer = {0};
    int seen[1024], count = 0;

    strbuf_init(&answer, 0);
    server_ask("GET /_log HTTP/1.1\r\n\r\n", &answer);
    for (const char *p = answer.data; (p = strstr(p, key)); p++) {
        int number = atoi(p + strlen(key)), i = 0;
        while (i < count && seen[i] != number)
            i++;
        if (i == count && count < 1024)
            seen[count++] = number;
    }
    return count;
}

/* ---- a clock that only sleeping moves ---------------------------------------------------- */

struct fake_clock {
    int64_t wall_us, mono_ns, slept_ms;
};
static struct fake_clock fake;

static inline int64_t fake_wall_us(void *self)
{
    return ((struct fake_clock *)self)->wall_us;
}

static inline int64_t fake_monotonic_ns(void *self)
{
    return ((struct fake_clock *)self)->mono_ns;
}

static inline void fake_advance(int64_t ms)
{
    fake.wall_us += ms * 1000;
    fake.mono_ns += ms * 1000000;
}

static inline void fake_sleep_ms(void *self, int64_t ms)
{
    (void)self;
    fake.slept_ms += ms;
    fake_advance(ms);
}

static inline void fake_clock_begin(void)
{
    static const struct clock_source source = {fake_wall_us, fake_monotonic_ns, fake_sleep_ms,
                                               &fake};
    fake = (struct fake_clock){.wall_us = INT64_C(1792512000000000), /* 2026-10-20T16:00:00Z */
                               .mono_ns = INT64_C(1000000000000)};
    clock_inject(&source);
}

static inline int fake_clock_end(void **state)
{
    (void)state;
    clock_inject(NULL);
    return 0;
}

#endif
