/* argv into command, options and arguments, as getopt_long reads them: --x=y, --x y, -xy,
 * bundles, -- and --no-x; names are not abbreviated. */
#include "cli/internal.h"
#include "core/message.h"
#include "core/secret.h"
#include "schema/suggest.h"
#include <ctype.h>

struct parser {
    struct cli_parsed *p;
    const struct command *current;
    int argc;
    char **argv;
    int next; /* index of the next word */
    struct error *err;
};

bool cli_was_given(const struct cli_parsed *p, const struct field *f)
{
    for (size_t i = 0; i < p->ngiven; i++)
        if (p->given[i].field == f)
            return true;
    return false;
}

bool cli_option_given(const struct cli *cli, const char *name)
{
    const struct field *f = field_find(cli->command->args, name);
    return f != NULL && cli->parsed != NULL && cli_was_given(cli->parsed, f);
}

/* While no command is known yet, any global option may stand there. */
static const struct field *find_option(const struct parser *s, const char *name, size_t n,
                                       char short_name)
{
    const struct field_set *sets[] = {s->current->args, &cli_global_set};

    for (size_t i = 0; i < 2; i++) {
        for (const struct field *f = sets[i] ? sets[i]->fields : NULL; f && f->name; f++) {
            if (f->flags & FIELD_POSITIONAL)
                continue;
            if (name ? strlen(f->name) == n && memcmp(f->name, name, n) == 0
                     : f->short_name == short_name)
                return f;
        }
    }
    return NULL;
}

static bool is_reference(const char *text)
{
    return strncmp(text, "env:", 4) == 0 || strncmp(text, "file:", 5) == 0;
}

/* The arguments of a process are no secret: everybody on the machine can list them. */
static int check_secret(const struct parser *s, const struct field *f, const char *text)
{
    bool is_dsn = strcmp(f->name, "db") == 0 || strcmp(f->name, "dsn") == 0;

    if (!(f->flags & FIELD_SECRET) || !*text || is_reference(text))
        return 0;
    if (is_dsn && !secret_register_dsn(text))
        return 0;
    if (!is_dsn)
        secret_register(text);
    error_set(s->err, ERR_USAGE,
              is_dsn ? MESSAGE("option '--%s' holds a password, which others could read")
                     : MESSAGE("option '--%s' is a secret, which others could read"),
              f->name);
    if (f->env)
        return error_hint(s->err, "set %s, or give --%s env:NAME or --%s file:PATH", f->env,
                          f->name, f->name);
    return error_hint(s->err, "give --%s env:NAME or --%s file:PATH", f->name, f->name);
}

static int add_given(struct parser *s, const struct field *f, const char *text)
{
    TRY(check_secret(s, f, text));
    s->p->given[s->p->ngiven++] = (struct cli_given){f, text};
    return 0;
}

static int unknown_option(const struct parser *s, const char *shown)
{
    struct cli_options options;
    const char *names[CLI_OPTIONS_MAX];
    const char *word = shown;

    error_set(s->err, ERR_USAGE, "unknown option '%s'", shown);
    cli_options_of(s->p->path, s->p->depth, &options);
    while (*word == '-')
        word++;
    for (size_t i = 0; i < options.count; i++)
        names[i] = options.items[i]->name;
    const char *near = strlen(word) > 1 ? suggest_nearest(word, names, options.count) : NULL;
    return near ? error_hint(s->err, "did you mean '--%s'?", near) : ERR_USAGE;
}

static int long_option(struct parser *s, const char *word)
{
    const char *name = word + 2, *equals = strchr(name, '=');
    size_t n = equals ? (size_t)(equals - name) : strlen(name);
    const struct field *f = find_option(s, name, n, 0);
    bool negated = false;

    if (!f && n > 3 && memcmp(name, "no-", 3) == 0) {
        f = find_option(s, name + 3, n - 3, 0);
        negated = f && f->type == FIELD_BOOL;
        if (!negated)
            f = NULL;
    }
    if (!f)
        return unknown_option(s, arena_strndup(s->p->arena, word, n + 2));
    if (!cli_takes_value(f)) {
        if (negated && equals)
            return error_set(s->err, ERR_USAGE, "option '--no-%s' takes no value", f->name);
        return add_given(s, f, negated ? "false" : equals ? equals + 1 : "true");
    }
    if (equals)
        return add_given(s, f, equals + 1);
    if (s->next >= s->argc)
        return error_set(s->err, ERR_USAGE, "option '--%s' needs a value", f->name);
    return add_given(s, f, s->argv[s->next++]);
}

static int short_options(struct parser *s, const char *word)
{
    for (const char *p = word + 1; *p; p++) {
        const struct field *f = find_option(s, NULL, 0, *p);
        if (!f)
            return unknown_option(s, (char[]){'-', *p, '\0'});
        if (!cli_takes_value(f)) {
            TRY(add_given(s, f, "true"));
            continue;
        }
        if (p[1])
            return add_given(s, f, p + 1);
        if (s->next >= s->argc)
            return error_set(s->err, ERR_USAGE, "option '-%c' needs a value", *p);
        return add_given(s, f, s->argv[s->next++]);
    }
    return 0;
}

int cli_unknown_command(const struct cli_parsed *p, const char *word, struct error *err)
{
    const struct command *c = p->path[p->depth - 1];
    const char *names[CLI_OPTIONS_MAX];
    size_t n = 0;

    for (size_t i = 0; c->children && c->children[i] && n < CLI_OPTIONS_MAX - 2; i++)
        if (!(c->children[i]->flags & CLI_HIDDEN))
            names[n++] = c->children[i]->name;
    if (p->depth == 1) {
        names[n++] = "help";
        names[n++] = "version";
    }
    error_set(err, ERR_USAGE, "unknown command '%s'", word);
    const char *near = suggest_nearest(word, names, n);
    return near ? error_hint(err, "did you mean '%s'?", near) : ERR_USAGE;
}

/* The options of a command that has children are its own, not theirs. */
static int check_descent(const struct parser *s, const struct command *child)
{
    for (size_t i = 0; i < s->p->ngiven; i++)
        if (!cli_is_global(s->p->given[i].field)) {
            error_set(s->err, ERR_USAGE, "option '--%s' stands before the command '%s'",
                      s->p->given[i].field->name, child->name);
            return error_hint(s->err, "give it behind '%s'", child->name);
        }
    return 0;
}

/* A word that is no option: the next command down, or an argument. */
static int take_word(struct parser *s, const char *word)
{
    const struct command *child = s->p->nwords == 0 ? cli_child(s->current, word) : NULL;

    if (child)
        TRY(check_descent(s, child));
    if (child && s->p->depth < CLI_DEPTH_MAX) {
        s->current = child;
        s->p->path[s->p->depth++] = child;
        return 0;
    }
    if (s->current->children && !s->current->run) {
        s->p->unknown_command = true;
        return cli_unknown_command(s->p, word, s->err);
    }
    s->p->words[s->p->nwords++] = word;
    return 0;
}

/* "-5" is a number where no option is called 5. */
static bool is_option(const struct parser *s, const char *word)
{
    if (word[0] != '-' || word[1] == '\0')
        return false;
    return !isdigit((unsigned char)word[1]) || find_option(s, NULL, 0, word[1]) != NULL;
}

/* What was accepted before the command was known may be unknown to it. */
static int check_globals(const struct parser *s)
{
    for (size_t i = 0; i < s->p->ngiven; i++) {
        const struct field *f = s->p->given[i].field;
        bool is_version = strcmp(f->name, "version") == 0;
        if (cli_is_global(f) && !is_version && !cli_global_applies(f, s->p->path, s->p->depth) &&
            (s->current->run || !s->current->children))
            return unknown_option(s, arena_printf(s->p->arena, "--%s", f->name));
    }
    return 0;
}

/* --version is the root's alone. */
static int check_version(const struct parser *s)
{
    if (s->p->depth > 1 && s->p->ngiven > 0 &&
        s->p->given[s->p->ngiven - 1].field == cli_global("version"))
        return unknown_option(s, "--version");
    return 0;
}

static int parse_words(struct parser *s)
{
    bool options_end = false;

    while (s->next < s->argc) {
        const char *word = s->argv[s->next++];
        if (!options_end && strcmp(word, "--") == 0) {
            options_end = true;
        } else if (options_end || !is_option(s, word)) {
            TRY(take_word(s, word));
        } else if (word[1] == '-') {
            TRY(long_option(s, word));
            TRY(check_version(s));
        } else {
            TRY(short_options(s, word));
        }
    }
    return check_globals(s);
}

/* Every letter of a bundle may be an option. */
static size_t count_letters(int argc, char **argv)
{
    size_t n = 1;

    for (int i = 1; i < argc; i++)
        n += strlen(argv[i]) + 1;
    return n;
}

int cli_parse(const struct command *root, int argc, char **argv, struct arena *arena,
              struct cli_parsed *ret, struct error *err)
{
    struct parser s = {
        .p = ret, .current = root, .argc = argc, .argv = argv, .next = 1, .err = err};
    size_t most = argc > 0 ? (size_t)argc + 1 : 1;

    *ret = (struct cli_parsed){.arena = arena, .path = {root}, .depth = 1};
    ret->words = arena_array(arena, most, sizeof(*ret->words));
    ret->given = arena_array(arena, count_letters(argc, argv), sizeof(*ret->given));
    return parse_words(&s);
}
