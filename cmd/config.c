/* cmd/config.c - diner config show|check. */
#include "cli/table.h"
#include "commands.h"
#include "core/datetime.h"
#include "core/message.h"
#include "core/secret.h"
#include "domain/points_rules.h"
#include <string.h>
#include <sys/stat.h>

struct show_args {
    struct field_strings names;
    bool origin;
};
static const struct field show_fields[] = {
    {.name = "setting",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct show_args, names),
     .arg = "SETTING",
     .complete = "setting",
     .flags = FIELD_POSITIONAL | FIELD_REPEAT,
     .help = "only these: a name (http.timeout) or a group (http)"},
    {.name = "origin",
     .type = FIELD_BOOL,
     .offset = offsetof(struct show_args, origin),
     .help = "also say where each value comes from"},
    {0},
};
static const struct field_set show_set = {
    .name = "config show",
    .help = "Which settings, and how",
    .struct_size = sizeof(struct show_args),
    .fields = show_fields,
};

/* A setting is asked for by its name or by a group it is in. */
static bool is_wanted(const struct show_args *a, const char *name)
{
    for (size_t i = 0; i < a->names.count; i++) {
        size_t n = strlen(a->names.items[i]);
        if (strncmp(name, a->names.items[i], n) == 0 && (name[n] == 0 || name[n] == '.'))
            return true;
    }
    return a->names.count == 0;
}

static const struct table_column plain_columns[] = {
    {"setting", TABLE_TEXT}, {"value", TABLE_TEXT}, {0}};
static const struct table_column origin_columns[] = {
    {"setting", TABLE_TEXT}, {"value", TABLE_TEXT}, {"origin", TABLE_TEXT}, {0}};

static void show_one(struct cli *cli, struct table *table, const struct show_args *a,
                     const char *name)
{
    if (!is_wanted(a, name))
        return;
    const char *const row[] = {name, config_text(cli->config, name, true),
                               config_origin(cli->config, name)};
    table_row(table, row);
}

/* Connections of the file, and the warehouse when only the environment has it. */
static void show_connections(struct cli *cli, struct table *table, const struct show_args *a)
{
    const struct field_objects *c = &config_settings(cli->config)->connections;
    bool has_warehouse = false;
    for (size_t i = 0; i < c->count; i++) {
        show_one(cli, table, a, arena_printf(cli->arena, "connections.%s", c->names[i]));
        has_warehouse = has_warehouse || strcmp(c->names[i], "warehouse") == 0;
    }
    if (!has_warehouse && config_text(cli->config, "connections.warehouse", true))
        show_one(cli, table, a, "connections.warehouse");
}

static int run_show(struct cli *cli, const void *args, struct error *err)
{
    const struct show_args *a = args;
    struct table *table = table_new(cli, a->origin ? origin_columns : plain_columns);
    for (const struct field *f = settings_fields.fields; f->name; f++) {
        if (f->type == FIELD_OBJECT_MAP)
            show_connections(cli, table, a);
        else if (!(f->flags & FIELD_HIDDEN))
            show_one(cli, table, a, f->name);
    }
    size_t rows = table_rows(table);
    TRY(table_end(table, NULL, err));
    if (rows > 0 || a->names.count == 0)
        return 0;
    error_set(err, ERR_NOT_FOUND, "there is no setting '%s'", a->names.items[0]);
    return error_hint(err, "'diner config show' lists all of them");
}

/* ---- check ------------------------------------------------------------------------------------
 */

struct check {
    struct cli *cli;
    struct error first;
    size_t problems;
};

static void check_failed(struct check *c, const struct error *err)
{
    if (c->problems++ == 0)
        c->first = *err;
    (void)fprintf(c->cli->out, "%s\n", err->message);
}

static void check_warn(struct check *c, const char *what, const char *path)
{
    (void)fprintf(c->cli->out, message_text("warning: %s '%s' does not exist\n"), what, path);
}

static void check_secrets(struct check *c)
{
    const struct settings *s = config_settings(c->cli->config);
    struct error err = ERROR_INIT;
    char *value = NULL;
    for (size_t i = 0; i < s->connections.count; i++) {
        if (config_dsn(c->cli->config, s->connections.names[i], &value, &err) != 0)
            check_failed(c, &err);
        else
            secret_free(value);
    }
    if (!s->platform_password)
        return;
    if (secret_resolve(s->platform_password, &value, &err) != 0) {
        error_context(&err, "platform.password (%s)",
                      config_origin(c->cli->config, "platform.password"));
        check_failed(c, &err);
    } else {
        secret_free(value);
    }
}

static void check_directories(struct check *c, const char *what, const struct field_strings *list)
{
    struct stat st;
    for (size_t i = 0; i < list->count; i++)
        if (stat(list->items[i], &st) == 0 && S_ISDIR(st.st_mode))
            return; /* one of them is enough */
    if (list->count > 0)
        check_warn(c, what, list->items[0]);
}

static bool check_zone(struct check *c)
{
    const struct zone *zone;
    struct error err = ERROR_INIT;
    if (zone_load(config_settings(c->cli->config)->timezone, &zone, &err) == 0)
        return true;
    error_context(&err, "timezone (%s)", config_origin(c->cli->config, "timezone"));
    check_failed(c, &err);
    return false;
}

static void check_points(struct check *c)
{
    struct points_rules rules;
    struct error err = ERROR_INIT;
    if (points_rules_read(config_settings(c->cli->config), &rules, &err) != 0)
        check_failed(c, &err);
}

/* Unknown keys, wrong values and readable secrets were refused while loading; this looks at what
 * the values stand for. */
static int run_check(struct cli *cli, const void *args, struct error *err)
{
    (void)args;
    const struct settings *s = config_settings(cli->config);
    struct check c = {.cli = cli};
    if (check_zone(&c))
        check_points(&c);
    check_secrets(&c);
    check_directories(&c, "pipeline_path", &s->pipeline_path);
    if (c.problems > 0) {
        *err = c.first;
        if (c.problems > 1)
            error_hint(err, "%zu problems in all", c.problems);
        err->code = ERR_CONFIG;
        return ERR_CONFIG;
    }
    const char *file = config_file(cli->config);
    cli_summary(cli, "config check: %s is in order",
                file ? file : message_text("no file; the environment"));
    return 0;
}

static const struct command_example show_examples[] = {
    {"diner config show --origin", "every setting with where it comes from"},
    {"diner config show http platform.url", "a group and one more"},
    {0},
};
static const struct command command_show = {
    .name = "show",
    .summary = "show the settings in force",
    .description =
        "Prints each setting as it would be written in diner.yaml. Passwords are never shown, "
        "references to where they are kept (env:, file:, cmd:) are.",
    .args = &show_set,
    .examples = show_examples,
    .flags = CLI_OUTPUT,
    .run = run_show,
};
static const struct command_example check_examples[] = {
    {"diner config check", "look for mistakes before a job does"},
    {0},
};
static const struct command command_check = {
    .name = "check",
    .summary = "check the configuration: names, values, secrets that can be had",
    .examples = check_examples,
    .run = run_check,
};
static const struct command *const children[] = {&command_show, &command_check, NULL};
const struct command command_config = {
    .name = "config",
    .summary = "the settings: what they are and where they come from",
    .children = children,
};
