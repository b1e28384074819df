/* lib/domain/event_broker.c - exchanges and queues. */
#include "domain/event_broker.h"

int event_broker_declare(struct broker *b, struct error *err)
{
    TRY(broker_exchange(b, EVENT_EXCHANGE, "topic", err));
    TRY(broker_exchange(b, EVENT_DEAD, "fanout", err));
    TRY(broker_queue(b, EVENT_DEAD, NULL, NULL, err));
    TRY(broker_bind(b, EVENT_DEAD, EVENT_DEAD, "", err));
    TRY(broker_queue(b, EVENT_QUEUE, EVENT_DEAD, NULL, err));
    TRY(broker_bind(b, EVENT_QUEUE, EVENT_EXCHANGE, "order.#", err));
    TRY(broker_queue(b, EVENT_TASKS, EVENT_DEAD, NULL, err));
    return broker_queue(b, EVENT_LATER, "", EVENT_TASKS, err);
}
