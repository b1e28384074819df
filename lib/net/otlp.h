/* lib/net/otlp.h - spans to a collector: OTLP over HTTP, in its JSON form.
 * Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp */
#ifndef DINER_NET_OTLP_H
#define DINER_NET_OTLP_H

#include "core/error.h"
#include "core/strbuf.h"
#include "core/trace_span.h"

struct otlp_options {
    const char *endpoint; /* "http://127.0.0.1:4318": /v1/traces is added */
    const char *token;    /* sent as a bearer token, or NULL */
    const char *service_name;
    const char *ca_file; /* NULL: the system's */
};
/* One request of at most 5 s, not repeated: traces may be lost, work may not wait for them. It is
 * in no trace itself. Errors as those of http_send and http_response_check. */
int otlp_send(const struct otlp_options *options, const struct trace_span *spans, size_t count,
              uint64_t dropped, struct error *err);

#endif
