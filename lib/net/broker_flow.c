/* lib/net/broker_flow.c - what goes to an AMQP broker and what comes from it. */
#ifdef DINER_HAVE_RABBITMQ

#include "core/clock.h"
#include "net/broker_internal.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* So much fits into the sockets' buffers: a broker that reads no more is found out by the wait for
 * its confirmations, which has a limit. */
#define BYTES_IN_FLIGHT ((size_t)256 << 10)
/* Without a heartbeat for twice HEARTBEAT_S the broker hangs up. */
#define IDLE_MS 15000
#define BEAT_S  10

#define HEADER_REASON   "diner-reason"
#define HEADER_ATTEMPTS "diner-attempts"

/* ---- frames ------------------------------------------------------------------------------- */

static bool is_method(const amqp_frame_t *f, amqp_method_number_t id)
{
    return f->frame_type == AMQP_FRAME_METHOD && f->payload.method.id == id;
}

/* frame_type 0: none came. What earlier frames pointed to is gone. */
static int next_frame(struct broker *b, int64_t wait_ms, amqp_frame_t *ret, struct error *err)
{
    const struct timeval limit = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    amqp_maybe_release_buffers(b->state);
    *ret = (amqp_frame_t){0};
    int status = amqp_simple_wait_frame_noblock(b->state, ret, &limit);
    b->used_ms = clock_monotonic_ms();
    if (status == AMQP_STATUS_TIMEOUT) {
        ret->frame_type = 0;
        return ERR_OK;
    }
    if (status != AMQP_STATUS_OK)
        return broker_fail_status(b, status, err);
    if (is_method(ret, AMQP_CHANNEL_CLOSE_METHOD) || is_method(ret, AMQP_CONNECTION_CLOSE_METHOD))
        return broker_fail_close(b, &ret->payload.method, err);
    return ERR_OK;
}

/* ---- publishing --------------------------------------------------------------------------- */

static void settle_one(struct broker *b, uint64_t tag, const struct error *failure)
{
    struct broker_pending *p = &b->pending[tag % BROKER_IN_FLIGHT];
    if (tag < b->first || tag >= b->next || !p->is_open)
        return;
    p->is_open = false;
    b->bytes -= p->bytes;
    p->done(p->self, failure);
}

static void settle(struct broker *b, uint64_t tag, bool is_multiple, const struct error *failure)
{
    for (uint64_t t = b->first; is_multiple && t < tag; t++)
        settle_one(b, t, failure);
    settle_one(b, tag, failure);
    while (b->first != b->next && !b->pending[b->first % BROKER_IN_FLIGHT].is_open)
        b->first++;
}

/* One answer of the broker. */
static int await_confirm(struct broker *b, struct error *err)
{
    const struct error confirmed = ERROR_INIT;
    struct error refused = ERROR_INIT;
    amqp_frame_t f;
    TRY(next_frame(b, b->timeout_ms, &f, err));
    if (f.frame_type == 0)
        return error_set(err, ERR_UNAVAILABLE, "the broker at %s confirmed nothing in %.1f s",
                         b->address, (double)b->timeout_ms / 1000);
    if (is_method(&f, AMQP_BASIC_ACK_METHOD)) {
        const amqp_basic_ack_t *ack = f.payload.method.decoded;
        settle(b, ack->delivery_tag, ack->multiple != 0, &confirmed);
    } else if (is_method(&f, AMQP_BASIC_NACK_METHOD)) {
        const amqp_basic_nack_t *nack = f.payload.method.decoded;
        error_set(&refused, ERR_UNAVAILABLE, "the broker at %s could not keep the message",
                  b->address);
        settle(b, nack->delivery_tag, nack->multiple != 0, &refused);
    }
    return ERR_OK;
}

static int publish(struct broker *b, const struct broker_message *m, struct error *err)
{
    amqp_table_entry_t headers[2];
    char expires[24];
    int n = 0;
    if (m->reason != NULL)
        headers[n++] = (amqp_table_entry_t){
            .key = broker_bytes(HEADER_REASON),
            .value = {.kind = AMQP_FIELD_KIND_UTF8, .value = {.bytes = broker_bytes(m->reason)}}};
    if (m->attempts > 0)
        headers[n++] = (amqp_table_entry_t){
            .key = broker_bytes(HEADER_ATTEMPTS),
            .value = {.kind = AMQP_FIELD_KIND_I64, .value = {.i64 = m->attempts}}};
    amqp_basic_properties_t p = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                  AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_TIMESTAMP_FLAG |
                  AMQP_BASIC_APP_ID_FLAG | AMQP_BASIC_HEADERS_FLAG,
        .content_type = broker_bytes("application/json"),
        .delivery_mode = AMQP_DELIVERY_PERSISTENT,
        .message_id = broker_bytes(m->id),
        .type = broker_bytes(m->type),
        .timestamp = (uint64_t)m->created_s,
        .app_id = broker_bytes("diner"),
        .headers = {.num_entries = n, .entries = headers}};
    if (m->expires_in_ms > 0) {
        snprintf(expires, sizeof expires, "%lld", (long long)m->expires_in_ms);
        p._flags |= AMQP_BASIC_EXPIRATION_FLAG;
        p.expiration = broker_bytes(expires);
    }
    int status = amqp_basic_publish(b->state, BROKER_CHANNEL, broker_bytes(m->exchange),
                                    broker_bytes(m->key), 0, 0, &p, broker_span(m->body));
    return status == AMQP_STATUS_OK ? ERR_OK : broker_fail_status(b, status, err);
}

/* A connection that nobody looked at for a while may be one that the broker has given up. */
static int ready(struct broker *b, size_t bytes, struct error *err)
{
    const struct error idle = {.code = ERR_UNAVAILABLE, .message = "the connection was idle"};
    if (b->first == b->next && clock_monotonic_ms() - b->used_ms > IDLE_MS)
        broker_drop(b, &idle);
    TRY(broker_connect(b, err));
    while (b->first != b->next &&
           (b->next - b->first >= BROKER_IN_FLIGHT || b->bytes + bytes > BYTES_IN_FLIGHT))
        TRY(await_confirm(b, err));
    return ERR_OK;
}

void broker_publish(struct broker *b, const struct broker_message *m)
{
    struct error *err = &b->failure;
    if (err->code == ERR_OK &&
        (ready(b, m->body.len, err) != ERR_OK || publish(b, m, err) != ERR_OK))
        broker_drop(b, err);
    if (err->code != ERR_OK) {
        m->done(m->self, err);
        return;
    }
    b->pending[b->next++ % BROKER_IN_FLIGHT] =
        (struct broker_pending){m->done, m->self, m->body.len, true};
    b->bytes += m->body.len;
}

void broker_flush(struct broker *b)
{
    struct error err = ERROR_INIT;
    while (b->first != b->next)
        if (await_confirm(b, &err) != ERR_OK)
            broker_drop(b, &err);
    error_clear(&b->failure);
}

static void keep_failure(void *self, const struct error *failure)
{
    *(struct error *)self = *failure;
}

int broker_send(struct broker *b, const struct broker_message *m, struct error *err)
{
    struct broker_message own = *m;
    own.done = keep_failure;
    own.self = err;
    broker_publish(b, &own);
    broker_flush(b);
    return err->code;
}

/* ---- consuming ---------------------------------------------------------------------------- */

int broker_consume(struct broker *b, const char *queue, int64_t prefetch, struct error *err)
{
    const amqp_table_t none = {0};
    const amqp_bytes_t tag = broker_bytes(queue); /* so that a delivery says where it is from */
    (void)amqp_basic_qos(b->state, BROKER_CHANNEL, 0, (uint16_t)prefetch, 0);
    amqp_rpc_reply_t reply = amqp_get_rpc_reply(b->state);
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) {
        (void)amqp_basic_consume(b->state, BROKER_CHANNEL, tag, tag, 0, 0, 0, none);
        reply = amqp_get_rpc_reply(b->state);
    }
    if (reply.reply_type == AMQP_RESPONSE_NORMAL)
        return ERR_OK;
    int code = reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION
                   ? broker_fail_close(b, &reply.reply, err)
                   : broker_fail_status(b, reply.library_error, err);
    broker_drop(b, err);
    return code;
}

static const char *text_of(struct arena *arena, amqp_bytes_t bytes)
{
    return arena_strndup(arena, bytes.bytes, bytes.len);
}

static void read_properties(const amqp_basic_properties_t *p, struct arena *arena,
                            struct broker_delivery *ret)
{
    if (p->_flags & AMQP_BASIC_MESSAGE_ID_FLAG)
        ret->id = text_of(arena, p->message_id);
    if (p->_flags & AMQP_BASIC_TYPE_FLAG)
        ret->type = text_of(arena, p->type);
    if (p->_flags & AMQP_BASIC_TIMESTAMP_FLAG)
        ret->created_s = (int64_t)p->timestamp;
    for (int i = 0; (p->_flags & AMQP_BASIC_HEADERS_FLAG) && i < p->headers.num_entries; i++) {
        const amqp_table_entry_t *e = &p->headers.entries[i];
        if (e->value.kind == AMQP_FIELD_KIND_I64 && e->key.len == strlen(HEADER_ATTEMPTS) &&
            memcmp(e->key.bytes, HEADER_ATTEMPTS, e->key.len) == 0)
            ret->attempts = e->value.value.i64;
    }
}

/* The frames that follow a delivery: they are on their way. */
static int content_frame(struct broker *b, uint8_t type, amqp_frame_t *ret, struct error *err)
{
    do {
        TRY(next_frame(b, b->timeout_ms, ret, err));
        if (ret->frame_type == 0)
            return error_set(err, ERR_UNAVAILABLE, "the broker at %s sent half a message",
                             b->address);
    } while (ret->frame_type != type);
    return ERR_OK;
}

static int read_content(struct broker *b, struct arena *arena, struct broker_delivery *ret,
                        struct error *err)
{
    amqp_frame_t f;
    TRY(content_frame(b, AMQP_FRAME_HEADER, &f, err));
    uint64_t size = f.payload.properties.body_size, got = 0;
    read_properties(f.payload.properties.decoded, arena, ret);
    ret->is_too_long = size > BROKER_BODY_MAX;
    char *body = arena_alloc(arena, (ret->is_too_long ? 0 : (size_t)size) + 1);
    while (got < size) {
        TRY(content_frame(b, AMQP_FRAME_BODY, &f, err));
        const amqp_bytes_t *part = &f.payload.body_fragment;
        if (part->len > size - got)
            return error_set(err, ERR_UNAVAILABLE, "the broker at %s sent too much", b->address);
        if (!ret->is_too_long)
            memcpy(body + got, part->bytes, part->len);
        got += part->len;
    }
    ret->body = (struct span){body, ret->is_too_long ? 0 : (size_t)size};
    return ERR_OK;
}

static int next(struct broker *b, int64_t wait_ms, struct arena *arena, struct broker_delivery *ret,
                struct error *err)
{
    amqp_frame_t f;
    TRY(next_frame(b, wait_ms, &f, err));
    if (is_method(&f, AMQP_BASIC_CANCEL_METHOD))
        return error_set(err, ERR_UNAVAILABLE, "the broker at %s deleted the queue", b->address);
    if (!is_method(&f, AMQP_BASIC_DELIVER_METHOD))
        return ERR_OK;
    const amqp_basic_deliver_t *d = f.payload.method.decoded;
    struct broker_delivery got = {.tag = d->delivery_tag, .queue = text_of(arena, d->consumer_tag)};
    TRY(read_content(b, arena, &got, err));
    *ret = got;
    return ERR_OK;
}

int broker_next(struct broker *b, int64_t wait_ms, struct arena *arena, struct broker_delivery *ret,
                struct error *err)
{
    *ret = (struct broker_delivery){0};
    int code = next(b, wait_ms, arena, ret, err);
    if (code != ERR_OK)
        broker_drop(b, err);
    return code;
}

static int answered(struct broker *b, int status, struct error *err)
{
    if (status == AMQP_STATUS_OK)
        return ERR_OK;
    broker_fail_status(b, status, err);
    broker_drop(b, err);
    return err->code;
}

int broker_ack(struct broker *b, uint64_t tag, bool is_multiple, struct error *err)
{
    return answered(b, amqp_basic_ack(b->state, BROKER_CHANNEL, tag, is_multiple), err);
}

int broker_refuse(struct broker *b, uint64_t tag, struct error *err)
{
    return answered(b, amqp_basic_reject(b->state, BROKER_CHANNEL, tag, 0), err);
}

/* ---- while the caller is busy ------------------------------------------------------------- */

/* It only sends: what comes waits in the socket. A failure is seen by the next call. */
static void *keep(void *self)
{
    struct broker *b = self;
    const amqp_frame_t beat = {.frame_type = AMQP_FRAME_HEARTBEAT};
    struct timespec until;
    pthread_mutex_lock(&b->lock);
    while (b->is_kept) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += BEAT_S;
        if (pthread_cond_timedwait(&b->woken, &b->lock, &until) != 0 && b->is_kept)
            (void)amqp_send_frame(b->state, &beat);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

void broker_keep_begin(struct broker *b)
{
    sigset_t all, before;
    if (b->state == NULL)
        return;
    sigfillset(&all);
    b->is_kept = true;
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the caller */
    b->is_kept = pthread_create(&b->keeper, NULL, keep, b) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void broker_keep_end(struct broker *b)
{
    pthread_mutex_lock(&b->lock);
    bool was_kept = b->is_kept;
    b->is_kept = false;
    pthread_cond_signal(&b->woken);
    pthread_mutex_unlock(&b->lock);
    if (was_kept)
        pthread_join(b->keeper, NULL);
}

#endif
