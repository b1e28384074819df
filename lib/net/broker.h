/* lib/net/broker.h - messages through an AMQP 0-9-1 broker (RabbitMQ), on librabbitmq.
 *
 * One connection, made when it is first needed and again after it was lost. What is published is
 * persistent and done only when the broker confirmed it; many may be on their way at once. What is
 * consumed is acknowledged by the caller. Who publishes and consumes has a broker for each. One
 * thread. Every wait has a limit. */
#ifndef DINER_NET_BROKER_H
#define DINER_NET_BROKER_H

#include "core/error.h"
#include "core/mem.h"
#include <stdbool.h>
#include <stdint.h>

struct broker;
struct broker_options {
    const char *url;      /* amqp(s)://[user@]host[:port][/vhost]; no password in it */
    const char *password; /* NULL: "guest"; registered as a secret by the caller */
    const char *ca_file;  /* NULL: the system's */
    int64_t connect_timeout_ms, timeout_ms;
    /* Called on each new connection, to declare what it needs; may be NULL. */
    int (*declare)(struct broker *b, struct error *err);
};
/* Connects to nothing; strings are copied. ERR_CONFIG for a wrong URL, or without librabbitmq. */
int broker_new(const struct broker_options *options, struct broker **ret, struct error *err);
/* Ends the connection; it may be connected again. What was consumed and not acknowledged goes back
 * to its queue. */
void broker_close(struct broker *b);
void broker_free(struct broker *b); /* NULL-safe */
/* Connects unless it is connected. ERR_UNAVAILABLE; ERR_AUTH; what declare says. */
int broker_connect(struct broker *b, struct error *err);
/* Where messages may show it: host, port, virtual host. */
const char *broker_address(const struct broker *b);

/* ---- declarations: durable, and no change when they are there; ERR_CONFLICT when they are there
 * and differ ---- */
int broker_exchange(struct broker *b, const char *name, const char *type, struct error *err);
/* A quorum queue; what is refused there, expires, or was given back 20 times goes to the exchange
 * dead ("": by the name of the queue dead_key). dead NULL: nowhere. */
int broker_queue(struct broker *b, const char *name, const char *dead, const char *dead_key,
                 struct error *err);
/* How many messages wait there, and who takes them. ERR_NOT_FOUND when it is not there: the
 * connection is closed then. */
int broker_queue_look(struct broker *b, const char *name, int64_t *ret_messages,
                      int64_t *ret_consumers, struct error *err);
int broker_bind(struct broker *b, const char *queue, const char *exchange, const char *key,
                struct error *err);

/* ---- publishing ---- */

struct broker_message {
    const char *exchange, *key; /* exchange "": key is a queue */
    const char *id, *type;
    int64_t created_s;
    struct span body;      /* JSON */
    const char *reason;    /* header diner-reason; NULL: none */
    int64_t attempts;      /* header diner-attempts; 0: none */
    int64_t expires_in_ms; /* 0: never */
    /* Told once, at the latest by broker_flush: code ERR_OK when the broker has it for good.
     * ERR_UNAVAILABLE: it may have it. */
    void (*done)(void *self, const struct error *failure);
    void *self;
};
/* Borrowed for this call. Blocks while much is on its way. */
void broker_publish(struct broker *b, const struct broker_message *m);
/* Waits until all that was published is decided, at most the time limit. */
void broker_flush(struct broker *b);
/* One, and its confirmation; its done is not called. */
int broker_send(struct broker *b, const struct broker_message *m, struct error *err);

/* ---- consuming ---- */

#define BROKER_BODY_MAX ((size_t)1 << 20)
struct broker_delivery {
    uint64_t tag;          /* 0: there was none */
    const char *id, *type; /* or NULL */
    const char *queue;     /* it was consumed from */
    int64_t created_s, attempts;
    bool is_too_long; /* the body was passed over */
    struct span body; /* ends in NUL beside */
};
/* prefetch: how many may be delivered and not acknowledged. */
int broker_consume(struct broker *b, const char *queue, int64_t prefetch, struct error *err);
/* The next, in the arena, waited for. ERR_UNAVAILABLE: the connection is gone, and what was not
 * acknowledged comes again. */
int broker_next(struct broker *b, int64_t wait_ms, struct arena *arena, struct broker_delivery *ret,
                struct error *err);
/* is_multiple: and all before it. */
int broker_ack(struct broker *b, uint64_t tag, bool is_multiple, struct error *err);
/* To where its queue sends what is refused. */
int broker_refuse(struct broker *b, uint64_t tag, struct error *err);
/* Between them a thread keeps the connection up, and nothing else may use the broker. */
void broker_keep_begin(struct broker *b);
void broker_keep_end(struct broker *b);

#endif
