/* What was given, bound: flag > environment > setting > default. */
#include "cli/internal.h"
#include "core/log.h"
#include "core/message.h"
#include "schema/bind.h"
#include <stdlib.h>

int cli_bind_globals(const struct cli_parsed *p, struct cli_globals *ret, int *ret_verbosity,
                     struct error *err)
{
    const struct field *verbose = cli_global("verbose");
    int verbosity = 0;

    bind_defaults(&cli_global_set, ret, p->arena);
    ret->log_level = ret->log_format = -1; /* not given: the settings decide */
    for (size_t i = 0; i < p->ngiven; i++) {
        const struct cli_given *g = &p->given[i];
        if (!cli_is_global(g->field))
            continue;
        if (bind_text(g->field, g->text, ret, p->arena, err) != 0) {
            err->code = ERR_USAGE;
            return error_context(err, "option '--%s'", g->field->name);
        }
        if (g->field == verbose)
            verbosity = ret->verbose ? verbosity + 1 : 0;
    }
    *ret_verbosity = verbosity;
    return 0;
}

/* A renamed option sets the member of its new name. */
static const struct field *real_field(const struct field_set *set, const struct field *f)
{
    const struct field *renamed = f->renamed_to ? field_find(set, f->renamed_to) : NULL;

    if (f->flags & FIELD_DEPRECATED)
        log_warn(renamed ? MESSAGE("option '--%s' is now called '--%s'")
                         : MESSAGE("option '--%s' is deprecated"),
                 f->name, f->renamed_to);
    return renamed ? renamed : f;
}

static bool given_before(const struct cli_parsed *p, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (p->given[i].field == p->given[index].field)
            return true;
    return false;
}

static int bind_options(const struct cli_parsed *p, const struct field_set *set, void *args,
                        struct error *err)
{
    for (size_t i = 0; i < p->ngiven; i++) {
        const struct cli_given *g = &p->given[i];
        if (cli_is_global(g->field))
            continue;
        const struct field *f = real_field(set, g->field);
        bool adds = (f->flags & FIELD_REPEAT) != 0;
        if (adds && !given_before(p, i)) /* what is given replaces the default, not adds to it */
            memset((char *)args + f->offset, 0, field_type_size(f));
        int code = adds ? bind_append_text(f, g->text, args, p->arena, err)
                        : bind_text(f, g->text, args, p->arena, err);
        if (code != 0) {
            err->code = ERR_USAGE;
            return error_context(err, "option '--%s'", g->field->name);
        }
    }
    return 0;
}

static int bind_word(const struct field *f, const char *text, void *args, struct arena *arena,
                     struct error *err)
{
    AUTO_STRBUF struct strbuf name = {0};
    struct field plain = *f;

    if (bind_append_text(f, text, args, arena, err) == 0)
        return 0;
    strbuf_init(&name, 0);
    plain.flags |= FIELD_REQUIRED;
    cli_argument_name(&plain, &name);
    err->code = ERR_USAGE;
    return error_context(err, "argument %s", name.data);
}

static int bind_words(const struct cli_parsed *p, const struct command *c, void *args,
                      struct error *err)
{
    size_t used = 0;
    const struct field *f;

    for (size_t i = 0; used < p->nwords && (f = cli_argument(c, i)); i++) {
        if (f->type == FIELD_STRINGS) {
            struct field_strings rest = {.items = p->words + used, .count = p->nwords - used};
            memcpy((char *)args + f->offset, &rest, sizeof(rest));
            used = p->nwords;
            continue;
        }
        do {
            TRY(bind_word(f, p->words[used++], args, p->arena, err));
        } while (f->type == FIELD_STRING_MAP && used < p->nwords);
    }
    if (used < p->nwords)
        return error_set(err, ERR_USAGE, "unexpected argument '%s'", p->words[used]);
    return 0;
}

static bool field_is_given(const struct cli_parsed *p, const struct command *c,
                           const struct field *field)
{
    const struct field *f;

    if (cli_was_given(p, field))
        return true;
    for (const struct field *old = c->args->fields; old->name; old++)
        if (old->renamed_to && strcmp(old->renamed_to, field->name) == 0 && cli_was_given(p, old))
            return true;
    for (size_t i = 0; i < p->nwords && (f = cli_argument(c, i)); i++)
        if (f == field)
            return true;
    return false;
}

static int missing(const struct field *f, struct error *err)
{
    AUTO_STRBUF struct strbuf name = {0};

    if (!(f->flags & FIELD_POSITIONAL)) {
        error_set(err, ERR_USAGE, "option '--%s' is required", f->name);
        return f->env ? error_hint(err, "or set %s", f->env) : ERR_USAGE;
    }
    strbuf_init(&name, 0);
    cli_argument_name(f, &name);
    return error_set(err, ERR_USAGE, "argument %s is missing", name.data);
}

int cli_bind_given(const struct cli_parsed *p, void *args, struct error *err)
{
    const struct command *c = p->path[p->depth - 1];

    if (c->args) {
        bind_defaults(c->args, args, p->arena);
        TRY(bind_options(p, c->args, args, err));
    }
    TRY(bind_words(p, c, args, err));
    for (const struct field *f = c->args ? c->args->fields : NULL; f && f->name; f++)
        if ((f->flags & FIELD_REQUIRED) && !f->env && !f->config && !field_is_given(p, c, f))
            return missing(f, err);
    return 0;
}

/* A value from elsewhere for an option nobody gave; NULL when there is none. */
static const char *outer_value(const struct field *f, const struct config *config,
                               const char **ret_origin)
{
    const char *value = f->env ? getenv(f->env) : NULL;

    if (value && *value) {
        *ret_origin = f->env;
        return value;
    }
    value = f->config && config ? config_text(config, f->config, false) : NULL;
    *ret_origin = value ? f->config : NULL;
    return value;
}

int cli_bind_rest(const struct cli_parsed *p, const struct config *config, void *args,
                  struct error *err)
{
    const struct command *c = p->path[p->depth - 1];
    const char *origin;

    for (const struct field *f = c->args ? c->args->fields : NULL; f && f->name; f++) {
        if ((!f->env && !f->config) || field_is_given(p, c, f))
            continue;
        const char *value = outer_value(f, config, &origin);
        if (!value && (f->flags & FIELD_REQUIRED))
            return missing(f, err);
        if (value && bind_text(f, value, args, p->arena, err) != 0) {
            err->code = ERR_CONFIG;
            return error_context(err, "%s", origin);
        }
    }
    return 0;
}
