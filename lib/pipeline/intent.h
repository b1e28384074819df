/* lib/pipeline/intent.h - writes to APIs that survive any crash.
 *
 * An intent (idempotency key, body) is committed before it is sent. After a crash the next run
 * sends what is still pending again, with the same key and body, before it reads anything: the
 * remote side recognises the key, so nothing is applied twice. */
#ifndef DINER_PIPELINE_INTENT_H
#define DINER_PIPELINE_INTENT_H

#include "pipeline/stream.h"

/* Inside the open transaction. */
int intent_add(const struct stream_context *ctx, const char *connector, const char *resource,
               struct span body, int64_t nrows, struct error *err);

struct intent_result {
    int64_t sent, accepted, refused; /* rows */
};
/* Sends the pending intents of the stream, or of the whole pipeline when ctx->stream is NULL, in
 * order, each in its own transaction. Refused records become rejects of ctx->rejects if that is
 * set. A refusal of a whole request marks it refused and fails. */
int intent_send_pending(const struct stream_context *ctx, struct intent_result *ret,
                        struct error *err);

#endif
