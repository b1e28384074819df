/* diner connector list|lint|check; call and sign stand in connector_call.c. */
#include "cmd/connector.h"
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/engine.h"
#include "core/clock.h"
#include "core/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int connector_params(struct cli *cli, const struct field_strings *given,
                     struct connector_param **ret, struct error *err)
{
    struct connector_param *params = arena_array(cli->arena, given->count + 1, sizeof *params);
    for (size_t i = 0; i < given->count; i++) {
        const char *equals = strchr(given->items[i], '=');
        if (equals == NULL || equals == given->items[i])
            return error_set(err, ERR_USAGE, "--param: expected NAME=VALUE, found '%s'",
                             given->items[i]);
        params[i].name =
            arena_strndup(cli->arena, given->items[i], (size_t)(equals - given->items[i]));
        params[i].value = equals + 1;
    }
    *ret = params;
    return 0;
}

/* ---- list ------------------------------------------------------------------------------- */

static const struct table_column list_columns[] = {
    {"name", TABLE_TEXT},      {"host", TABLE_TEXT}, {"auth", TABLE_TEXT},    {"sign", TABLE_TEXT},
    {"resources", TABLE_TEXT}, {"file", TABLE_TEXT}, {"problem", TABLE_TEXT}, {NULL, TABLE_TEXT}};

static const char *names_joined(struct arena *arena, const char *const *names, size_t count)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 64 << 10);
    for (size_t i = 0; i < count; i++)
        strbuf_addf(&text, "%s%s", i > 0 ? ", " : "", names[i]);
    return count > 0 ? arena_strdup(arena, text.data) : NULL;
}

static void list_row(struct cli *cli, struct table *t, const char *name)
{
    struct connector_summary s = {.name = name};
    struct diagnostics d;
    struct error err = ERROR_INIT;
    diagnostics_init(&d, cli->arena);
    int code = connector_describe(name, cli->config, builtin_connectors, cli->arena, &s, &d, &err);
    if (code == 0)
        code = diagnostics_result(&d, ERR_SPEC, &err);
    table_row(t, (const char *[]){name, s.host, code != 0 && s.file == NULL ? NULL : s.auth, s.sign,
                                  names_joined(cli->arena, s.resources, s.nresources), s.file,
                                  code != 0 ? arena_strdup(cli->arena, err.message) : NULL});
}

static int list(struct cli *cli, const void *bound, struct error *err)
{
    const char **names;
    (void)bound;
    size_t count = connector_names(cli->config, builtin_connectors, cli->arena, &names);
    struct table *t = table_new(cli, list_columns);
    for (size_t i = 0; i < count; i++)
        list_row(cli, t, names[i]);
    return table_end(t, "no connectors: see the setting connector_path", err);
}

static const struct command command_list = {
    .name = "list",
    .summary = "list connectors: host, type of auth, resources, file",
    .flags = CLI_OUTPUT,
    .run = list,
    .examples = (const struct command_example[]){{"diner connector list", "all of them"},
                                                 {"diner connector list -o json", "for a program"},
                                                 {0}}};

/* ---- lint ------------------------------------------------------------------------------- */

struct names_args {
    struct field_strings names;
};
static const struct field names_fields[] = {
    {"connector", FIELD_STRINGS, offsetof(struct names_args, names),
     "connectors by name or file; default: all", .arg = "CONNECTOR",
     .flags = FIELD_POSITIONAL | FIELD_REPEAT, .complete = "connector"},
    {0}};
static const struct field_set names_set = {
    .name = "lint", .struct_size = sizeof(struct names_args), .fields = names_fields};

static int by_place(const void *a, const void *b)
{
    const struct diagnostic *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->column < y->column ? -1 : x->column > y->column;
}

static size_t lint_one(struct cli *cli, const char *name)
{
    struct connector_summary ignored;
    struct diagnostics d;
    struct error err = ERROR_INIT;
    diagnostics_init(&d, cli->arena);
    if (connector_describe(name, cli->config, builtin_connectors, cli->arena, &ignored, &d, &err) !=
        0)
        diagnostics_add_error(&d, NULL, &err);
    if (d.count > 0)
        qsort(d.items, d.count, sizeof *d.items, by_place);
    for (size_t i = 0; i < d.count; i++)
        engine_diagnostic(cli->out, &d.items[i]);
    return d.errors;
}

static int lint(struct cli *cli, const void *bound, struct error *err)
{
    const struct names_args *args = bound;
    const char *const *names = args->names.items;
    size_t count = args->names.count, errors = 0;
    if (count == 0) {
        const char **all;
        count = connector_names(cli->config, builtin_connectors, cli->arena, &all);
        names = all;
    }
    for (size_t i = 0; i < count; i++)
        errors += lint_one(cli, names[i]);
    cli_summary(cli, "%zu checked, %zu errors", count, errors);
    return errors > 0
               ? error_set(err, ERR_SPEC, "lint found %zu error%s", errors, errors > 1 ? "s" : "")
               : 0;
}

static const struct command command_lint = {
    .name = "lint",
    .summary = "check connector files, all problems at once",
    .description = "Nothing is sent and no secret is fetched.",
    .args = &names_set,
    .run = lint,
    .examples = (const struct command_example[]){
        {"diner connector lint", "all of them"},
        {"diner connector lint configs/connectors/platform.yaml", "one file"},
        {0}}};

/* ---- check ------------------------------------------------------------------------------ */

struct check_args {
    const char *name, *resource;
    struct field_strings params;
};
#define CHECK(member) offsetof(struct check_args, member)
static const struct field check_fields[] = {
    CONNECTOR_NAME_FIELD(CHECK(name)),
    {"resource", FIELD_STRING, CHECK(resource), "read one page of this resource too",
     .arg = "RESOURCE", .flags = FIELD_POSITIONAL, .complete = "resource"},
    CONNECTOR_PARAM_FIELD(CHECK(params)),
    {0}};
static const struct field_set check_set = {
    .name = "check", .struct_size = sizeof(struct check_args), .fields = check_fields};

struct check {
    struct cli *cli;
    const struct check_args *args;
    struct connector *connector;
    const char *detail; /* of the step that just went well */
};

static int step_file(struct check *c, struct error *err)
{
    struct connector_summary s;
    struct diagnostics d;
    struct cli *cli = c->cli;
    diagnostics_init(&d, cli->arena);
    TRY(connector_describe(c->args->name, cli->config, builtin_connectors, cli->arena, &s, &d,
                           err));
    for (size_t i = 0; i < d.count; i++)
        if (d.items[i].is_warning || d.errors > 1) /* a single error is told as such */
            engine_diagnostic(cli->err, &d.items[i]);
    c->detail = s.file;
    return connector_open(c->args->name, cli->config, builtin_connectors, &c->connector, err);
}

static int step_secrets(struct check *c, struct error *err)
{
    size_t count = 0;
    TRY(connector_secrets_resolve(c->connector, &count, err));
    c->detail = count == 0 ? message_text("none needed")
                           : arena_printf(c->cli->arena, message_text("%zu fetched"), count);
    return 0;
}

static int step_login(struct check *c, struct error *err)
{
    bool sent = false;
    int64_t begun_ms = clock_monotonic_ms();
    TRY(connector_login(c->connector, &sent, err));
    const char *type = connector_auth_name(c->connector);
    c->detail = sent ? arena_printf(c->cli->arena, "%s, %" PRId64 " ms", type,
                                    clock_monotonic_ms() - begun_ms)
                     : arena_printf(c->cli->arena, message_text("%s: nothing to send"), type);
    return 0;
}

static int read_file(struct check *c, const struct connector_param *params, int64_t begun_ms,
                     struct error *err)
{
    struct connector_file file;
    TRY(connector_download(c->connector, c->args->resource, params, c->args->params.count, &file,
                           err));
    if (file.fd >= 0)
        close(file.fd);
    c->detail =
        arena_printf(c->cli->arena, "%s: %" PRIu64 " bytes, %" PRId64 " ms", c->args->resource,
                     file.fd >= 0 ? file.bytes : 0, clock_monotonic_ms() - begun_ms);
    return 0;
}

static int step_read(struct check *c, struct error *err)
{
    struct connector_resource_info info;
    struct connector_param *params = NULL;
    struct connector_pages *pages = NULL;
    struct connector_page page = {0};
    bool end = false;
    TRY(connector_resource_of(c->connector, c->args->resource, &info, err));
    if (info.writes) {
        error_set(err, ERR_USAGE, "resource '%s' writes: a check only reads", c->args->resource);
        return error_hint(err, "diner connector call %s %s --dry-run", c->args->name,
                          c->args->resource);
    }
    TRY(connector_params(c->cli, &c->args->params, &params, err));
    int64_t begun_ms = clock_monotonic_ms();
    if (info.is_file)
        return read_file(c, params, begun_ms, err);
    TRY(connector_pages_open(c->connector, c->args->resource, params, c->args->params.count, &pages,
                             err));
    int code = connector_pages_next(pages, &page, &end, err);
    size_t count = code == 0 && !end ? page.count : 0;
    connector_pages_close(pages);
    c->detail = arena_printf(c->cli->arena, message_text("%s: %zu records, %" PRId64 " ms"),
                             c->args->resource, count, clock_monotonic_ms() - begun_ms);
    return code;
}

static const struct table_column check_columns[] = {
    {"step", TABLE_TEXT}, {"result", TABLE_TEXT}, {"detail", TABLE_TEXT}, {NULL, TABLE_TEXT}};

static int check(struct cli *cli, const void *bound, struct error *err)
{
    static const struct {
        const char *name;
        int (*run)(struct check *c, struct error *err);
    } steps[] = {
        {"file", step_file}, {"secrets", step_secrets}, {"login", step_login}, {"read", step_read}};
    struct check c = {.cli = cli, .args = bound};
    struct error ignored = ERROR_INIT;
    int code = 0;
    struct table *t = table_new(cli, check_columns);
    size_t count = c.args->resource != NULL ? 4 : 3;
    for (size_t i = 0; i < count; i++) {
        bool skipped = code != 0;
        if (!skipped)
            code = steps[i].run(&c, err);
        table_row(t, (const char *[]){steps[i].name,
                                      skipped     ? "skipped"
                                      : code != 0 ? "failed"
                                                  : "ok",
                                      skipped || code != 0 ? NULL : c.detail});
    }
    int printed = table_end(t, "", code == 0 ? err : &ignored);
    connector_close(c.connector);
    return code != 0 ? code : printed;
}

static const struct command command_check = {
    .name = "check",
    .summary = "try a connector step by step: file, secrets, login, one read",
    .description =
        "Says which steps work; the first that does not ends it, with its reason and "
        "exit status: 3 for the file or a secret that cannot be fetched, 4 for a refused "
        "login, 5 when nobody answers.",
    .args = &check_set,
    .flags = CLI_OUTPUT,
    .run = check,
    .examples = (const struct command_example[]){
        {"diner connector check platform", "can it log in?"},
        {"diner connector check platform stock --param store=S001", "and read?"},
        {0}}};

static const struct command *const children[] = {&command_list,           &command_lint,
                                                 &command_check,          &command_connector_call,
                                                 &command_connector_sign, NULL};
const struct command command_connector = {
    .name = "connector",
    .summary = "look at outside systems: list, lint, check, call, sign",
    .description = "A connector is a YAML file that says how one outside system is reached: "
                   "docs/connectors.md.",
    .children = children};
