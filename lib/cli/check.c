/* The self-check of a command tree. */
#include "cli/internal.h"
#include <ctype.h>
#include <stdarg.h>

static char defect[512];

static const char *tell(const struct command *const *path, size_t depth, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static const char *tell(const struct command *const *path, size_t depth, const char *format, ...)
{
    AUTO_STRBUF struct strbuf text = {0};
    va_list args;

    strbuf_init(&text, sizeof(defect) - 1);
    cli_path_name(path, depth, ' ', &text);
    strbuf_adds(&text, ": ");
    va_start(args, format);
    strbuf_addv(&text, format, args);
    va_end(args);
    memcpy(defect, text.data, text.len + 1);
    return defect;
}

static const char *check_words(const struct command *const *path, size_t depth)
{
    const struct command *c = path[depth - 1];

    for (const char *p = c->name; *p; p++)
        if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '-' && *p != '_')
            return tell(path, depth, "the name is not well-formed");
    if (!c->summary || !*c->summary)
        return tell(path, depth, "has no summary");
    if (c->summary[strlen(c->summary) - 1] == '.')
        return tell(path, depth, "the summary ends with a full stop");
    /* "ERP" may begin a summary, "Loads" may not. */
    if (isupper((unsigned char)c->summary[0]) && islower((unsigned char)c->summary[1]))
        return tell(path, depth, "the summary does not begin in lower case");
    return NULL;
}

/* Examples begin with the command itself, so that running them tries it. */
static const char *check_examples(const struct command *const *path, size_t depth)
{
    AUTO_STRBUF struct strbuf name = {0};
    const struct command *c = path[depth - 1];

    strbuf_init(&name, 0);
    cli_path_name(path, depth, ' ', &name);
    if (!c->examples && c->run && !(c->flags & CLI_HIDDEN))
        return tell(path, depth, "has no example");
    for (const struct command_example *e = c->examples; e && e->command; e++)
        if (!strstr(e->command, name.data))
            return tell(path, depth, "example '%s' does not use it", e->command);
    return NULL;
}

static const char *check_args(const struct command *const *path, size_t depth)
{
    const struct command *c = path[depth - 1];
    const char *bad = c->args ? field_set_check(c->args) : NULL;

    if (bad)
        return tell(path, depth, "%s", bad);
    for (const struct field *f = c->args ? c->args->fields : NULL; f && f->name; f++) {
        if (f->type >= FIELD_NODE)
            return tell(path, depth, "'%s' cannot be given as text", f->name);
        if (f->flags & FIELD_POSITIONAL)
            continue;
        for (const struct field *g = cli_global_set.fields; g->name; g++) {
            /* --config may be a file of the command's own; diner.yaml is then named before it. */
            if (strcmp(f->name, g->name) == 0 && strcmp(f->name, "config") != 0)
                return tell(path, depth, "option '--%s' is a global one", f->name);
            if (f->short_name && f->short_name == g->short_name &&
                cli_global_applies(g, path, depth))
                return tell(path, depth, "short name '-%c' belongs to '--%s'", f->short_name,
                            g->name);
        }
    }
    return NULL;
}

static const char *check_tree(const struct command **path, size_t depth)
{
    const struct command *c = path[depth - 1];
    const char *bad;

    if ((bad = check_words(path, depth)) || (bad = check_args(path, depth)) ||
        (bad = check_examples(path, depth)))
        return bad;
    if (!c->run && !(c->children && c->children[0]))
        return tell(path, depth, "neither runs nor has commands");
    if (c->children && c->children[0] && depth == CLI_DEPTH_MAX)
        return tell(path, depth, "is too deep");
    for (size_t i = 0; c->children && c->children[i]; i++) {
        for (size_t j = 0; j < i; j++)
            if (strcmp(c->children[i]->name, c->children[j]->name) == 0)
                return tell(path, depth, "has '%s' twice", c->children[i]->name);
        path[depth] = c->children[i];
        if ((bad = check_tree(path, depth + 1)))
            return bad;
    }
    return NULL;
}

const char *command_tree_check(const struct command *root)
{
    const struct command *path[CLI_DEPTH_MAX + 1] = {root};
    const char *bad = field_set_check(&cli_global_set);

    if (!bad)
        bad = field_set_check(&settings_fields);
    return bad ? bad : check_tree(path, 1);
}
