/* The options of a command as one list, and their names in help, man pages and references. */
#include "cli/internal.h"
#include "core/message.h"
#include "schema/describe.h"

#define MEMBER(m) .offset = offsetof(struct cli_globals, m)

static const char *const outputs[] = {"table", "json", "jsonl", "csv", NULL};
static const char *const log_levels[] = {"error", "warn",  "notice", "info",
                                         "sql",   "debug", "trace",  NULL};
static const char *const log_formats[] = {"auto", "text", "json", NULL};
static const char *const colors[] = {"auto", "always", "never", NULL};

/* Those of a command's flags come first. */
static const struct field global_fields[] = {
    {"output", FIELD_CHOICE, MEMBER(output), "form of the output", 'o', .arg = "FORMAT",
     .choices = outputs, .def = "table"},
    {"dry-run", FIELD_BOOL, MEMBER(dry_run), "show what would change, change nothing", 'n'},
    {"yes", FIELD_BOOL, MEMBER(yes), "do not ask before destroying anything", 'y'},
    {"help", FIELD_BOOL, MEMBER(help), "show this help", 'h'},
    {"version", FIELD_BOOL, MEMBER(version), "show the version"},
    {"verbose", FIELD_BOOL, MEMBER(verbose), "log more; twice for debugging", 'v'},
    {"quiet", FIELD_BOOL, MEMBER(quiet), "errors only, no summary, no progress", 'q'},
    {"config", FIELD_STRING, MEMBER(config), "read this configuration and no other", .arg = "FILE",
     .env = "DINER_CONFIG", .complete = "file"},
    {"log-level", FIELD_CHOICE, MEMBER(log_level), "what is logged on stderr", .arg = "LEVEL",
     .choices = log_levels, .config = "log.level"},
    {"log-format", FIELD_CHOICE, MEMBER(log_format), "how it is logged", .arg = "FORMAT",
     .choices = log_formats, .config = "log.format"},
    {"color", FIELD_CHOICE, MEMBER(color), "color on terminals; NO_COLOR is honoured",
     .arg = "WHEN", .choices = colors, .def = "auto"},
    {0},
};

const struct field_set cli_global_set = {
    .name = "global options",
    .struct_size = sizeof(struct cli_globals),
    .fields = global_fields,
};

bool cli_is_global(const struct field *f)
{
    return f >= global_fields && f < global_fields + sizeof(global_fields) / sizeof(*f);
}

const struct field *cli_global(const char *name)
{
    return field_find(&cli_global_set, name);
}

/* The command's flag that brings an option, 0 for those of every command. */
static unsigned global_flag(const struct field *f)
{
    switch (f->name[0]) {
    case 'o': return CLI_OUTPUT;
    case 'd': return CLI_DRY_RUN;
    case 'y': return CLI_DESTROYS;
    default: return 0;
    }
}

bool cli_global_applies(const struct field *f, const struct command *const *path, size_t depth)
{
    unsigned flag = global_flag(f);

    if (strcmp(f->name, "version") == 0)
        return depth == 1;
    return flag == 0 || (path[depth - 1]->flags & flag) != 0;
}

static void options_add(struct cli_options *list, const struct field *f)
{
    if (list->count < CLI_OPTIONS_MAX && !(f->flags & FIELD_HIDDEN))
        list->items[list->count++] = f;
}

void cli_options_of(const struct command *const *path, size_t depth, struct cli_options *ret)
{
    const struct command *c = path[depth - 1];

    *ret = (struct cli_options){.count = 0};
    if (c->args)
        for (const struct field *f = c->args->fields; f->name; f++)
            if (!(f->flags & FIELD_POSITIONAL))
                options_add(ret, f);
    for (const struct field *f = global_fields; f->name; f++)
        if (global_flag(f) != 0 && cli_global_applies(f, path, depth))
            options_add(ret, f);
    ret->local = ret->count;
    /* A command whose own option has that name hides the global one: that is given before it. */
    for (const struct field *f = global_fields; f->name; f++)
        if (global_flag(f) == 0 && cli_global_applies(f, path, depth) &&
            !(c->args && field_find(c->args, f->name)))
            options_add(ret, f);
}

bool cli_takes_value(const struct field *f)
{
    return f->type != FIELD_BOOL;
}

const struct field *cli_argument(const struct command *c, size_t index)
{
    if (!c->args)
        return NULL;
    for (const struct field *f = c->args->fields; f->name; f++)
        if ((f->flags & FIELD_POSITIONAL) && index-- == 0)
            return f;
    return NULL;
}

const struct command *cli_child(const struct command *c, const char *name)
{
    for (size_t i = 0; c->children && c->children[i]; i++)
        if (strcmp(c->children[i]->name, name) == 0)
            return c->children[i];
    return NULL;
}

static void add_choices(const struct field *f, const char *between, struct strbuf *out)
{
    for (size_t i = 0; f->choices[i]; i++)
        strbuf_addf(out, "%s%s", i ? between : "", f->choices[i]);
}

void cli_arg_name(const struct field *f, struct strbuf *out)
{
    static const char *const names[] = {[FIELD_STRING] = "TEXT",
                                        [FIELD_BOOL] = "true|false",
                                        [FIELD_INT] = "N",
                                        [FIELD_DURATION] = "DURATION",
                                        [FIELD_SIZE] = "SIZE",
                                        [FIELD_RATE] = "RATE",
                                        [FIELD_FRACTION] = "SHARE",
                                        [FIELD_DATE] = "DATE",
                                        [FIELD_TIME_OF_DAY] = "HH:MM",
                                        [FIELD_STRINGS] = "TEXT",
                                        [FIELD_STRING_MAP] = "KEY=VALUE"};

    if (f->arg)
        strbuf_adds(out, f->arg);
    else if (f->type == FIELD_CHOICE)
        add_choices(f, "|", out);
    else
        strbuf_adds(out, f->type <= FIELD_STRING_MAP ? names[f->type] : "VALUE");
}

void cli_argument_name(const struct field *f, struct strbuf *out)
{
    bool optional = !(f->flags & FIELD_REQUIRED);

    if (optional)
        strbuf_addch(out, '[');
    if (f->arg)
        strbuf_adds(out, f->arg);
    else
        for (const char *p = f->name; *p; p++)
            strbuf_addch(out, (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p));
    if (f->type == FIELD_STRINGS || f->type == FIELD_STRING_MAP)
        strbuf_adds(out, "...");
    if (optional)
        strbuf_addch(out, ']');
}

void cli_option_label(const struct field *f, struct strbuf *out)
{
    if (f->short_name)
        strbuf_addf(out, "-%c, --", f->short_name);
    else
        strbuf_adds(out, "    --");
    strbuf_adds(out, f->name);
    if (cli_takes_value(f)) {
        strbuf_addch(out, ' ');
        cli_arg_name(f, out);
    }
}

static void add_note(struct strbuf *out, const char *what, const char *value)
{
    strbuf_addf(out, "%s%s%s%s", out->len ? message_text("; ") : "", message_text(what),
                value ? message_text(": ") : "", value ? value : "");
}

/* The default shown: the field's own, else that of the setting it follows. */
static const char *shown_default(const struct field *f)
{
    const struct field *setting =
        f->def || !f->config ? NULL : field_find(&settings_fields, f->config);

    return f->def ? f->def : setting ? setting->def : NULL;
}

void cli_field_notes(const struct field *f, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf notes = {0};
    AUTO_STRBUF struct strbuf choices = {0};

    strbuf_init(&notes, 0);
    strbuf_init(&choices, 0);
    if (f->type == FIELD_CHOICE && f->arg) {
        add_choices(f, ", ", &choices);
        add_note(&notes, "one of", choices.data);
    }
    if ((f->flags & FIELD_REQUIRED) && !(f->flags & FIELD_POSITIONAL))
        add_note(&notes, "required", NULL);
    if (f->flags & FIELD_REPEAT)
        add_note(&notes, "may be given several times", NULL);
    if (shown_default(f) && *shown_default(f) && f->type != FIELD_BOOL)
        add_note(&notes, "default", shown_default(f));
    if (f->type == FIELD_BOOL && f->def && strcmp(f->def, "true") == 0) {
        strbuf_addf(&choices, message_text("on; --no-%s turns it off"), f->name);
        add_note(&notes, "default", choices.data);
    }
    if (f->env)
        add_note(&notes, "env", f->env);
    if (f->config)
        add_note(&notes, "setting", f->config);
    if (f->flags & FIELD_DEPRECATED)
        add_note(&notes, f->renamed_to ? MESSAGE("deprecated, now") : MESSAGE("deprecated"),
                 f->renamed_to);
    if (notes.len > 0)
        strbuf_addf(out, message_text(" (%s)"), notes.data);
}

void cli_path_name(const struct command *const *path, size_t depth, char between,
                   struct strbuf *out)
{
    for (size_t i = 0; i < depth; i++) {
        if (i > 0)
            strbuf_addch(out, between);
        strbuf_adds(out, path[i]->name);
    }
}

static int walk(const struct command **path, size_t depth, cli_visitor visit, void *self)
{
    const struct command *c = path[depth - 1];
    int result = visit(self, path, depth);

    for (size_t i = 0; result == 0 && c->children && c->children[i]; i++) {
        if ((c->children[i]->flags & CLI_HIDDEN) || depth == CLI_DEPTH_MAX)
            continue;
        path[depth] = c->children[i];
        result = walk(path, depth + 1, visit, self);
    }
    return result;
}

int cli_walk(const struct command *root, cli_visitor visit, void *self)
{
    const struct command *path[CLI_DEPTH_MAX] = {root};

    return walk(path, 1, visit, self);
}
