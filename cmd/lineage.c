#include "cmd/lineage.h"
#include "core/clock.h"
#include "core/datetime.h"
#include "core/log.h"
#include "core/secret.h"
#include "format/jsonx.h"
#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_MS      5000
#define EVENT_BYTES_MAX ((size_t)1 << 20)
#define PRODUCER        "urn:diner:" DINER_VERSION
#define SPEC            "https://openlineage.io/spec/"

struct lineage {
    const struct settings *settings;
    struct http_client *client;
    char *url;
    char *token;     /* or NULL */
    char run_id[37]; /* of the stream at work */
};

/* ---- one event ------------------------------------------------------------------------------ */

static void write_named(struct jwriter *w, const struct lineage *l, const char *name)
{
    jwriter_kstring(w, "namespace", l->settings->lineage_namespace);
    jwriter_kstring(w, "name", name);
}

static void begin_facet(struct jwriter *w, const char *name, const char *schema)
{
    jwriter_key(w, name);
    jwriter_object(w);
    jwriter_kstring(w, "_producer", PRODUCER);
    jwriter_kstring(w, "_schemaURL", schema);
}

static void write_failure(struct jwriter *w, const struct stream_report *r)
{
    begin_facet(w, "errorMessage", SPEC "facets/1-0-1/ErrorMessageRunFacet.json");
    jwriter_kstring(w, "message", r->error != NULL ? r->error : r->status);
    jwriter_kstring(w, "programmingLanguage", "C");
    jwriter_end(w);
}

static void write_run(struct jwriter *w, const struct lineage *l, const struct stream_report *r)
{
    jwriter_key(w, "run");
    jwriter_object(w);
    jwriter_kstring(w, "runId", l->run_id);
    jwriter_key(w, "facets");
    jwriter_object(w);
    if (r != NULL && r->code != ERR_OK)
        write_failure(w, r);
    jwriter_end(w);
    jwriter_end(w);
}

/* One dataset, or none when it has no name. */
static void begin_datasets(struct jwriter *w, const struct lineage *l, const char *key,
                           const char *name)
{
    jwriter_key(w, key);
    jwriter_array(w);
    if (name == NULL || *name == '\0')
        return;
    jwriter_object(w);
    write_named(w, l, name);
}

static void end_datasets(struct jwriter *w, const char *name)
{
    if (name != NULL && *name != '\0')
        jwriter_end(w);
    jwriter_end(w);
}

static void write_datasets(struct jwriter *w, const struct lineage *l,
                           const struct stream_report *r)
{
    const char *source = r != NULL ? r->source : NULL, *target = r != NULL ? r->target : NULL;
    begin_datasets(w, l, "inputs", source);
    end_datasets(w, source);
    begin_datasets(w, l, "outputs", target);
    if (target != NULL && *target != '\0') {
        jwriter_key(w, "outputFacets");
        jwriter_object(w);
        begin_facet(w, "outputStatistics",
                    SPEC "facets/1-0-2/OutputStatisticsOutputDatasetFacet.json");
        jwriter_kint(w, "rowCount", r->counts.inserted + r->counts.updated);
        jwriter_end(w);
        jwriter_end(w);
    }
    end_datasets(w, target);
}

static void write_event(const struct lineage *l, const char *type, const char *pipeline,
                        const char *stream, const struct stream_report *r, struct strbuf *out)
{
    struct jwriter w;
    char now[DATETIME_ISO_MAX], job[256];
    datetime_print(clock_wall_us(), NULL, now);
    (void)snprintf(job, sizeof job, "%s.%s", pipeline, stream);
    jwriter_init(&w, out);
    jwriter_object(&w);
    jwriter_kstring(&w, "eventType", type);
    jwriter_kstring(&w, "eventTime", now);
    jwriter_kstring(&w, "producer", PRODUCER);
    jwriter_kstring(&w, "schemaURL", SPEC "2-0-2/OpenLineage.json#/$defs/RunEvent");
    write_run(&w, l, r);
    jwriter_key(&w, "job");
    jwriter_object(&w);
    write_named(&w, l, job);
    jwriter_end(&w);
    write_datasets(&w, l, r);
    jwriter_end(&w);
}

/* ---- sending -------------------------------------------------------------------------------- */

static void stop(struct lineage *l, const struct error *err)
{
    log_warn("lineage is not sent: %s", err->message);
    http_client_free(l->client);
    l->client = NULL;
}

static void send_event(struct lineage *l, const char *type, const char *pipeline,
                       const char *stream, const struct stream_report *r)
{
    AUTO_STRBUF struct strbuf event = {0};
    struct error err = ERROR_INIT;
    if (l->client == NULL)
        return;
    strbuf_init(&event, EVENT_BYTES_MAX);
    write_event(l, type, pipeline, stream, r, &event);
    secret_redact(&event);
    if (http_tell(l->client, l->url, l->token, (struct span){event.data, event.len}, &err) != 0)
        stop(l, &err);
}

/* ---- a run ---------------------------------------------------------------------------------- */

static int open_client(struct lineage *l, struct error *err)
{
    const struct http_options options = {
        .timeout_ms = TIMEOUT_MS, .ca_file = l->settings->lineage_ca_file, .retry.max_attempts = 1};
    if (l->settings->lineage_token != NULL)
        TRY(secret_resolve(l->settings->lineage_token, &l->token, err));
    return http_client_new(&options, &l->client, err);
}

struct lineage *lineage_begin(struct cli *cli)
{
    const struct settings *s = config_settings(cli->config);
    AUTO_STRBUF struct strbuf url = {0};
    struct error err = ERROR_INIT;
    if (s->lineage_url == NULL)
        return NULL;
    struct lineage *l = mem_alloc(sizeof *l);
    l->settings = s;
    strbuf_init(&url, 0);
    strbuf_addf(&url, "%s/api/v1/lineage", s->lineage_url);
    l->url = mem_strdup(url.data);
    if (open_client(l, &err) != 0)
        stop(l, &err);
    return l;
}

void lineage_stream_begin(struct lineage *l, const char *pipeline, const char *stream)
{
    if (l == NULL)
        return;
    clock_random_uuid(l->run_id);
    send_event(l, "START", pipeline, stream, NULL);
}

void lineage_stream_end(struct lineage *l, const struct stream_report *r)
{
    if (l == NULL || l->run_id[0] == '\0') /* skipped: it never began */
        return;
    send_event(l,
               r->code == ERR_OK          ? "COMPLETE"
               : r->code == ERR_CANCELLED ? "ABORT"
                                          : "FAIL",
               r->pipeline, r->stream, r);
    l->run_id[0] = '\0';
}

void lineage_end(struct lineage *l)
{
    if (l == NULL)
        return;
    http_client_free(l->client);
    secret_free(l->token);
    free(l->url);
    free(l);
}
