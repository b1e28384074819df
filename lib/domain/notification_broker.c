/* lib/domain/notification_broker.c - events relayed to a message broker, under their type. */
#include "domain/event_broker.h"
#include "domain/notification_internal.h"
#include <string.h>

static bool is_declared(const struct notification_options *o)
{
    return o->places[NOTIFICATION_RABBITMQ].url != NULL;
}

static int open_broker(struct notification_way *w, struct arena *arena, struct error *err)
{
    const struct notification_options *o = w->options;
    (void)arena;
    return broker_new(&(struct broker_options){.url = w->place->url,
                                               .password = w->place->secret,
                                               .ca_file = o->ca_file,
                                               .connect_timeout_ms = o->connect_timeout_ms,
                                               .timeout_ms = o->timeout_ms,
                                               .declare = event_broker_declare},
                      &w->broker, err);
}

struct sending {
    enum notification_outcome *outcome;
    struct error *failure;
};

/* What is not confirmed goes again, under the same message_id: who takes it can tell. */
static void decide(void *self, const struct error *failure)
{
    struct sending *s = self;
    *s->outcome = failure->code == ERR_OK ? NOTIFICATION_ACCEPTED : NOTIFICATION_LATER;
    *s->failure = *failure;
}

static int broker_post(const struct notification_way *w, const struct notification_message *m,
                       struct arena *arena, enum notification_outcome *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf body = {0};
    strbuf_init(&body, NOTIFICATION_BYTES_MAX);
    notification_event_body(m, &body);
    *ret = NOTIFICATION_REFUSED;
    if (body.overflow || strlen(m->type) > UINT8_MAX)
        return error_set(err, ERR_LIMIT, "the message is too long for the broker");
    struct sending *sending = arena_alloc(arena, sizeof *sending);
    *sending = (struct sending){ret, err};
    broker_publish(w->broker, &(struct broker_message){.exchange = EVENT_EXCHANGE,
                                                       .key = m->type,
                                                       .id = m->id,
                                                       .type = m->type,
                                                       .created_s = m->created_s,
                                                       .body = {body.data, body.len},
                                                       .done = decide,
                                                       .self = sending});
    return ERR_OK;
}

static void await_all(const struct notification_way *w)
{
    broker_flush(w->broker);
}

static int preview(const struct notification_way *w, const struct notification_message *m,
                   struct strbuf *out, struct error *err)
{
    (void)w, (void)err;
    strbuf_addf(out, "exchange: %s\nrouting key: %s\n\n", EVENT_EXCHANGE, m->type);
    notification_event_body(m, out);
    return ERR_OK;
}

const struct notification_ops notification_broker = {.whom = "the broker",
                                                     .is_idempotent = true,
                                                     .is_patient = true,
                                                     .is_declared = is_declared,
                                                     .open = open_broker,
                                                     .send = broker_post,
                                                     .finish = await_all,
                                                     .preview = preview};
