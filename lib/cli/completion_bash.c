#include "cli/internal.h"

struct writer {
    struct strbuf *out;
    const char *name; /* of the program */
};

static void add(struct writer *w, const char *text)
{
    for (; *text; text++) {
        if (*text == '@') /* the program's name */
            strbuf_adds(w->out, w->name);
        else
            strbuf_addch(w->out, *text);
    }
}

static const char head[] = "# bash completion for @, made by '@ completion bash'\n"
                           "# shellcheck shell=bash\n"
                           "\n"
                           "# Candidates, one a line, that go on with what stands there.\n"
                           "_@_words() {\n"
                           "    local candidate\n"
                           "    while IFS= read -r candidate; do\n"
                           "        [[ $candidate == \"$cur\"* ]] && COMPREPLY+=(\"$candidate\")\n"
                           "    done\n"
                           "}\n"
                           "\n"
                           "_@_files() {\n"
                           "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n"
                           "    compopt -o filenames 2>/dev/null\n"
                           "}\n"
                           "\n";

static const char tail[] =
    "_@() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local at=@ word i value='' position=0 ended=''\n"
    "    COMPREPLY=()\n"
    "    # --option=value is three words here\n"
    "    if [[ $cur == '=' ]]; then\n"
    "        cur=''\n"
    "    elif [[ $prev == '=' ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ $word == '=' ]]; then\n"
    "            value=1\n"
    "        elif [[ -n $value ]]; then\n"
    "            value=''\n"
    "        elif [[ $word == '--' ]]; then\n"
    "            ended=1\n"
    "        elif [[ -z $ended && $word == -* ]]; then\n"
    "            _@_takes \"$at:$word\" && value=1\n"
    "        elif ((position == 0)) && _@_child \"$at $word\"; then\n"
    "            at+=\" $word\"\n"
    "        else\n"
    "            position=$((position + 1))\n"
    "        fi\n"
    "    done\n"
    "    if [[ -z $ended ]] && _@_takes \"$at:$prev\"; then\n"
    "        _@_value \"$at:$prev\"\n"
    "    elif [[ -z $ended && $cur == -* ]]; then\n"
    "        _@_options \"$at\"\n"
    "    else\n"
    "        ((position == 0)) && _@_children \"$at\"\n"
    "        ((${#COMPREPLY[@]} > 0)) || _@_argument \"$at:$position\"\n"
    "    fi\n"
    "}\n"
    "complete -F _@ @\n";

static void add_path(struct writer *w, const struct command *const *path, size_t depth)
{
    cli_path_name(path, depth, ' ', w->out);
}

/* "'diner orders list':--store | 'diner orders list':-s": patterns of an option. */
static void option_pattern(struct writer *w, const struct command *const *path, size_t depth,
                           const struct field *f)
{
    const char *forms[2] = {f->name, f->short_name ? (char[]){f->short_name, '\0'} : NULL};

    for (size_t i = 0; i < 2 && forms[i]; i++) {
        add(w, i ? " | " : "    ");
        if (path) {
            add(w, "'");
            add_path(w, path, depth);
            add(w, "'");
        } else {
            add(w, "*");
        }
        strbuf_addf(w->out, ":%s%s", i ? "-" : "--", forms[i]);
    }
    add(w, ") ");
}

/* How the value of an option or argument is completed; false: not at all. */
static bool value_action(struct writer *w, const struct field *f)
{
    const char *names = cli_dynamic_names(f);

    if (f->type == FIELD_CHOICE) {
        add(w, "_@_words < <(printf '%s\\n'");
        for (size_t i = 0; f->choices[i]; i++)
            strbuf_addf(w->out, " %s", f->choices[i]);
        add(w, ") ;;\n");
    } else if (names) {
        strbuf_addf(w->out, "_%s_words < <(%s __complete %s%s 2>/dev/null) ;;\n", w->name, w->name,
                    names, cli_names_hang_on_words(names) ? " -- \"${COMP_WORDS[@]}\"" : "");
    } else if (f->complete && strcmp(f->complete, "file") == 0) {
        add(w, "_@_files -f ;;\n");
    } else if (f->complete && strcmp(f->complete, "dir") == 0) {
        add(w, "_@_files -d ;;\n");
    } else {
        return false;
    }
    return true;
}

static void option_value(struct writer *w, const struct command *const *path, size_t depth,
                         const struct field *f)
{
    size_t before = w->out->len;

    option_pattern(w, path, depth, f);
    if (!value_action(w, f))
        strbuf_truncate(w->out, before);
}

/* Calls each for every option with a value: the local ones of every command, then the global. */
typedef void (*option_writer)(struct writer *w, const struct command *const *path, size_t depth,
                              const struct field *f);
struct options_walk {
    struct writer *w;
    option_writer each;
};

static int options_visit(void *self, const struct command *const *path, size_t depth)
{
    struct options_walk *walk = self;
    struct cli_options options;

    cli_options_of(path, depth, &options);
    for (size_t i = 0; i < options.local; i++)
        if (cli_takes_value(options.items[i]))
            walk->each(walk->w, path, depth, options.items[i]);
    for (size_t i = options.local; i < options.count && depth == 1; i++)
        if (cli_takes_value(options.items[i]))
            walk->each(walk->w, NULL, 0, options.items[i]);
    return 0;
}

static void takes_one(struct writer *w, const struct command *const *path, size_t depth,
                      const struct field *f)
{
    option_pattern(w, path, depth, f);
    add(w, "return 0 ;;\n");
}

static int child_visit(void *self, const struct command *const *path, size_t depth)
{
    if (depth > 1) {
        add(self, "    '");
        add_path(self, path, depth);
        add(self, "') return 0 ;;\n");
    }
    return 0;
}

static int children_visit(void *self, const struct command *const *path, size_t depth)
{
    struct writer *w = self;
    const struct command *c = path[depth - 1];

    if (!c->children)
        return 0;
    add(w, "    '");
    add_path(w, path, depth);
    add(w, "') _@_words < <(printf '%s\\n'");
    for (size_t i = 0; c->children[i]; i++)
        if (!(c->children[i]->flags & CLI_HIDDEN))
            strbuf_addf(w->out, " %s", c->children[i]->name);
    add(w, depth == 1 ? " help version) ;;\n" : ") ;;\n");
    return 0;
}

static int option_list_visit(void *self, const struct command *const *path, size_t depth)
{
    struct writer *w = self;
    struct cli_options options;

    cli_options_of(path, depth, &options);
    add(w, "    '");
    add_path(w, path, depth);
    add(w, "') _@_words < <(printf '%s\\n'");
    for (size_t i = 0; i < options.count; i++) {
        strbuf_addf(w->out, " --%s", options.items[i]->name);
        if (options.items[i]->short_name)
            strbuf_addf(w->out, " -%c", options.items[i]->short_name);
    }
    add(w, ") ;;\n");
    return 0;
}

static int argument_visit(void *self, const struct command *const *path, size_t depth)
{
    struct writer *w = self;
    const struct field *f;

    for (size_t i = 0; (f = cli_argument(path[depth - 1], i)); i++) {
        size_t before = w->out->len;
        add(w, "    '");
        add_path(w, path, depth);
        if (f->type == FIELD_STRINGS)
            add(w, "':*) ");
        else
            strbuf_addf(w->out, "':%zu) ", i);
        if (!value_action(w, f))
            strbuf_truncate(w->out, before);
    }
    return 0;
}

static void help_words(const struct command *root, struct writer *w)
{
    const char *topic, *summary;
    add(w, "    '@ help') _@_words < <(printf '%s\\n'");
    for (size_t i = 0; root->children && root->children[i]; i++)
        if (!(root->children[i]->flags & CLI_HIDDEN))
            strbuf_addf(w->out, " %s", root->children[i]->name);
    for (size_t i = 0; cli_help_topic_at(root, i, &topic, &summary); i++)
        strbuf_addf(w->out, " %s", topic);
    add(w, ") ;;\n");
}

void cli_completion_bash(const struct command *root, struct strbuf *out)
{
    struct writer w = {out, root->name};
    struct options_walk takes = {&w, takes_one}, values = {&w, option_value};

    add(&w, head);
    add(&w, "_@_takes() {\n    case $1 in\n");
    (void)cli_walk(root, options_visit, &takes);
    add(&w, "    esac\n    return 1\n}\n\n_@_value() {\n    case $1 in\n");
    (void)cli_walk(root, options_visit, &values);
    add(&w, "    esac\n}\n\n_@_child() {\n    case $1 in\n    '@ help') return 0 ;;\n");
    (void)cli_walk(root, child_visit, &w);
    add(&w, "    esac\n    return 1\n}\n\n_@_children() {\n    case $1 in\n");
    help_words(root, &w);
    (void)cli_walk(root, children_visit, &w);
    add(&w, "    esac\n}\n\n_@_options() {\n    case $1 in\n");
    (void)cli_walk(root, option_list_visit, &w);
    add(&w, "    esac\n}\n\n_@_argument() {\n    case $1 in\n");
    (void)cli_walk(root, argument_visit, &w);
    add(&w, "    *) ;;\n    esac\n}\n\n");
    add(&w, tail);
}
