/* lib/domain/event_broker.h - what stands on the broker, by name.
 *
 * Events go to the topic exchange "orders" under their type; diner.orders takes "order.#" for
 * `diner worker`, others bind queues of their own. diner.tasks has what a worker is asked to do;
 * diner.later what is to be tried again, until it expires into diner.tasks. What cannot be done is
 * in diner.dead. All are durable, the queues quorum queues. */
#ifndef DINER_DOMAIN_EVENT_BROKER_H
#define DINER_DOMAIN_EVENT_BROKER_H

#include "net/broker.h"

#define EVENT_EXCHANGE "orders"
#define EVENT_QUEUE    "diner.orders"
#define EVENT_TASKS    "diner.tasks"
#define EVENT_LATER    "diner.later"
#define EVENT_DEAD     "diner.dead" /* the exchange (fanout) and its queue */
#define EVENT_TYPE_RUN "pipeline.run"

/* For broker_options: declares all of it; no change when it is there. */
int event_broker_declare(struct broker *b, struct error *err);

#endif
