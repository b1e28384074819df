/* lib/net/broker_internal.h - the connection, shared by broker.c and broker_flow.c. */
#ifndef DINER_NET_BROKER_INTERNAL_H
#define DINER_NET_BROKER_INTERNAL_H

#include "core/strbuf.h"
#include "net/broker.h"
#include <amqp.h>
#include <pthread.h>

#define BROKER_CHANNEL   1
#define BROKER_IN_FLIGHT 512

struct broker_pending {
    void (*done)(void *self, const struct error *failure);
    void *self;
    size_t bytes;
    bool is_open;
};
struct broker {
    char *url, *host, *user, *vhost, *password, *ca_file, *address;
    int port;
    bool has_tls;
    int64_t connect_timeout_ms, timeout_ms;
    int (*declare)(struct broker *b, struct error *err);
    amqp_connection_state_t state; /* NULL: not connected */
    int64_t used_ms;               /* when something last came or went */
    /* Tags of the channel from first to next - 1 are undecided, each in its place of the ring. */
    uint64_t first, next;
    size_t bytes; /* of their bodies */
    /* Of what was published since the last flush: the rest fails with it, without connecting anew.
     */
    struct error failure;
    struct broker_pending pending[BROKER_IN_FLIGHT];
    pthread_t keeper;
    pthread_mutex_t lock; /* is_kept */
    pthread_cond_t woken;
    bool is_kept;
};

/* Borrowed. */
amqp_bytes_t broker_span(struct span span);
amqp_bytes_t broker_bytes(const char *text);
/* What the library's status says; ERR_UNAVAILABLE. */
int broker_fail_status(const struct broker *b, int status, struct error *err);
/* What a close method of the broker says. */
int broker_fail_close(const struct broker *b, const amqp_method_t *method, struct error *err);
/* Forgets the connection; all that is undecided has failed with err. */
void broker_drop(struct broker *b, const struct error *err);

#endif
