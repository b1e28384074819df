#include "net/otlp.h"

#include "core/secret.h"
#include "format/jsonx.h"
#include "net/http.h"

#include <inttypes.h>
#include <stdio.h>

#define BODY_BYTES_MAX  ((size_t)64 << 20)
#define TIMEOUT_MS      5000
#define STATUS_OF_ERROR 2

/* ---- the body ------------------------------------------------------------------------------- */

/* {"key":...,"value":{"stringValue":...}}; 64-bit numbers are texts in OTLP's JSON. */
static void write_attribute(struct jwriter *w, const char *key, const char *text, int64_t number)
{
    char digits[24];
    jwriter_object(w);
    jwriter_kstring(w, "key", key);
    jwriter_key(w, "value");
    jwriter_object(w);
    snprintf(digits, sizeof digits, "%" PRId64, number);
    jwriter_kstring(w, text != NULL ? "stringValue" : "intValue", text != NULL ? text : digits);
    jwriter_end(w);
    jwriter_end(w);
}

static void write_time(struct jwriter *w, const char *key, int64_t us)
{
    char ns[32];
    snprintf(ns, sizeof ns, "%" PRId64 "000", us);
    jwriter_kstring(w, key, ns);
}

static void write_span(struct jwriter *w, const struct trace_span *s)
{
    jwriter_object(w);
    jwriter_kstring(w, "traceId", s->trace_id);
    jwriter_kstring(w, "spanId", s->id);
    if (s->parent[0] != '\0')
        jwriter_kstring(w, "parentSpanId", s->parent);
    jwriter_kstring(w, "name", s->name);
    jwriter_kint(w, "kind", s->kind);
    write_time(w, "startTimeUnixNano", s->start_us);
    write_time(w, "endTimeUnixNano", s->end_us);
    jwriter_key(w, "attributes");
    jwriter_array(w);
    for (size_t i = 0; i < s->nattributes; i++)
        write_attribute(w, s->attributes[i].key, s->attributes[i].text, s->attributes[i].number);
    jwriter_end(w);
    if (s->failure[0] != '\0') {
        jwriter_key(w, "status");
        jwriter_object(w);
        jwriter_kint(w, "code", STATUS_OF_ERROR);
        jwriter_kstring(w, "message", s->failure);
        jwriter_end(w);
    }
    jwriter_end(w);
}

static void write_resource(struct jwriter *w, const struct otlp_options *o, uint64_t dropped)
{
    jwriter_key(w, "resource");
    jwriter_object(w);
    jwriter_key(w, "attributes");
    jwriter_array(w);
    write_attribute(w, "service.name", o->service_name, 0);
    write_attribute(w, "service.version", DINER_VERSION, 0);
    if (dropped > 0)
        write_attribute(w, "diner.spans_dropped", NULL, (int64_t)dropped);
    jwriter_end(w);
    jwriter_end(w);
}

/* The body of that request. */
static void otlp_write(const struct otlp_options *options, const struct trace_span *spans,
                       size_t count, uint64_t dropped, struct strbuf *out)
{
    struct jwriter w;
    jwriter_init(&w, out);
    jwriter_object(&w);
    jwriter_key(&w, "resourceSpans");
    jwriter_array(&w);
    jwriter_object(&w);
    write_resource(&w, options, dropped);
    jwriter_key(&w, "scopeSpans");
    jwriter_array(&w);
    jwriter_object(&w);
    jwriter_key(&w, "scope");
    jwriter_object(&w);
    jwriter_kstring(&w, "name", "diner");
    jwriter_end(&w);
    jwriter_key(&w, "spans");
    jwriter_array(&w);
    for (size_t i = 0; i < count; i++)
        write_span(&w, &spans[i]);
    for (int depth = 0; depth < 6; depth++)
        jwriter_end(&w);
}

/* ---- the request ---------------------------------------------------------------------------- */

static int send_body(const struct otlp_options *o, struct span body, struct error *err)
{
    AUTO_STRBUF struct strbuf url = {0};
    const struct http_options options = {
        .timeout_ms = TIMEOUT_MS, .ca_file = o->ca_file, .retry.max_attempts = 1};
    struct http_client *client = NULL;
    strbuf_init(&url, 0);
    strbuf_addf(&url, "%s/v1/traces", o->endpoint);
    TRY(http_client_new(&options, &client, err));
    int code = http_tell(client, url.data, o->token, body, err);
    http_client_free(client);
    return code;
}

int otlp_send(const struct otlp_options *options, const struct trace_span *spans, size_t count,
              uint64_t dropped, struct error *err)
{
    AUTO_STRBUF struct strbuf body = {0};
    strbuf_init(&body, BODY_BYTES_MAX);
    otlp_write(options, spans, count, dropped, &body);
    secret_redact(&body); /* the addresses of some robots are secrets */
    if (body.overflow)
        return error_set(err, ERR_LIMIT, "the spans are over 64 MiB");
    return send_body(options, (struct span){body.data, body.len}, err);
}
