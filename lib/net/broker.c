/* lib/net/broker.c - the connection to an AMQP broker, and declarations. */
#include "net/broker.h"

#ifndef DINER_HAVE_RABBITMQ

static int without(struct error *err)
{
    error_set(err, ERR_CONFIG, "this diner was built without librabbitmq: it reaches no RabbitMQ");
    return error_hint(err, "install librabbitmq-dev and build again");
}

int broker_new(const struct broker_options *options, struct broker **ret, struct error *err)
{
    (void)options;
    (void)ret;
    return without(err);
}

/* No broker, so none of these is called. */
void broker_free(struct broker *b)
{
    (void)b;
}

void broker_close(struct broker *b)
{
    (void)b;
}

int broker_connect(struct broker *b, struct error *err)
{
    (void)b;
    return without(err);
}

const char *broker_address(const struct broker *b)
{
    (void)b;
    return "";
}

int broker_exchange(struct broker *b, const char *name, const char *type, struct error *err)
{
    (void)b, (void)name, (void)type;
    return without(err);
}

int broker_queue(struct broker *b, const char *name, const char *dead, const char *dead_key,
                 struct error *err)
{
    (void)b, (void)name, (void)dead, (void)dead_key;
    return without(err);
}

int broker_queue_look(struct broker *b, const char *name, int64_t *ret_messages,
                      int64_t *ret_consumers, struct error *err)
{
    (void)b, (void)name, (void)ret_messages, (void)ret_consumers;
    return without(err);
}

int broker_bind(struct broker *b, const char *queue, const char *exchange, const char *key,
                struct error *err)
{
    (void)b, (void)queue, (void)exchange, (void)key;
    return without(err);
}

void broker_publish(struct broker *b, const struct broker_message *m)
{
    struct error err = ERROR_INIT;
    (void)b;
    without(&err);
    m->done(m->self, &err);
}

void broker_flush(struct broker *b)
{
    (void)b;
}

int broker_send(struct broker *b, const struct broker_message *m, struct error *err)
{
    (void)b, (void)m;
    return without(err);
}

int broker_consume(struct broker *b, const char *queue, int64_t prefetch, struct error *err)
{
    (void)b, (void)queue, (void)prefetch;
    return without(err);
}

int broker_next(struct broker *b, int64_t wait_ms, struct arena *arena, struct broker_delivery *ret,
                struct error *err)
{
    (void)b, (void)wait_ms, (void)arena, (void)ret;
    return without(err);
}

int broker_ack(struct broker *b, uint64_t tag, bool is_multiple, struct error *err)
{
    (void)b, (void)tag, (void)is_multiple;
    return without(err);
}

int broker_refuse(struct broker *b, uint64_t tag, struct error *err)
{
    (void)b, (void)tag;
    return without(err);
}

void broker_keep_begin(struct broker *b)
{
    (void)b;
}

void broker_keep_end(struct broker *b)
{
    (void)b;
}

#else

#include "core/clock.h"
#include "core/secret.h"
#include "net/broker_internal.h"
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define FRAME_BYTES_MAX (128 << 10)
#define HEARTBEAT_S     30
#define GIVEN_MAX       20
#define NONE                                                                                       \
    (amqp_table_t)                                                                                 \
    {                                                                                              \
        0                                                                                          \
    }

/* The library takes what it only reads without const. */
amqp_bytes_t broker_span(struct span span)
{
    const union {
        const char *in;
        void *out;
    } bytes = {.in = span.ptr};
    return (amqp_bytes_t){span.len, bytes.out};
}

amqp_bytes_t broker_bytes(const char *text)
{
    return broker_span((struct span){text, strlen(text)});
}

/* ---- the URL ------------------------------------------------------------------------------ */

static bool has_password(const char *url)
{
    const char *start = strstr(url, "://");
    size_t authority = start != NULL ? strcspn(start + 3, "/?#") : 0;
    const char *at = start != NULL ? memchr(start + 3, '@', authority) : NULL;
    return at != NULL && memchr(start + 3, ':', (size_t)(at - start - 3)) != NULL;
}

static int read_url(struct broker *b, const struct broker_options *o, struct error *err)
{
    struct amqp_connection_info info;
    if (has_password(o->url)) {
        error_set(err, ERR_CONFIG, "the broker's URL has a password in it");
        return error_hint(err, "write amqps://user@host and set notify.rabbitmq_password to "
                               "env:NAME, file:PATH or cmd:COMMAND");
    }
    if (amqp_parse_url(b->url, &info) != AMQP_STATUS_OK) {
        error_set(err, ERR_CONFIG, "the broker's URL is none of AMQP");
        return error_hint(err, "write amqps://user@host, amqps://user@host:5671/vhost, or amqp:// "
                               "without TLS");
    }
    b->host = mem_strdup(info.host);
    b->user = mem_strdup(info.user);
    b->vhost = mem_strdup(info.vhost);
    b->port = info.port;
    b->has_tls = info.ssl != 0;
    AUTO_STRBUF struct strbuf address = {0};
    strbuf_init(&address, 0);
    strbuf_addf(&address, "%s:%d", b->host, b->port);
    if (strcmp(b->vhost, "/") != 0)
        strbuf_addf(&address, "/%s", b->vhost);
    b->address = mem_strdup(address.data);
    return ERR_OK;
}

int broker_new(const struct broker_options *o, struct broker **ret, struct error *err)
{
    struct broker *b = mem_alloc(sizeof *b);
    b->url = mem_strdup(o->url);
    b->password = mem_strdup(o->password != NULL ? o->password : "guest");
    b->ca_file = mem_strdup(o->ca_file != NULL ? o->ca_file : X509_get_default_cert_file());
    b->connect_timeout_ms = o->connect_timeout_ms;
    b->timeout_ms = o->timeout_ms;
    b->declare = o->declare;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->woken, NULL);
    if (read_url(b, o, err) != ERR_OK) {
        broker_free(b);
        return err->code;
    }
    *ret = b;
    return ERR_OK;
}

void broker_close(struct broker *b)
{
    const struct error gone = {.code = ERR_UNAVAILABLE, .message = "the connection was closed"};
    if (b->state != NULL)
        (void)amqp_connection_close(b->state, AMQP_REPLY_SUCCESS);
    broker_drop(b, &gone);
}

void broker_free(struct broker *b)
{
    if (b == NULL)
        return;
    broker_close(b);
    pthread_cond_destroy(&b->woken);
    pthread_mutex_destroy(&b->lock);
    secret_free(b->password);
    free(b->url);
    free(b->host);
    free(b->user);
    free(b->vhost);
    free(b->ca_file);
    free(b->address);
    free(b);
}

const char *broker_address(const struct broker *b)
{
    return b->address;
}

/* ---- failures ----------------------------------------------------------------------------- */

int broker_fail_status(const struct broker *b, int status, struct error *err)
{
    bool is_tls = status == AMQP_STATUS_SSL_PEER_VERIFY_FAILED ||
                  status == AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED ||
                  status == AMQP_STATUS_SSL_CONNECTION_FAILED || status == AMQP_STATUS_SSL_ERROR;
    error_set(err, ERR_UNAVAILABLE, "the broker at %s does not answer: %s", b->address,
              amqp_error_string2(status));
    if (is_tls)
        return error_hint(err, "its certificate must be valid for this host and its authority "
                               "trusted: notify.ca_file");
    return error_hint(err, "is RabbitMQ running there? what is due stays due");
}

static enum error_code code_of(uint16_t reply)
{
    switch (reply) {
    case AMQP_ACCESS_REFUSED:
    case AMQP_NOT_ALLOWED: return ERR_AUTH;
    case AMQP_NOT_FOUND: return ERR_NOT_FOUND;
    case AMQP_PRECONDITION_FAILED: return ERR_CONFLICT;
    case AMQP_CONNECTION_FORCED: return ERR_UNAVAILABLE;
    default: return ERR_REMOTE;
    }
}

int broker_fail_close(const struct broker *b, const amqp_method_t *method, struct error *err)
{
    uint16_t reply = 0;
    amqp_bytes_t text = {0};
    if (method->id == AMQP_CHANNEL_CLOSE_METHOD) {
        const amqp_channel_close_t *close = method->decoded;
        reply = close->reply_code;
        text = close->reply_text;
    } else if (method->id == AMQP_CONNECTION_CLOSE_METHOD) {
        const amqp_connection_close_t *close = method->decoded;
        reply = close->reply_code;
        text = close->reply_text;
    }
    error_set(err, code_of(reply), "the broker at %s refuses: %.*s", b->address,
              (int)(text.len < 300 ? text.len : 300), (const char *)text.bytes);
    if (err->code == ERR_AUTH)
        return error_hint(err, "the user and virtual host of notify.rabbitmq_url, and "
                               "notify.rabbitmq_password");
    if (err->code == ERR_CONFLICT)
        return error_hint(err, "it is there and was declared otherwise: delete it on the broker "
                               "when it is empty, and it is made again");
    return err->code;
}

static int check(const struct broker *b, amqp_rpc_reply_t reply, struct error *err)
{
    if (reply.reply_type == AMQP_RESPONSE_NORMAL)
        return ERR_OK;
    if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION)
        return broker_fail_close(b, &reply.reply, err);
    return broker_fail_status(b, reply.library_error, err);
}

void broker_drop(struct broker *b, const struct error *err)
{
    if (b->state != NULL)
        (void)amqp_destroy_connection(b->state);
    b->state = NULL;
    for (; b->first != b->next; b->first++) {
        struct broker_pending *p = &b->pending[b->first % BROKER_IN_FLIGHT];
        if (p->is_open)
            p->done(p->self, err);
        p->is_open = false;
    }
    b->bytes = 0;
}

/* ---- connecting --------------------------------------------------------------------------- */

static struct timeval timeval_of(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

static int open_socket(struct broker *b, struct error *err)
{
    struct timeval limit = timeval_of(b->connect_timeout_ms);
    unsigned int unread_ms = (unsigned int)b->timeout_ms;
    amqp_socket_t *socket =
        b->has_tls ? amqp_ssl_socket_new(b->state) : amqp_tcp_socket_new(b->state);
    int status = socket != NULL ? AMQP_STATUS_OK : AMQP_STATUS_NO_MEMORY;
    if (socket != NULL && b->has_tls) {
        amqp_ssl_socket_set_verify_peer(socket, 1);
        amqp_ssl_socket_set_verify_hostname(socket, 1);
        (void)amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST);
        if (amqp_ssl_socket_set_cacert(socket, b->ca_file) != AMQP_STATUS_OK)
            return error_set(err, ERR_CONFIG, "'%s' holds no certificates that can be read",
                             b->ca_file);
    }
    if (status == AMQP_STATUS_OK)
        status = amqp_socket_open_noblock(socket, b->host, b->port, &limit);
    if (status != AMQP_STATUS_OK)
        return broker_fail_status(b, status, err);
    /* A broker in an alarm reads nothing more, and the library would wait for it for ever. */
    (void)setsockopt(amqp_get_sockfd(b->state), IPPROTO_TCP, TCP_USER_TIMEOUT, &unread_ms,
                     sizeof unread_ms);
    return ERR_OK;
}

static int log_in(struct broker *b, struct error *err)
{
    struct timeval limit = timeval_of(b->timeout_ms);
    TRY(open_socket(b, err));
    (void)amqp_set_handshake_timeout(b->state, &limit);
    (void)amqp_set_rpc_timeout(b->state, &limit);
    TRY(check(b,
              amqp_login(b->state, b->vhost, 0, FRAME_BYTES_MAX, HEARTBEAT_S,
                         AMQP_SASL_METHOD_PLAIN, b->user, b->password),
              err));
    (void)amqp_channel_open(b->state, BROKER_CHANNEL);
    TRY(check(b, amqp_get_rpc_reply(b->state), err));
    (void)amqp_confirm_select(b->state, BROKER_CHANNEL);
    TRY(check(b, amqp_get_rpc_reply(b->state), err));
    b->first = b->next = 1;
    return b->declare != NULL ? b->declare(b, err) : ERR_OK;
}

int broker_connect(struct broker *b, struct error *err)
{
    if (b->state != NULL)
        return ERR_OK;
    b->state = amqp_new_connection();
    int code =
        b->state != NULL ? log_in(b, err) : broker_fail_status(b, AMQP_STATUS_NO_MEMORY, err);
    b->used_ms = clock_monotonic_ms();
    if (code != ERR_OK)
        broker_drop(b, err);
    return code;
}

/* ---- declarations ------------------------------------------------------------------------- */

int broker_exchange(struct broker *b, const char *name, const char *type, struct error *err)
{
    (void)amqp_exchange_declare(b->state, BROKER_CHANNEL, broker_bytes(name), broker_bytes(type), 0,
                                1, 0, 0, NONE);
    return check(b, amqp_get_rpc_reply(b->state), err);
}

static amqp_table_entry_t argument(const char *key, const char *value)
{
    return (amqp_table_entry_t){
        .key = broker_bytes(key),
        .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = broker_bytes(value)}}};
}

int broker_queue(struct broker *b, const char *name, const char *dead, const char *dead_key,
                 struct error *err)
{
    amqp_table_entry_t entries[6];
    int n = 0;
    entries[n++] = argument("x-queue-type", "quorum");
    /* What is given back so often kills who takes it. */
    entries[n++] =
        (amqp_table_entry_t){.key = broker_bytes("x-delivery-limit"),
                             .value = {.kind = AMQP_FIELD_KIND_I32, .value = {.i32 = GIVEN_MAX}}};
    if (dead != NULL) {
        /* Passed on with a confirmation, as everything else. */
        entries[n++] = argument("x-dead-letter-exchange", dead);
        entries[n++] = argument("x-dead-letter-strategy", "at-least-once");
        entries[n++] = argument("x-overflow", "reject-publish");
    }
    if (dead_key != NULL)
        entries[n++] = argument("x-dead-letter-routing-key", dead_key);
    const amqp_table_t arguments = {.num_entries = n, .entries = entries};
    (void)amqp_queue_declare(b->state, BROKER_CHANNEL, broker_bytes(name), 0, 1, 0, 0, arguments);
    return check(b, amqp_get_rpc_reply(b->state), err);
}

int broker_queue_look(struct broker *b, const char *name, int64_t *ret_messages,
                      int64_t *ret_consumers, struct error *err)
{
    const amqp_queue_declare_ok_t *found =
        amqp_queue_declare(b->state, BROKER_CHANNEL, broker_bytes(name), 1, 1, 0, 0, NONE);
    int code = check(b, amqp_get_rpc_reply(b->state), err);
    if (code != ERR_OK || found == NULL) {
        broker_drop(b, err); /* the broker has closed the channel */
        return code;
    }
    *ret_messages = found->message_count;
    *ret_consumers = found->consumer_count;
    return ERR_OK;
}

int broker_bind(struct broker *b, const char *queue, const char *exchange, const char *key,
                struct error *err)
{
    (void)amqp_queue_bind(b->state, BROKER_CHANNEL, broker_bytes(queue), broker_bytes(exchange),
                          broker_bytes(key), NONE);
    return check(b, amqp_get_rpc_reply(b->state), err);
}

#endif
