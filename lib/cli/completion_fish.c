#include "cli/internal.h"
#include "core/message.h"

static void quoted(struct strbuf *out, const char *text)
{
    strbuf_addch(out, '\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            strbuf_addch(out, '\\');
        strbuf_addch(out, *text);
    }
    strbuf_addch(out, '\'');
}

/* complete -c diner -n '__diner_at diner orders list' */
static void rule(struct strbuf *out, const struct command *const *path, size_t depth)
{
    strbuf_addf(out, "complete -c %s -n '__%s_at ", path[0]->name, path[0]->name);
    cli_path_name(path, depth, ' ', out);
    strbuf_adds(out, "'");
}

static bool value_words(struct strbuf *out, const struct command *root, const struct field *f)
{
    const char *names = cli_dynamic_names(f);

    if (f->type == FIELD_CHOICE) {
        strbuf_adds(out, " -a '");
        for (size_t i = 0; f->choices[i]; i++)
            strbuf_addf(out, "%s%s", i ? " " : "", f->choices[i]);
        strbuf_adds(out, "'");
    } else if (names) {
        strbuf_addf(out, " -a '(%s __complete %s%s 2>/dev/null)'", root->name, names,
                    cli_names_hang_on_words(names) ? " -- (commandline -opc)" : "");
    } else if (f->complete && strcmp(f->complete, "dir") == 0) {
        strbuf_adds(out, " -a '(__fish_complete_directories)'");
    } else {
        return false;
    }
    return true;
}

static bool is_file(const struct field *f)
{
    return f->complete && strcmp(f->complete, "file") == 0;
}

static void option(struct strbuf *out, const struct command *root, const struct field *f)
{
    strbuf_addf(out, " -l %s", f->name);
    if (f->short_name)
        strbuf_addf(out, " -s %c", f->short_name);
    if (cli_takes_value(f)) {
        strbuf_adds(out, is_file(f) ? " -r -F" : " -x");
        (void)value_words(out, root, f);
    }
    strbuf_adds(out, " -d ");
    quoted(out, message_text(f->help));
    strbuf_addch(out, '\n');
}

static int case_visit(void *self, const struct command *const *path, size_t depth)
{
    if (depth > 1) {
        strbuf_adds(self, " '");
        cli_path_name(path, depth, ' ', self);
        strbuf_adds(self, "'");
    }
    return 0;
}

static int rules_visit(void *self, const struct command *const *path, size_t depth)
{
    struct strbuf *out = self;
    const struct command *c = path[depth - 1];
    struct cli_options options;
    const struct field *f;

    for (size_t i = 0; c->children && c->children[i]; i++) {
        if (c->children[i]->flags & CLI_HIDDEN)
            continue;
        rule(out, path, depth);
        strbuf_addf(out, " -a %s -d ", c->children[i]->name);
        quoted(out, message_text(c->children[i]->summary));
        strbuf_addch(out, '\n');
    }
    cli_options_of(path, depth, &options);
    for (size_t i = 0; i < options.local; i++) {
        rule(out, path, depth);
        option(out, path[0], options.items[i]);
    }
    for (size_t i = 0; (f = cli_argument(c, i)); i++) {
        size_t before = out->len;
        rule(out, path, depth);
        if (is_file(f))
            strbuf_adds(out, " -F");
        else if (!value_words(out, path[0], f)) {
            strbuf_truncate(out, before);
            continue;
        }
        strbuf_addch(out, '\n');
    }
    return 0;
}

static void help_rules(struct strbuf *out, const struct command *root)
{
    const char *topic, *summary;
    static const char *const own[][2] = {{"help", MESSAGE("help on a command or topic")},
                                         {"version", MESSAGE("show the version")}};
    for (size_t i = 0; i < 2; i++) {
        strbuf_addf(out, "complete -c %s -n '__%s_at %s' -a %s -d ", root->name, root->name,
                    root->name, own[i][0]);
        quoted(out, message_text(own[i][1]));
        strbuf_addch(out, '\n');
    }
    for (size_t i = 0; cli_help_topic_at(root, i, &topic, &summary); i++) {
        strbuf_addf(out, "complete -c %s -n '__%s_at %s help' -a %s -d ", root->name, root->name,
                    root->name, topic);
        quoted(out, summary);
        strbuf_addch(out, '\n');
    }
    for (size_t i = 0; root->children && root->children[i]; i++) {
        if (root->children[i]->flags & CLI_HIDDEN)
            continue;
        strbuf_addf(out, "complete -c %s -n '__%s_at %s help' -a %s -d ", root->name, root->name,
                    root->name, root->children[i]->name);
        quoted(out, message_text(root->children[i]->summary));
        strbuf_addch(out, '\n');
    }
}

void cli_completion_fish(const struct command *root, struct strbuf *out)
{
    const struct command *path[] = {root};
    const char *name = root->name;
    struct cli_options options;

    strbuf_addf(out,
                "# fish completion for %s, made by '%s completion fish'\n\n"
                "# Does the line so far name exactly this command?\n"
                "function __%s_at\n"
                "    set -l at %s\n"
                "    set -l words (commandline -opc)\n"
                "    set -e words[1]\n"
                "    for word in $words\n"
                "        switch \"$at $word\"\n"
                "            case '%s help'",
                name, name, name, name, name);
    (void)cli_walk(root, case_visit, out);
    strbuf_addf(out,
                "\n"
                "                set at \"$at $word\"\n"
                "        end\n"
                "    end\n"
                "    test \"$at\" = \"$argv\"\n"
                "end\n\n"
                "complete -c %s -f\n",
                name);
    cli_options_of(path, 1, &options);
    for (size_t i = options.local; i < options.count; i++) {
        strbuf_addf(out, "complete -c %s", name);
        option(out, root, options.items[i]);
    }
    help_rules(out, root);
    (void)cli_walk(root, rules_visit, out);
}
