/* --help of a command or group. */
#include "cli/internal.h"
#include "cli/table.h"
#include "core/message.h"

#define LABEL_INDENT  2
#define LABEL_COLUMNS 28 /* where the text of an option begins */

static void heading(struct strbuf *out, const char *text, bool color)
{
    strbuf_addf(out, color ? "\n\033[1m%s%s\033[0m\n" : "\n%s%s\n", message_text(text),
                message_text(":"));
}

static void entry(struct strbuf *out, const char *label, const char *text)
{
    size_t column = LABEL_INDENT + display_width(label, strlen(label));

    cli_pad(out, LABEL_INDENT);
    strbuf_adds(out, label);
    if (column + 2 > LABEL_COLUMNS) {
        strbuf_addch(out, '\n');
        column = 0;
    }
    cli_pad(out, LABEL_COLUMNS - column);
    cli_wrap(out, message_text(text), LABEL_COLUMNS, cli_help_columns());
}

static void field_entry(struct strbuf *out, const struct field *f, const char *label)
{
    AUTO_STRBUF struct strbuf text = {0};

    strbuf_init(&text, 0);
    strbuf_adds(&text, message_text(f->help));
    cli_field_notes(f, &text);
    entry(out, label, text.data);
}

static bool has_options(const struct command *const *path, size_t depth)
{
    struct cli_options options;

    cli_options_of(path, depth, &options);
    return options.local > 0;
}

void cli_usage_line(const struct command *const *path, size_t depth, struct strbuf *out)
{
    const struct command *c = path[depth - 1];
    const struct field *f;

    cli_path_name(path, depth, ' ', out);
    if (c->children && !c->run) {
        strbuf_adds(out, message_text(" COMMAND"));
        return;
    }
    if (has_options(path, depth))
        strbuf_adds(out, message_text(" [options]"));
    for (size_t i = 0; (f = cli_argument(c, i)); i++) {
        if (f->flags & FIELD_HIDDEN)
            continue;
        strbuf_addch(out, ' ');
        cli_argument_name(f, out);
    }
    if (c->children)
        strbuf_adds(out, message_text(" | COMMAND"));
}

static void help_children(struct strbuf *out, const struct command *c, bool is_root, bool color)
{
    if (!c->children)
        return;
    heading(out, "commands", color);
    for (size_t i = 0; c->children[i]; i++)
        if (!(c->children[i]->flags & CLI_HIDDEN))
            entry(out, c->children[i]->name, c->children[i]->summary);
    if (is_root) {
        entry(out, "help",
              "help on a command, or on api-errors, environment, exit-codes, settings");
        entry(out, "version", "show the version");
    }
}

static void help_arguments(struct strbuf *out, const struct command *c, bool color)
{
    AUTO_STRBUF struct strbuf label = {0};
    const struct field *f;
    bool any = false;

    strbuf_init(&label, 0);
    for (size_t i = 0; (f = cli_argument(c, i)); i++) {
        if (f->flags & FIELD_HIDDEN)
            continue;
        if (!any)
            heading(out, "arguments", color);
        any = true;
        strbuf_clear(&label);
        cli_argument_name(f, &label);
        field_entry(out, f, label.data);
    }
}

static void help_options(struct strbuf *out, const struct cli_options *options, size_t from,
                         size_t to, const char *title, bool color)
{
    AUTO_STRBUF struct strbuf label = {0};

    strbuf_init(&label, 0);
    if (from < to)
        heading(out, title, color);
    for (size_t i = from; i < to; i++) {
        strbuf_clear(&label);
        cli_option_label(options->items[i], &label);
        field_entry(out, options->items[i], label.data);
    }
}

static void help_examples(struct strbuf *out, const struct command *c, bool color)
{
    if (!c->examples || !c->examples[0].command)
        return;
    heading(out, "examples", color);
    for (const struct command_example *e = c->examples; e->command; e++) {
        if (e->what)
            strbuf_addf(out, "  # %s\n", message_text(e->what));
        strbuf_addf(out, "  %s\n", e->command);
    }
}

void cli_help(const struct command *const *path, size_t depth, bool color, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf paragraph = {0};
    const struct command *c = path[depth - 1];
    struct cli_options options;

    strbuf_init(&paragraph, 0);
    cli_path_name(path, depth, ' ', &paragraph);
    strbuf_addf(&paragraph, " - %s", message_text(c->summary));
    cli_wrap(out, paragraph.data, 0, cli_help_columns());
    strbuf_addch(out, '\n');
    strbuf_addf(out, color ? "\033[1m%s\033[0m" : "%s", message_text("usage: "));
    cli_usage_line(path, depth, out);
    strbuf_addch(out, '\n');
    const char *text = c->description ? message_text(c->description) : NULL;
    while (cli_paragraph(&text, &paragraph)) {
        strbuf_addch(out, '\n');
        cli_wrap(out, paragraph.data, 0, cli_help_columns());
    }
    help_children(out, c, depth == 1, color);
    help_arguments(out, c, color);
    cli_options_of(path, depth, &options);
    help_options(out, &options, 0, options.local, "options", color);
    help_options(out, &options, options.local, options.count, "global options", color);
    help_examples(out, c, color);
}
