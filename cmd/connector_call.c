/* diner connector call and sign: one request of a resource, sent, shown or explained. */
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/connector.h"
#include "core/clock.h"
#include "core/datetime.h"
#include "core/fileio.h"
#include "core/message.h"
#include "core/secret.h"
#include "format/jpretty.h"
#include "format/jpull.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BODY_MAX ((size_t)16 << 20)

struct call_args {
    const char *name, *resource, *body, *key, *at, *nonce, *answer;
    struct field_strings params;
    bool all, explain;
};
#define CALL(member) offsetof(struct call_args, member)
#define RESOURCE_FIELD                                                                             \
    {                                                                                              \
        "resource", FIELD_STRING, CALL(resource), "one of its resources",                          \
            .arg = "RESOURCE", .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .complete = "resource"  \
    }
#define BODY_FIELD                                                                                 \
    {                                                                                              \
        "body", FIELD_STRING, CALL(body), "JSON body from this file, - for standard input",        \
            .short_name = 'd', .arg = "FILE", .complete = "file"                                   \
    }
static const struct field call_fields[] = {
    CONNECTOR_NAME_FIELD(CALL(name)),
    RESOURCE_FIELD,
    CONNECTOR_PARAM_FIELD(CALL(params)),
    BODY_FIELD,
    {"all", FIELD_BOOL, CALL(all), "all pages: the records of all of them, one list",
     .short_name = 'a'},
    {"key", FIELD_STRING, CALL(key), "Idempotency-Key of a write; default: a random one",
     .arg = "KEY"},
    {0}};
static const struct field_set call_set = {
    .name = "call", .struct_size = sizeof(struct call_args), .fields = call_fields};

/* One call: what was asked for, ready to be made. */
struct call {
    struct cli *cli;
    const struct call_args *args;
    struct connector *connector;
    struct connector_resource_info info;
    struct connector_param *params;
    struct strbuf body_text;
    struct span body;
};

static int body_read(struct call *c, struct error *err)
{
    const char *path = c->args->body;
    strbuf_init(&c->body_text, BODY_MAX);
    if (path == NULL)
        return 0;
    TRY(file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, BODY_MAX, &c->body_text, err));
    c->body = (struct span){c->body_text.data, c->body_text.len};
    if (jpull_check(c->body, false, err) != 0) {
        err->code = ERR_USAGE;
        return error_context(err, "%s",
                             strcmp(path, "-") == 0 ? message_text("standard input") : path);
    }
    return 0;
}

static int call_begin(struct call *c, struct cli *cli, const struct call_args *args,
                      struct error *err)
{
    *c = (struct call){.cli = cli, .args = args};
    TRY(connector_params(cli, &args->params, &c->params, err));
    TRY(body_read(c, err));
    TRY(connector_open(args->name, cli->config, builtin_connectors, &c->connector, err));
    return connector_resource_of(c->connector, args->resource, &c->info, err);
}

static void call_end(struct call *c)
{
    connector_close(c->connector);
    strbuf_release(&c->body_text);
}

/* ---- answers ---------------------------------------------------------------------------- */

static int print_json(struct cli *cli, struct span json, int level, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct error ignored = ERROR_INIT;
    strbuf_init(&text, (size_t)1 << 30);
    if (cli->output == CLI_OUTPUT_JSONL)
        TRY(jcompact(json, &text, err));
    else if (jpretty(json, level, &text, &ignored) != 0)
        strbuf_add(&text, json.ptr, json.len); /* XML, a file: as it came */
    (void)fwrite(text.data, 1, text.len, cli->out);
    return 0;
}

/* Records of one page: with -o jsonl a line each, else elements of the list being printed. */
static int print_records(struct cli *cli, const struct connector_page *page, uint64_t *count,
                         struct error *err)
{
    bool lines = cli->output == CLI_OUTPUT_JSONL;
    for (size_t i = 0; i < page->count; i++) {
        if (!lines)
            fputs(*count > 0 ? ",\n  " : "[\n  ", cli->out);
        TRY(print_json(cli, page->elements[i], 1, err));
        if (lines)
            fputc('\n', cli->out);
        ++*count;
    }
    return 0;
}

/* Pages are printed as they come: memory is that of one. */
static int pages_print(struct call *c, struct connector_pages *pages, struct error *err)
{
    struct connector_page page;
    bool end = false;
    uint64_t count = 0;
    int number = 0, code = 0;
    if (c->args->all)
        connector_pages_ahead(pages);
    while (code == 0) {
        code = connector_pages_next(pages, &page, &end, err);
        if (code != 0 || end)
            break;
        number = page.number;
        code = print_records(c->cli, &page, &count, err);
        if (!c->args->all)
            break;
    }
    if (c->cli->output != CLI_OUTPUT_JSONL && (code == 0 || count > 0))
        fputs(count > 0 ? "\n]\n" : "[]\n", c->cli->out);
    if (code == 0 && c->args->all)
        cli_summary(c->cli, "%" PRIu64 " records in %d page%s", count, number,
                    number == 1 ? "" : "s");
    return code;
}

/* The whole answer that the first page is. */
static int first_page_print(struct call *c, struct connector_pages *pages, struct error *err)
{
    struct connector_page page;
    bool end = false;
    TRY(connector_pages_next(pages, &page, &end, err));
    if (end)
        return 0; /* a rule says that this answer is nothing */
    TRY(print_json(c->cli, page.body, 0, err));
    fputc('\n', c->cli->out);
    cli_summary(c->cli, "%zu records, %zu bytes", page.count, page.body.len);
    return 0;
}

static int call_pages(struct call *c, struct error *err)
{
    struct connector_pages *pages;
    TRY(connector_pages_open(c->connector, c->args->resource, c->params, c->args->params.count,
                             &pages, err));
    int code = c->args->all || c->cli->output == CLI_OUTPUT_JSONL ? pages_print(c, pages, err)
                                                                  : first_page_print(c, pages, err);
    connector_pages_close(pages);
    return code;
}

static const char *call_key(const struct call *c)
{
    char uuid[37];
    if (!c->info.writes)
        return NULL;
    if (c->args->key != NULL)
        return c->args->key;
    clock_random_uuid(uuid);
    return arena_strdup(c->cli->arena, uuid);
}

static int call_once(struct call *c, struct error *err)
{
    struct http_response response = {0};
    const char *key = call_key(c);
    TRY(connector_call(c->connector, c->args->resource, c->params, c->args->params.count, c->body,
                       key, &response, err));
    struct span body = {response.body.data, response.body.len};
    int code = body.len > 0 ? print_json(c->cli, body, 0, err) : 0;
    if (code == 0 && body.len > 0)
        fputc('\n', c->cli->out);
    cli_summary(c->cli, "HTTP %d, %zu bytes in %" PRId64 " ms%s%s", response.status, body.len,
                response.elapsed_us / 1000, key != NULL ? message_text(", key ") : "",
                key != NULL ? key : "");
    http_response_release(&response);
    return code;
}

/* ---- files ------------------------------------------------------------------------------ */

static int file_print(struct cli *cli, int fd, struct error *err)
{
    char bytes[64 << 10];
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n < 0 && errno != EINTR)
            return error_set_errno(err, ERR_IO, errno, "cannot read a temporary file");
        if (n == 0)
            return 0;
        if (n > 0)
            (void)fwrite(bytes, 1, (size_t)n, cli->out);
    }
}

/* As it came; ordered first, when it is an export. */
static int call_file(struct call *c, struct error *err)
{
    struct connector_file file;
    if (c->args->all || c->cli->output == CLI_OUTPUT_JSONL)
        return error_set(err, ERR_USAGE, "'%s' gives a file: it is printed as it comes",
                         c->args->resource);
    if (c->body.ptr != NULL)
        return error_set(err, ERR_USAGE, "'%s' gives a file: it takes no body", c->args->resource);
    TRY(connector_download(c->connector, c->args->resource, c->params, c->args->params.count, &file,
                           err));
    int code = file.fd < 0 ? 0 : file_print(c->cli, file.fd, err);
    if (file.fd >= 0)
        close(file.fd);
    if (code == 0)
        cli_summary(c->cli, "%" PRIu64 " bytes", file.fd < 0 ? 0 : file.bytes);
    return code;
}

/* ---- what would be sent ----------------------------------------------------------------- */

static int call_dry(struct call *c, struct error *err)
{
    struct connector_request r;
    const char *key = c->args->key != NULL ? c->args->key : "(random)";
    TRY(connector_preview(c->connector, c->args->resource, c->params, c->args->params.count,
                          c->body, c->info.writes ? key : NULL, c->cli->arena, &r, err));
    fprintf(c->cli->out, "%s %s\n", r.method, r.url);
    for (size_t i = 0; i < r.nheaders; i++)
        fprintf(c->cli->out, "%s: %s\n", r.headers[i].name, r.headers[i].value);
    if (r.body.ptr != NULL) {
        fputc('\n', c->cli->out);
        TRY(print_json(c->cli, r.body, 0, err));
        fputc('\n', c->cli->out);
    }
    return 0;
}

static int call_checked(struct call *c, struct error *err)
{
    const struct call_args *args = c->args;
    if (args->all && (c->info.writes || c->body.ptr != NULL))
        return error_set(
            err, ERR_USAGE, "--all is for reading%s",
            c->info.writes ? "" : message_text(": the body of each page is the resource's own"));
    if (args->key != NULL && !c->info.writes)
        return error_set(err, ERR_USAGE, "--key is for writes: '%s' reads", args->resource);
    if (c->cli->output == CLI_OUTPUT_CSV)
        return error_set(err, ERR_USAGE, "-o csv: expected json or jsonl");
    if (c->cli->dry_run)
        return call_dry(c, err);
    if (c->info.writes)
        TRY(cli_confirm(c->cli, err, "%s '%s' of '%s'?", c->info.method, args->resource,
                        args->name));
    if (c->info.is_file)
        return call_file(c, err);
    bool lines = c->cli->output == CLI_OUTPUT_JSONL && !c->info.writes;
    bool paged = args->all || lines || (c->info.is_paged && !c->info.writes);
    return paged && c->body.ptr == NULL ? call_pages(c, err) : call_once(c, err);
}

static int call(struct cli *cli, const void *bound, struct error *err)
{
    struct call c;
    int code = call_begin(&c, cli, bound, err);
    if (code == 0)
        code = call_checked(&c, err);
    call_end(&c);
    return code;
}

const struct command command_connector_call = {
    .name = "call",
    .summary = "send one request of a resource, or read all its pages",
    .description =
        "The answer is printed as JSON; -o jsonl prints the records, one a line. With --all the "
        "records of all pages. A resource that writes needs --yes, and is sent with an "
        "Idempotency-Key. A file is printed as it comes.\n\n"
        "--dry-run prints the request instead, with secrets as ****; nothing is sent, no login "
        "either.",
    .args = &call_set,
    .flags = CLI_OUTPUT | CLI_DRY_RUN | CLI_DESTROYS,
    .run = call,
    .examples = (const struct command_example[]){
        {"diner connector call platform stock --param store=S001", "the first page"},
        {"diner connector call platform stock --param store=S001 --all -o jsonl",
         "every record, one a line"},
        {"diner connector call platform stock --dry-run", "what would be sent"},
        {0}}};

/* ---- sign ------------------------------------------------------------------------------- */

static const struct field sign_fields[] = {
    CONNECTOR_NAME_FIELD(CALL(name)),
    RESOURCE_FIELD,
    CONNECTOR_PARAM_FIELD(CALL(params)),
    BODY_FIELD,
    {"explain", FIELD_BOOL, CALL(explain),
     "each piece, the string to sign, and where the signature goes", .short_name = 'e'},
    {"at", FIELD_STRING, CALL(at), "sign as of this time: RFC 3339, or seconds since 1970",
     .arg = "TIME"},
    {"nonce", FIELD_STRING, CALL(nonce), "use this as ${nonce}", .arg = "TEXT"},
    {"answer", FIELD_STRING, CALL(answer),
     "verify the answer in this file instead, as `curl -i` prints it; - for standard input",
     .arg = "FILE", .complete = "file"},
    {0}};
static const struct field_set sign_args_set = {
    .name = "sign", .struct_size = sizeof(struct call_args), .fields = sign_fields};

static int moment_of(const struct call_args *args, struct connector_moment *ret, struct error *err)
{
    struct datetime t;
    *ret = (struct connector_moment){.nonce = args->nonce};
    if (args->nonce != NULL && strlen(args->nonce) > 64)
        return error_set(err, ERR_USAGE, "--nonce: at most 64 bytes");
    if (args->at == NULL)
        return 0;
    size_t n = strlen(args->at);
    bool good = strspn(args->at, "0123456789") == n ? datetime_parse("epoch_s", args->at, n, &t)
                                                    : datetime_parse_iso(args->at, n, &t);
    if (!good || !t.has_zone || t.us <= 0)
        return error_set(err, ERR_USAGE,
                         "--at: expected a time such as 2026-11-22T05:15:00+08:00 or seconds since "
                         "1970, found '%s'",
                         args->at);
    ret->at_us = t.us;
    return 0;
}

static const struct table_column sign_columns[] = {
    {"piece", TABLE_TEXT}, {"value", TABLE_TEXT}, {NULL, TABLE_TEXT}};

static int explain(struct cli *cli, const struct connector_signature *s, bool of_answer,
                   struct error *err)
{
    struct table *t = table_new(cli, sign_columns);
    table_row(t, (const char *[]){"algorithm",
                                  arena_printf(cli->arena, "%s, %s", s->algorithm, s->encoding)});
    table_row(t, (const char *[]){"text", s->template});
    if (s->key != NULL)
        table_row(t, (const char *[]){"key", s->key});
    for (size_t i = 0; i < s->npieces; i++)
        table_row(t, (const char *[]){arena_printf(cli->arena, "${%s}", s->pieces[i].name),
                                      s->pieces[i].value});
    table_row(t, (const char *[]){of_answer ? message_text("string signed")
                                            : message_text("string to sign"),
                                  s->text});
    table_row(t, (const char *[]){"signature", s->signature});
    for (size_t i = 0; i < s->nplaces; i++)
        table_row(t, (const char *[]){arena_printf(cli->arena, "put: %s", s->places[i].name),
                                      s->places[i].value});
    return table_end(t, "", err);
}

/* Its pieces are shown whatever the verdict is: that is what they are looked at for. */
static int verify_run(struct call *c, const struct connector_moment *moment, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    const char *path = c->args->answer;
    struct connector_signature s;
    struct error ignored = ERROR_INIT;
    strbuf_init(&text, (size_t)1 << 30);
    TRY(file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, (size_t)1 << 30, &text, err));
    int code = connector_verify(c->connector, c->args->resource, c->params, c->args->params.count,
                                (struct span){text.data, text.len}, moment, c->cli->arena, &s, err);
    int shown = c->args->explain && s.algorithm != NULL
                    ? explain(c->cli, &s, true, code == 0 ? err : &ignored)
                    : 0;
    if (code == 0)
        cli_summary(c->cli, "the signature is good");
    return code != 0 ? code : shown;
}

static int sign_run(struct cli *cli, const void *bound, struct error *err)
{
    const struct call_args *args = bound;
    struct connector_signature s;
    struct connector_moment moment;
    struct call c;
    TRY(moment_of(args, &moment, err));
    int code = call_begin(&c, cli, args, err);
    if (code == 0 && args->answer != NULL) {
        code = verify_run(&c, &moment, err);
        call_end(&c);
        return code;
    }
    if (code == 0)
        code = connector_sign(c.connector, args->resource, c.params, args->params.count, c.body,
                              &moment, cli->arena, &s, err);
    if (code == 0 && args->explain)
        code = explain(cli, &s, false, err);
    else if (code == 0)
        fprintf(cli->out, "%s\n", s.signature);
    call_end(&c);
    return code;
}

const struct command command_connector_sign = {
    .name = "sign",
    .summary = "print the signature of a request or verify that of an answer, and how it is made",
    .description =
        "Nothing is sent but the login of a connector that has one. With --explain each name in "
        "the text, the string to sign, the signature and where it goes; secrets are ****. --at and "
        "--nonce make a signature that can be compared with another program's.\n\n"
        "--answer FILE verifies an answer by the connector's `verify`, as one that came --at that "
        "time; exit status 1 when it is not to be believed.",
    .args = &sign_args_set,
    .flags = CLI_OUTPUT,
    .run = sign_run,
    .examples = (const struct command_example[]){
        {"diner connector sign takeaway orders --param shop=S001 --explain",
         "piece by piece; no secret is shown"},
        {"diner connector sign wechatpay certificates --explain --answer answer.http",
         "why is this answer not believed?"},
        {0}}};
