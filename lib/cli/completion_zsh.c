#include "cli/internal.h"
#include "core/message.h"

struct writer {
    struct strbuf *out;
    const char *name;
};

static void add(struct writer *w, const char *text)
{
    for (; *text; text++) {
        if (*text == '@')
            strbuf_adds(w->out, w->name);
        else
            strbuf_addch(w->out, *text);
    }
}

/* 'name:what it is' for _describe, inside single quotes. */
static void candidate(struct writer *w, const char *before, const char *name, const char *help)
{
    strbuf_addf(w->out, " '%s%s:", before, name);
    for (help = message_text(help); *help; help++) {
        if (*help == '\'')
            strbuf_adds(w->out, "'\\''");
        else if (*help == ':' || *help == '\\')
            strbuf_addf(w->out, "\\%c", *help);
        else
            strbuf_addch(w->out, *help);
    }
    strbuf_addch(w->out, '\'');
}

static const char head[] = "#compdef @\n"
                           "# zsh completion for @, made by '@ completion zsh'\n"
                           "\n"
                           "_@_names() {\n"
                           "    local -a names\n"
                           "    names=(${(f)\"$(@ __complete $1 -- $words 2>/dev/null)\"})\n"
                           "    compadd -a names\n"
                           "}\n\n";

static const char tail[] =
    "_@() {\n"
    "    local at=@ word value='' ended='' prev=${words[CURRENT-1]} cur=${words[CURRENT]}\n"
    "    local -i position=0 i\n"
    "    for ((i = 2; i < CURRENT; i++)); do\n"
    "        word=${words[i]}\n"
    "        if [[ -n $value ]]; then\n"
    "            value=''\n"
    "        elif [[ $word == -- ]]; then\n"
    "            ended=1\n"
    "        elif [[ -z $ended && $word == -* ]]; then\n"
    "            _@_takes \"$at:$word\" && value=1\n"
    "        elif ((position == 0)) && _@_child \"$at $word\"; then\n"
    "            at+=\" $word\"\n"
    "        else\n"
    "            position+=1\n"
    "        fi\n"
    "    done\n"
    "    if [[ -z $ended && $cur == --*=* ]]; then\n"
    "        prev=${cur%%=*}\n"
    "        compset -P '*='\n"
    "        _@_value \"$at:$prev\"\n"
    "    elif [[ -z $ended ]] && _@_takes \"$at:$prev\"; then\n"
    "        _@_value \"$at:$prev\"\n"
    "    elif [[ -z $ended && $cur == -* ]]; then\n"
    "        _@_options \"$at\"\n"
    "    elif ((position > 0)) || ! _@_children \"$at\"; then\n"
    "        _@_argument \"$at:$position\"\n"
    "    fi\n"
    "}\n"
    "\n"
    "if [[ $funcstack[1] == _@ ]]; then\n"
    "    _@ \"$@\"\n"
    "else\n"
    "    compdef _@ @\n"
    "fi\n";

static void add_case(struct writer *w, const struct command *const *path, size_t depth)
{
    add(w, "    '");
    cli_path_name(path, depth, ' ', w->out);
}

static bool value_action(struct writer *w, const struct field *f)
{
    const char *names = cli_dynamic_names(f);

    if (f->type == FIELD_CHOICE) {
        add(w, "compadd --");
        for (size_t i = 0; f->choices[i]; i++)
            strbuf_addf(w->out, " %s", f->choices[i]);
    } else if (names) {
        strbuf_addf(w->out, "_%s_names %s", w->name, names);
    } else if (f->complete && strcmp(f->complete, "file") == 0) {
        add(w, "_files");
    } else if (f->complete && strcmp(f->complete, "dir") == 0) {
        add(w, "_files -/");
    } else {
        return false;
    }
    add(w, " ;;\n");
    return true;
}

static void option_case(struct writer *w, const struct command *const *path, size_t depth,
                        const struct field *f)
{
    if (path)
        add_case(w, path, depth);
    else
        add(w, "    *'");
    strbuf_addf(w->out, ":--%s'", f->name);
    if (f->short_name) {
        add(w, "|");
        if (!path)
            add(w, "*");
        add(w, "'");
        if (path)
            cli_path_name(path, depth, ' ', w->out);
        strbuf_addf(w->out, ":-%c'", f->short_name);
    }
    add(w, ") ");
}

struct options_walk {
    struct writer *w;
    bool values; /* actions; else just whether a value follows */
};

static void options_one(const struct options_walk *walk, const struct command *const *path,
                        size_t depth, const struct field *f)
{
    size_t before = walk->w->out->len;

    if (!cli_takes_value(f))
        return;
    option_case(walk->w, path, depth, f);
    if (!walk->values)
        add(walk->w, "return 0 ;;\n");
    else if (!value_action(walk->w, f))
        strbuf_truncate(walk->w->out, before);
}

static int options_visit(void *self, const struct command *const *path, size_t depth)
{
    struct cli_options options;

    cli_options_of(path, depth, &options);
    for (size_t i = 0; i < options.local; i++)
        options_one(self, path, depth, options.items[i]);
    for (size_t i = options.local; i < options.count && depth == 1; i++)
        options_one(self, NULL, 0, options.items[i]);
    return 0;
}

static int child_visit(void *self, const struct command *const *path, size_t depth)
{
    if (depth > 1) {
        add_case(self, path, depth);
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
    add_case(w, path, depth);
    add(w, "') list=(");
    for (size_t i = 0; c->children[i]; i++)
        if (!(c->children[i]->flags & CLI_HIDDEN))
            candidate(w, "", c->children[i]->name, c->children[i]->summary);
    if (depth == 1) {
        candidate(w, "", "help", "help on a command or topic");
        candidate(w, "", "version", "show the version");
    }
    add(w, " ) ;;\n");
    return 0;
}

static int option_list_visit(void *self, const struct command *const *path, size_t depth)
{
    struct writer *w = self;
    struct cli_options options;

    cli_options_of(path, depth, &options);
    add_case(w, path, depth);
    add(w, "') list=(");
    for (size_t i = 0; i < options.count; i++) {
        candidate(w, "--", options.items[i]->name, options.items[i]->help);
        if (options.items[i]->short_name)
            candidate(w, "-", (char[]){options.items[i]->short_name, '\0'}, options.items[i]->help);
    }
    add(w, " ) ;;\n");
    return 0;
}

static int argument_visit(void *self, const struct command *const *path, size_t depth)
{
    struct writer *w = self;
    const struct field *f;

    for (size_t i = 0; (f = cli_argument(path[depth - 1], i)); i++) {
        size_t before = w->out->len;
        add_case(w, path, depth);
        if (f->type == FIELD_STRINGS)
            add(w, ":'*) ");
        else
            strbuf_addf(w->out, ":%zu') ", i);
        if (!value_action(w, f))
            strbuf_truncate(w->out, before);
    }
    return 0;
}

static void help_words(const struct command *root, struct writer *w)
{
    const char *topic, *summary;
    add(w, "    '@ help') list=(");
    for (size_t i = 0; root->children && root->children[i]; i++)
        if (!(root->children[i]->flags & CLI_HIDDEN))
            candidate(w, "", root->children[i]->name, root->children[i]->summary);
    for (size_t i = 0; cli_help_topic_at(root, i, &topic, &summary); i++)
        candidate(w, "", topic, summary);
    add(w, " ) ;;\n");
}

void cli_completion_zsh(const struct command *root, struct strbuf *out)
{
    struct writer w = {out, root->name};
    struct options_walk takes = {&w, false}, values = {&w, true};

    add(&w, head);
    add(&w, "_@_takes() {\n    case $1 in\n");
    (void)cli_walk(root, options_visit, &takes);
    add(&w, "    esac\n    return 1\n}\n\n_@_value() {\n    case $1 in\n");
    (void)cli_walk(root, options_visit, &values);
    add(&w, "    esac\n}\n\n_@_child() {\n    case $1 in\n    '@ help') return 0 ;;\n");
    (void)cli_walk(root, child_visit, &w);
    add(&w, "    esac\n    return 1\n}\n\n_@_children() {\n    local -a list\n    case $1 in\n");
    help_words(root, &w);
    (void)cli_walk(root, children_visit, &w);
    add(&w, "    *) return 1 ;;\n    esac\n    _describe -t commands command list\n}\n\n"
            "_@_options() {\n    local -a list\n    case $1 in\n");
    (void)cli_walk(root, option_list_visit, &w);
    add(&w,
        "    esac\n    _describe -t options option list\n}\n\n_@_argument() {\n    case $1 in\n");
    (void)cli_walk(root, argument_visit, &w);
    add(&w, "    esac\n}\n\n");
    add(&w, tail);
}
