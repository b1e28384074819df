/* The exec source: any program that writes JSON Lines or Singer messages. Its rows count only when
 * it ends with status 0; a STATE it sends is stored in the transaction of the rows before it, and
 * given back to it the next time. */
#include "core/log.h"
#include "core/message.h"
#include "core/secret.h"
#include "format/encoding.h"
#include "pipeline/column.h"
#include "pipeline/source/child.h"
#include "pipeline/source/json_cells.h"
#include "pipeline/source/singer.h"
#include "pipeline/source/where.h"
#include "pipeline/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES  ((size_t)16 << 20)
#define STATE_MAX_BYTES ((size_t)16 << 20)
#define STATE_MARK      "${state}"

enum { FORMAT_JSONL, FORMAT_SINGER };

struct exec_source_spec {
    struct for_each_spec *for_each;
    struct field_strings argv;
    int format;
    const char *singer_stream;
    struct field_string_map env;
    struct field_strings pass_env;
    int64_t timeout_ms;
    bool check_schema;
    struct field_objects where;
};
#define AT(member) offsetof(struct exec_source_spec, member)
static const char *const formats[] = {"jsonl", "singer", NULL};
static const struct field exec_fields[] = {
    SOURCE_FOR_EACH,
    {"exec", FIELD_STRINGS, AT(argv),
     "program and arguments, run without a shell in the pipeline's directory; ${state} is a file "
     "with the state it left the last time",
     .flags = FIELD_REQUIRED | FIELD_LATE},
    {"format", FIELD_CHOICE, AT(format), "jsonl (one object a line) or singer (messages)",
     .def = "jsonl", .choices = formats},
    {"stream", FIELD_STRING, AT(singer_stream),
     "stream of the singer messages to take; default: the stream's own name"},
    {"env", FIELD_STRING_MAP, AT(env),
     "further environment variables; env:NAME, file:PATH and cmd:COMMAND are secrets",
     .flags = FIELD_LATE},
    {"pass_env", FIELD_STRINGS, AT(pass_env),
     "variables of diner's own environment that it gets, besides PATH, HOME, the locale and TZ"},
    {"timeout", FIELD_DURATION, AT(timeout_ms), "for the whole program", .def = "1h"},
    {"check_schema", FIELD_BOOL, AT(check_schema),
     "hold SCHEMA messages against the declared columns", .def = "true"},
    WHERE_FIELD(AT(where)),
    {0}};
static const struct field_set exec_set = {.name = "exec source",
                                          .help = "Rows from a program",
                                          .struct_size = sizeof(struct exec_source_spec),
                                          .fields = exec_fields};

struct source {
    const struct stream_context *ctx;
    const struct exec_source_spec *spec;
    const char *singer_stream;
    struct child *child;
    struct singer_reader *singer;
    struct jpull_projection *projection;
    struct jpull_value *values;
    struct cell *cells;
    struct where *where;
    struct strbuf scratch, state;
    bool has_state;
    char state_path[64]; /* "" when there is none */
    struct arena *line_arena;
    struct stream_context line_ctx;
    uint64_t line, records, others, skipped;
    bool told_version;
};

static void exec_check(const struct pipeline *p, const struct stream_spec *s, struct diagnostics *d)
{
    const struct exec_source_spec *spec = s->source_spec;
    (void)p;
    where_check(s, &spec->where, d);
    if (spec->argv.count == 0 && ynode_get(s->source_node, "exec") != NULL)
        diagnostics_add(d, ynode_get(s->source_node, "exec"),
                        "such as  exec: [tap-x, --config, c.json]",
                        "'exec' is a list: the program and its arguments");
    if (spec->singer_stream != NULL && spec->format != FORMAT_SINGER)
        diagnostics_add(d, ynode_get(s->source_node, "stream"), "add  format: singer",
                        "'stream' is for singer messages");
    for (size_t i = 0; i < spec->env.count; i++)
        if (spec->env.keys[i][0] == '\0' || strchr(spec->env.keys[i], '=') != NULL)
            diagnostics_add(d, ynode_get(s->source_node, "env"), NULL,
                            "'%s' is no name of a variable", spec->env.keys[i]);
}

/* ---- what the program is given ---------------------------------------------------------- */

/* The state of the last run that was committed, in a file of its own; {} when there is none. */
static int write_state(struct source *s, struct error *err)
{
    const char *state = NULL, *directory = getenv("TMPDIR");
    if (s->ctx->db != NULL && !s->ctx->full_refresh)
        TRY(state_get(s->ctx, "state", &state, err));
    if (state == NULL)
        state = "{}";
    int n = snprintf(s->state_path, sizeof s->state_path, "%s/diner-state-XXXXXX",
                     directory != NULL && strlen(directory) < 32 ? directory : "/tmp");
    int fd = n > 0 ? mkostemp(s->state_path, O_CLOEXEC) : -1;
    if (fd < 0) {
        s->state_path[0] = '\0';
        return error_set_errno(err, ERR_IO, errno, "cannot make a file for the state");
    }
    size_t left = strlen(state);
    ssize_t written = write(fd, state, left);
    if (close(fd) != 0 || written != (ssize_t)left)
        return error_set_errno(err, ERR_IO, errno, "cannot write '%s'", s->state_path);
    return 0;
}

static int argument(struct source *s, const char *text, char **ret, struct error *err)
{
    AUTO_STRBUF struct strbuf out = {0};
    const char *filled, *mark;
    strbuf_init(&out, 1 << 20);
    while ((mark = strstr(text, STATE_MARK)) != NULL) {
        if (s->state_path[0] == '\0')
            TRY(write_state(s, err));
        strbuf_add(&out, text, (size_t)(mark - text));
        strbuf_adds(&out, s->state_path);
        text = mark + strlen(STATE_MARK);
    }
    strbuf_adds(&out, text);
    TRY(stream_text(s->ctx, out.data, &filled, err));
    *ret = arena_strdup(s->ctx->arena, filled);
    return 0;
}

static const char *const always_passed[] = {"PATH",          "HOME",        "USER", "LANG",
                                            "LC_ALL",        "LC_CTYPE",    "TZ",   "TMPDIR",
                                            "SSL_CERT_FILE", "SSL_CERT_DIR"};

static void pass_variable(struct source *s, const char *name, char **env, size_t *count)
{
    const char *value = getenv(name);
    if (value != NULL)
        env[(*count)++] = arena_printf(s->ctx->arena, "%s=%s", name, value);
}

static bool is_secret_reference(const char *text)
{
    return strncmp(text, "env:", 4) == 0 || strncmp(text, "file:", 5) == 0 ||
           strncmp(text, "cmd:", 4) == 0;
}

static int set_variable(struct source *s, const char *name, const char *value, char **env,
                        size_t *count, struct error *err)
{
    const char *filled;
    TRY(stream_text(s->ctx, value != NULL ? value : "", &filled, err));
    if (!is_secret_reference(filled)) {
        env[(*count)++] = arena_printf(s->ctx->arena, "%s=%s", name, filled);
        return 0;
    }
    char *secret;
    if (secret_resolve(filled, &secret, err) != 0)
        return error_context(err, "env.%s", name);
    env[(*count)++] = arena_printf(s->ctx->arena, "%s=%s", name, secret);
    secret_free(secret);
    return 0;
}

static int environment(struct source *s, char ***ret, struct error *err)
{
    const struct exec_source_spec *spec = s->spec;
    const size_t fixed = sizeof always_passed / sizeof *always_passed;
    char **env =
        arena_array(s->ctx->arena, fixed + spec->pass_env.count + spec->env.count + 1, sizeof *env);
    size_t count = 0;
    /* The first of a name is what getenv finds: what is declared comes first. */
    for (size_t i = 0; i < spec->env.count; i++)
        TRY(set_variable(s, spec->env.keys[i], spec->env.values[i], env, &count, err));
    for (size_t i = 0; i < spec->pass_env.count; i++)
        pass_variable(s, spec->pass_env.items[i], env, &count);
    for (size_t i = 0; i < fixed; i++)
        pass_variable(s, always_passed[i], env, &count);
    *ret = env;
    return 0;
}

static int start(struct source *s, struct error *err)
{
    const struct field_strings *from = &s->spec->argv;
    char **argv = arena_array(s->ctx->arena, from->count + 1, sizeof *argv), **env;
    TRY(json_cells_projection(s->ctx, &s->projection, err));
    TRY(where_new(s->ctx->stream, &s->spec->where, &s->where, err));
    for (size_t i = 0; i < from->count; i++)
        TRY(argument(s, from->items[i], &argv[i], err));
    TRY(environment(s, &env, err));
    struct child_options options = {.argv = argv,
                                    .env = env,
                                    .directory = s->ctx->pipeline->directory,
                                    .timeout_ms = s->spec->timeout_ms,
                                    .line_max_bytes = LINE_MAX_BYTES};
    return child_start(&options, &s->child, err);
}

/* ---- opening and closing ---------------------------------------------------------------- */

static void exec_close(struct source *s)
{
    if (s == NULL)
        return;
    child_close(s->child);
    if (s->state_path[0] != '\0')
        (void)unlink(s->state_path);
    singer_reader_free(s->singer);
    jpull_projection_free(s->projection);
    where_free(s->where);
    strbuf_release(&s->scratch);
    strbuf_release(&s->state);
    arena_free(s->line_arena);
    free(s);
}

static int exec_open(const struct stream_context *ctx, struct source **ret, struct error *err)
{
    struct source *s = mem_alloc(sizeof *s);
    s->ctx = ctx;
    s->spec = ctx->stream->source_spec;
    s->singer_stream = s->spec->singer_stream != NULL ? s->spec->singer_stream : ctx->stream->name;
    s->line_arena = arena_new();
    s->line_ctx = *ctx;
    s->line_ctx.arena = s->line_arena;
    strbuf_init(&s->scratch, 4 * LINE_MAX_BYTES);
    strbuf_init(&s->state, STATE_MAX_BYTES);
    s->values = arena_array(ctx->arena, ctx->stream->ncolumns + 1, sizeof *s->values);
    s->cells = arena_array(ctx->arena, ctx->stream->ncolumns + 1, sizeof *s->cells);
    if (s->spec->format == FORMAT_SINGER)
        s->singer = singer_reader_new();
    int code = start(s, err);
    if (code != 0) {
        exec_close(s);
        return code;
    }
    *ret = s;
    return 0;
}

/* ---- records ---------------------------------------------------------------------------- */

static void set_fault(struct source *s, struct source_row *row, const char *fault)
{
    row->fault = fault;
    row->fault_line = s->line;
    memset(s->cells, 0, s->ctx->stream->ncolumns * sizeof *s->cells);
}

static void take_record(struct source *s, struct span line, struct span record,
                        struct source_row *row)
{
    struct error problem = ERROR_INIT;
    *row = (struct source_row){
        .cells = s->cells, .origin = s->spec->argv.items[0], .position = s->line, .raw = line};
    const char *fault =
        utf8_is_valid(line.ptr, line.len) ? json_cells_fault(record) : MESSAGE("not valid UTF-8");
    if (fault != NULL)
        set_fault(s, row, fault);
    else if (jpull_project(s->projection, record, s->values, &s->scratch, &problem) != 0)
        set_fault(s, row, arena_strdup(s->line_arena, problem.message));
    else
        json_cells_set(&s->line_ctx, s->values, s->cells, &s->scratch);
    if (row->fault == NULL)
        row->object = record;
}

static bool is_ours(const struct source *s, struct span stream)
{
    return span_equal(stream, span_of(s->singer_stream));
}

/* A message that is no row. */
static int take_message(struct source *s, const struct singer_message *m, struct error *err)
{
    switch (m->kind) {
    case SINGER_SCHEMA:
        return is_ours(s, m->stream) && s->spec->check_schema
                   ? singer_check_schema(s->ctx->stream, m->body, err)
                   : 0;
    case SINGER_STATE:
        strbuf_clear(&s->state);
        s->has_state = m->body.len > 0;
        return strbuf_add(&s->state, m->body.ptr, m->body.len)
                   ? 0
                   : error_set(err, ERR_LIMIT, "a STATE of more than %zu MiB",
                               STATE_MAX_BYTES >> 20);
    case SINGER_ACTIVATE_VERSION:
        if (!s->told_version)
            log_notice("%s: ACTIVATE_VERSION is passed over: old rows stay",
                       s->spec->argv.items[0]);
        s->told_version = true;
        return 0;
    case SINGER_RECORD: s->others++; return 0;
    case SINGER_UNKNOWN: break;
    }
    error_set(err, ERR_DATA, "%s:%" PRIu64 ": a message of the unknown type '%.*s'",
              s->spec->argv.items[0], s->line, (int)(m->type.len < 60 ? m->type.len : 60),
              m->type.ptr);
    return error_hint(err, "known are SCHEMA, RECORD, STATE and ACTIVATE_VERSION; what another one "
                           "carries would be lost");
}

/* *ret_row: the line is a row (or a faulty one). */
static int take_line(struct source *s, struct span line, struct source_row *row, bool *ret_row,
                     struct error *err)
{
    struct singer_message m;
    struct error problem = ERROR_INIT;
    *ret_row = true;
    if (s->singer == NULL) {
        take_record(s, line, line, row);
        return 0;
    }
    if (singer_read(s->singer, line, &m, &problem) != 0) {
        take_record(s, line, line, row);
        set_fault(s, row, arena_strdup(s->line_arena, problem.message));
        return 0;
    }
    if (m.kind == SINGER_RECORD && is_ours(s, m.stream)) {
        take_record(s, line, m.body, row);
        s->records++;
        return 0;
    }
    *ret_row = false;
    return take_message(s, &m, err);
}

static int exec_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err)
{
    for (;;) {
        struct span line;
        bool is_row = false;
        arena_clear(s->line_arena);
        TRY(child_next_line(s->child, &line, ret_end, err));
        if (*ret_end)
            return child_finish(s->child, err);
        s->line++;
        if (span_trim(line).len == 0)
            continue;
        TRY(take_line(s, line, ret, &is_row, err));
        if (!is_row)
            continue;
        if (where_keeps(s->where, s->ctx->reader, ret))
            return 0;
        s->skipped++;
    }
}

static int exec_finish(struct source *s, struct source_summary *ret, struct error *err)
{
    if (s->records == 0 && s->others > 0) {
        error_set(err, ERR_DATA, "'%s' sent %" PRIu64 " records, none of them of the stream '%s'",
                  s->spec->argv.items[0], s->others, s->singer_stream);
        return error_hint(err, "name it:  source: { stream: ... }");
    }
    if (s->others > 0)
        log_info("%s: %" PRIu64 " records of other streams were passed over",
                 s->spec->argv.items[0], s->others);
    *ret = (struct source_summary){.skipped = s->skipped,
                                   .expect_rows = -1,
                                   .sha256 = "",
                                   .bytes = child_bytes(s->child),
                                   .state = s->has_state ? s->state.data : NULL};
    return 0;
}

static void exec_progress(struct source *s, uint64_t *ret_done, uint64_t *ret_total)
{
    *ret_done = child_bytes(s->child);
    *ret_total = 0;
}

const struct source_ops source_exec = {.name = "exec",
                                       .marker = "exec",
                                       .fields = &exec_set,
                                       .check = exec_check,
                                       .open = exec_open,
                                       .next = exec_next,
                                       .finish = exec_finish,
                                       .progress = exec_progress,
                                       .close = exec_close};
