#include "run_record.h"

#include "core/clock.h"
#include "core/datetime.h"
#include "core/fileio.h"
#include "core/secret.h"
#include "core/trace.h"
#include "format/jsonx.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define METRICS_MAX_BYTES ((size_t)16 << 20)

struct run_record {
    const char *json_file, *metrics_file;
    struct strbuf json;
    struct jwriter writer;
    struct strbuf samples; /* one a line, families in no order */
    struct strbuf names;   /* |pipeline|pipeline| of the samples */
};

struct run_record *run_record_new(const char *json_file, const char *metrics_file)
{
    if (json_file == NULL && metrics_file == NULL)
        return NULL;
    struct run_record *r = mem_alloc(sizeof *r);
    r->json_file = json_file;
    r->metrics_file = metrics_file;
    strbuf_init(&r->json, (size_t)256 << 20);
    strbuf_init(&r->samples, METRICS_MAX_BYTES);
    strbuf_init(&r->names, METRICS_MAX_BYTES);
    strbuf_addch(&r->names, '|');
    jwriter_init(&r->writer, &r->json);
    jwriter_object(&r->writer);
    jwriter_kstring(&r->writer, "trace_id", trace_id());
    jwriter_key(&r->writer, "runs");
    jwriter_array(&r->writer);
    return r;
}

/* ---- JSON ------------------------------------------------------------------------------- */

struct count_name {
    const char *name;
    size_t offset;
};
static const struct count_name counts[] = {
    {"read", offsetof(struct stream_counts, read)},
    {"inserted", offsetof(struct stream_counts, inserted)},
    {"updated", offsetof(struct stream_counts, updated)},
    {"unchanged", offsetof(struct stream_counts, unchanged)},
    {"deleted", offsetof(struct stream_counts, deleted)},
    {"superseded", offsetof(struct stream_counts, superseded)},
    {"rejected", offsetof(struct stream_counts, rejected)},
    {"skipped", offsetof(struct stream_counts, skipped)},
    {"findings", offsetof(struct stream_counts, findings)}};

static int64_t count_of(const struct stream_report *s, size_t i)
{
    return *(const int64_t *)(const void *)((const char *)&s->counts + counts[i].offset);
}

static int64_t per_second(int64_t n, int64_t elapsed_ms)
{
    return elapsed_ms > 0 ? n * 1000 / elapsed_ms : 0;
}

static void write_parts(struct jwriter *w, const struct stream_report *s)
{
    jwriter_key(w, "left_behind");
    jwriter_array(w);
    for (size_t i = 0; i < s->nparts; i++) {
        const struct part_report *p = &s->parts[i];
        jwriter_object(w);
        if (p->child[0] != '\0')
            jwriter_kraw(w, "child", p->child);
        if (p->window_start[0] != '\0')
            jwriter_kstring(w, "window_start", p->window_start);
        jwriter_kstring(w, "error", p->error);
        jwriter_end(w);
    }
    jwriter_end(w);
}

static void write_stream(struct jwriter *w, const struct stream_report *s)
{
    jwriter_object(w);
    jwriter_kstring(w, "pipeline", s->pipeline);
    jwriter_kstring(w, "stream", s->stream);
    jwriter_kstring(w, "status", s->status);
    jwriter_kstring(w, "target", s->target);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        jwriter_kint(w, counts[i].name, count_of(s, i));
    jwriter_kint(w, "accepted", s->counts.accepted);
    jwriter_kint(w, "bytes", (int64_t)s->bytes);
    jwriter_kint(w, "elapsed_ms", s->elapsed_ms);
    jwriter_kint(w, "rows_per_second", per_second(s->counts.read, s->elapsed_ms));
    jwriter_kint(w, "bytes_per_second", per_second((int64_t)s->bytes, s->elapsed_ms));
    if (s->slices > 0 || s->left_behind > 0) {
        jwriter_kint(w, "slices", s->slices);
        jwriter_kint(w, "slices_left_behind", s->left_behind);
        write_parts(w, s);
    }
    jwriter_kstring(w, "error", s->error);
    jwriter_kstring(w, "hint", s->hint != NULL && s->hint[0] != '\0' ? s->hint : NULL);
    jwriter_end(w);
}

static void write_run(struct jwriter *w, const char *pipeline, const struct run_report *report,
                      enum run_kind kind, int64_t elapsed_ms, const struct error *err)
{
    char finished[DATETIME_ISO_MAX];
    datetime_print(clock_wall_us(), NULL, finished);
    jwriter_object(w);
    jwriter_kstring(w, "pipeline", pipeline);
    jwriter_key(w, "run_id");
    if (report->run_id != 0)
        jwriter_int(w, report->run_id);
    else
        jwriter_null(w);
    jwriter_kbool(w, "dry_run", kind == RUN_DRY);
    jwriter_kstring(w, "status",
                    report->code == ERR_OK        ? "succeeded"
                    : report->code == ERR_PARTIAL ? "partial"
                                                  : "failed");
    jwriter_kint(w, "exit_status", error_exit_status(report->code));
    jwriter_kstring(w, "error", report->code != ERR_OK ? err->message : NULL);
    jwriter_kstring(w, "hint", report->code != ERR_OK && err->hint[0] != '\0' ? err->hint : NULL);
    jwriter_kstring(w, "finished_at", finished);
    jwriter_kint(w, "elapsed_ms", elapsed_ms);
    jwriter_key(w, "streams");
    jwriter_array(w);
    for (size_t i = 0; i < report->nstreams; i++)
        write_stream(w, &report->streams[i]);
    jwriter_end(w);
    jwriter_end(w);
}

/* ---- metrics ---------------------------------------------------------------------------- */

struct family {
    const char *name, *help;
    bool is_lasting; /* an older sample holds until there is a newer one */
};
static const struct family families[] = {
    {"diner_run_timestamp_seconds", "when the last run ended"},
    {"diner_run_last_success_timestamp_seconds", "when the last successful run ended", true},
    {"diner_run_success", "1 when the last run succeeded"},
    {"diner_run_exit_status", "exit status of the last run"},
    {"diner_run_duration_seconds", "how long the last run took"},
    {"diner_stream_rows", "rows of the last run by what became of them"},
    {"diner_stream_bytes", "bytes read by the last run"},
    {"diner_stream_duration_seconds", "how long the stream took in the last run"},
    {"diner_stream_left_behind", "children and windows that failed in the last run"},
    {"diner_stream_cursor_timestamp_seconds", "how far the stream has read: its cursor", true}};

static void add_run_samples(struct run_record *r, const char *pipeline,
                            const struct run_report *report, int64_t elapsed_ms)
{
    struct strbuf *out = &r->samples;
    int64_t now_s = clock_wall_us() / 1000000;
    strbuf_addf(&r->names, "%s|", pipeline);
    strbuf_addf(out, "diner_run_timestamp_seconds{pipeline=\"%s\"} %" PRId64 "\n", pipeline, now_s);
    if (report->code == ERR_OK)
        strbuf_addf(out, "diner_run_last_success_timestamp_seconds{pipeline=\"%s\"} %" PRId64 "\n",
                    pipeline, now_s);
    strbuf_addf(out, "diner_run_success{pipeline=\"%s\"} %d\n", pipeline, report->code == ERR_OK);
    strbuf_addf(out, "diner_run_exit_status{pipeline=\"%s\"} %d\n", pipeline,
                error_exit_status(report->code));
    strbuf_addf(out, "diner_run_duration_seconds{pipeline=\"%s\"} %.3f\n", pipeline,
                (double)elapsed_ms / 1000);
}

static void add_stream_samples(struct run_record *r, const char *pipeline,
                               const struct stream_report *s)
{
    struct strbuf *out = &r->samples;
    char labels[300];
    snprintf(labels, sizeof labels, "pipeline=\"%s\",stream=\"%s.%s\"", pipeline, s->pipeline,
             s->stream);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        strbuf_addf(out, "diner_stream_rows{%s,kind=\"%s\"} %" PRId64 "\n", labels, counts[i].name,
                    count_of(s, i));
    strbuf_addf(out, "diner_stream_bytes{%s} %" PRIu64 "\n", labels, s->bytes);
    strbuf_addf(out, "diner_stream_duration_seconds{%s} %.3f\n", labels,
                (double)s->elapsed_ms / 1000);
    strbuf_addf(out, "diner_stream_left_behind{%s} %" PRId64 "\n", labels, s->left_behind);
    if (s->cursor_us != 0)
        strbuf_addf(out, "diner_stream_cursor_timestamp_seconds{%s} %" PRId64 "\n", labels,
                    s->cursor_us / 1000000);
}

static bool is_of_family(const char *line, const char *family)
{
    size_t n = strlen(family);
    return strncmp(line, family, n) == 0 && line[n] == '{';
}

/* Of an earlier file: samples of pipelines that did not run now, and what holds until it is new. */
static bool is_kept(const struct run_record *r, const char *line, const struct family *family)
{
    const char *from = strstr(line, "pipeline=\""), *end = strchr(line, '}');
    const char *to = from != NULL ? strchr(from + 10, '"') : NULL;
    if (!is_of_family(line, family->name) || to == NULL || end == NULL)
        return false;
    AUTO_STRBUF struct strbuf needle = {0};
    strbuf_init(&needle, 4096);
    strbuf_addf(&needle, "|%.*s|", (int)(to - from - 10), from + 10);
    if (strstr(r->names.data, needle.data) == NULL)
        return true;
    if (!family->is_lasting)
        return false;
    strbuf_clear(&needle);
    strbuf_addf(&needle, "%.*s", (int)(end + 1 - line), line);
    return strstr(r->samples.data, needle.data) == NULL;
}

static void add_lines(const struct run_record *r, const struct strbuf *from,
                      const struct family *family, bool is_old, struct strbuf *out)
{
    for (const char *line = from->data; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        size_t n = end != NULL ? (size_t)(end - line) : strlen(line);
        if (is_old ? is_kept(r, line, family) : is_of_family(line, family->name))
            strbuf_addf(out, "%.*s\n", (int)n, line);
        line = end != NULL ? end + 1 : NULL;
    }
}

static int write_file(const char *path, const struct strbuf *text, struct error *err)
{
    struct atomic_file *f;
    if (text->overflow)
        return error_set(err, ERR_LIMIT, "'%s' would be too large", path);
    TRY(atomic_file_open(path, &f, err));
    if (atomic_file_write(f, text->data, text->len, err) != 0) {
        atomic_file_discard(f);
        return err->code;
    }
    return atomic_file_commit(f, err);
}

static void add_family(const struct family *f, struct strbuf *out)
{
    strbuf_addf(out, "# HELP %s %s\n# TYPE %s gauge\n", f->name, f->help, f->name);
}

void run_record_families(struct strbuf *out)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        add_family(&families[i], out);
}

static int write_metrics(const struct run_record *r, struct error *err)
{
    AUTO_STRBUF struct strbuf old = {0}, out = {0};
    strbuf_init(&old, METRICS_MAX_BYTES + 1);
    strbuf_init(&out, 2 * METRICS_MAX_BYTES);
    if (file_read(r->metrics_file, METRICS_MAX_BYTES, &old, err) != 0 && err->code != ERR_NOT_FOUND)
        return err->code;
    error_clear(err);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        add_family(&families[i], &out);
        add_lines(r, &old, &families[i], true, &out);
        add_lines(r, &r->samples, &families[i], false, &out);
    }
    return write_file(r->metrics_file, &out, err);
}

/* ---- both ------------------------------------------------------------------------------- */

void run_record_add(struct run_record *r, const char *pipeline, const struct run_report *report,
                    enum run_kind kind, int64_t elapsed_ms, const struct error *err)
{
    if (r == NULL)
        return;
    write_run(&r->writer, pipeline, report, kind, elapsed_ms, err);
    /* A second one that found the first at work did not run: the first will tell. */
    if (kind != RUN_LOAD || report->code == ERR_RUNNING)
        return;
    add_run_samples(r, pipeline, report, elapsed_ms);
    for (size_t i = 0; i < report->nstreams; i++)
        add_stream_samples(r, pipeline, &report->streams[i]);
}

int run_record_end(struct run_record *r, struct error *err)
{
    int code = 0;
    if (r == NULL)
        return 0;
    jwriter_end(&r->writer);
    jwriter_end(&r->writer);
    strbuf_addch(&r->json, '\n');
    if (r->json_file != NULL) {
        secret_redact(&r->json);
        code = write_file(r->json_file, &r->json, err);
    }
    if (r->metrics_file != NULL && code == 0)
        code = write_metrics(r, err);
    strbuf_release(&r->json);
    strbuf_release(&r->samples);
    strbuf_release(&r->names);
    free(r);
    return code;
}
