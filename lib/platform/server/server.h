/* lib/platform/server/server.h - the reference platform: REST over lib/domain.
 *
 * One process, a thread a connection (bounded), a pool of database connections. Deadlines are its
 * own, for libmicrohttpd's limit is idle time only. SIGTERM and SIGINT stop it: nothing new is
 * accepted, requests in progress end (at most 10 s), and the run returns 0. SIGHUP reloads the
 * limits: rates, page sizes, lives of tokens. */
#ifndef DINER_PLATFORM_SERVER_H
#define DINER_PLATFORM_SERVER_H

#include "core/error.h"
#include "schema/config.h"

struct platform_server_options {
    const char *dsn;
    const char *listen;     /* "127.0.0.1:8080", "[::1]:8080"; port 0: any free one */
    const char *port_file;  /* gets the port once requests are answered; NULL: none */
    const char *jwt_secret; /* NULL: a random one, tokens end with the process */
    /* The modules served ("orders", "stock"...: the first word behind /api/v1); at other addresses
     * there is nothing, but tokens, health and metrics are everywhere. NULL: all. */
    const struct field_strings *only;
    const struct settings *settings;  /* NULL: the declared defaults */
    int64_t database_connections_max; /* 0: 16, or less when the settings say so */
    int64_t connections_max;          /* clients at a time; 0: 1024 */
    int64_t receive_timeout_ms;       /* a request's headers, then its body; 0: 30 s each */
    int64_t idle_timeout_ms;          /* between requests; 0: 60 s */
    /* What SIGHUP asks for the settings of now; the strings in them are not used. NULL: SIGHUP does
     * nothing. Called on the thread of platform_server_run. */
    int (*reload)(void *self, const struct settings **ret, struct error *err);
    void *reload_self;
};

/* Runs until SIGINT or SIGTERM (which it takes for itself meanwhile). Blocks. */
int platform_server_run(const struct platform_server_options *options, struct error *err);

/* The same in pieces, for tests: start returns once requests are answered; stop waits for those in
 * progress and frees. Strings of the options are copied. */
struct platform_server;
int platform_server_start(const struct platform_server_options *options,
                          struct platform_server **ret, struct error *err);
int platform_server_port(const struct platform_server *server);
void platform_server_stop(struct platform_server *server); /* NULL-safe */

#endif
