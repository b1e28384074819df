/* Man pages in plain man(7) troff, one a command. No dates: the same tree gives the same pages. */
#include "cli/internal.h"
#include "core/message.h"

#ifndef DINER_VERSION
#define DINER_VERSION "unknown"
#endif

/* Text as troff takes it: no line of it is a request, hyphens can be searched and copied. */
static void man_words(struct strbuf *out, const char *text, size_t n, bool line_start)
{
    for (const char *end = text + n; text < end; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            strbuf_adds(out, "\\&");
        if (*text == '\\')
            strbuf_adds(out, "\\e");
        else if (*text == '-')
            strbuf_adds(out, "\\-");
        else
            strbuf_addch(out, *text);
        line_start = *text == '\n';
    }
}

/* The same, telling groff where Chinese, which has no blanks, may be broken. */
static void man_text(struct strbuf *out, const char *text, bool line_start)
{
    while (*text) {
        size_t n = cli_piece(text);
        size_t blanks = strspn(text + n, " \n");
        man_words(out, text, n + blanks, line_start);
        line_start = blanks > 0 && text[n + blanks - 1] == '\n';
        text += n + blanks;
        if (blanks == 0 && *text)
            strbuf_adds(out, "\\:");
    }
}

static void man_line(struct strbuf *out, const char *text)
{
    man_text(out, text, true);
    strbuf_addch(out, '\n');
}

static void man_heading(struct strbuf *out, const char *text)
{
    strbuf_addf(out, ".SH %s\n", message_text(text));
}

static void man_tagged(struct strbuf *out, const char *tag, const char *text, const char *notes)
{
    strbuf_adds(out, ".TP\n\\fB");
    man_text(out, tag + strspn(tag, " "), false);
    strbuf_adds(out, "\\fR\n");
    man_text(out, message_text(text), true);
    man_text(out, notes, false);
    strbuf_addch(out, '\n');
}

static void man_field(struct strbuf *out, const struct field *f)
{
    AUTO_STRBUF struct strbuf label = {0};
    AUTO_STRBUF struct strbuf notes = {0};

    strbuf_init(&label, 0);
    strbuf_init(&notes, 0);
    if (f->flags & FIELD_POSITIONAL)
        cli_argument_name(f, &label);
    else
        cli_option_label(f, &label);
    cli_field_notes(f, &notes);
    man_tagged(out, label.data, f->help, notes.data);
}

static void man_arguments(struct strbuf *out, const struct command *c)
{
    const struct field *f;
    bool any = false;

    for (size_t i = 0; (f = cli_argument(c, i)); i++) {
        if (f->flags & FIELD_HIDDEN)
            continue;
        if (!any)
            man_heading(out, "ARGUMENTS");
        any = true;
        man_field(out, f);
    }
}

static void man_options(struct strbuf *out, const struct cli_options *options)
{
    if (options->local > 0)
        man_heading(out, "OPTIONS");
    for (size_t i = 0; i < options->count; i++) {
        if (i == options->local)
            man_heading(out, "GLOBAL OPTIONS");
        man_field(out, options->items[i]);
    }
}

static void man_children(struct strbuf *out, const struct command *const *path, size_t depth)
{
    AUTO_STRBUF struct strbuf name = {0};
    const struct command *c = path[depth - 1];

    if (!c->children)
        return;
    strbuf_init(&name, 0);
    man_heading(out, "COMMANDS");
    for (size_t i = 0; c->children[i]; i++) {
        if (c->children[i]->flags & CLI_HIDDEN)
            continue;
        strbuf_clear(&name);
        cli_path_name(path, depth, '-', &name);
        strbuf_addf(&name, "-%s(1)", c->children[i]->name);
        man_tagged(out, name.data, c->children[i]->summary, "");
    }
}

static void man_examples(struct strbuf *out, const struct command *c)
{
    if (!c->examples || !c->examples[0].command)
        return;
    man_heading(out, "EXAMPLES");
    for (const struct command_example *e = c->examples; e->command; e++) {
        strbuf_adds(out, ".PP\n");
        man_line(out, e->what ? message_text(e->what) : "");
        strbuf_adds(out, ".PP\n.nf\n.RS 4\n");
        man_line(out, e->command);
        strbuf_adds(out, ".RE\n.fi\n");
    }
}

static void man_exit_status(struct strbuf *out)
{
    static const struct {
        int status;
        const char *text;
    } codes[] = {
#define X(code, class, exit_status, text) {exit_status, text},
#include "core/error_codes.def"
#undef X
    };
    char tag[8];

    man_heading(out, "EXIT STATUS");
    man_tagged(out, "0", "done", "");
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        (void)snprintf(tag, sizeof(tag), "%d", codes[i].status);
        man_tagged(out, tag, codes[i].text, "");
    }
}

static void man_see_also(struct strbuf *out, const struct command *const *path, size_t depth)
{
    AUTO_STRBUF struct strbuf name = {0};

    if (depth == 1)
        return;
    strbuf_init(&name, 0);
    man_heading(out, "SEE ALSO");
    for (size_t i = depth - 1; i > 0; i--) {
        strbuf_clear(&name);
        cli_path_name(path, i, '-', &name);
        strbuf_adds(out, ".BR ");
        man_text(out, name.data, false);
        strbuf_addf(out, " (1)%s\n", i > 1 ? "," : "");
    }
}

void cli_man_page(const struct command *const *path, size_t depth, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf name = {0};
    AUTO_STRBUF struct strbuf usage = {0};
    const struct command *c = path[depth - 1];
    const char *summary = message_text(c->summary);
    struct cli_options options;

    strbuf_init(&name, 0);
    strbuf_init(&usage, 0);
    cli_path_name(path, depth, '-', &name);
    cli_usage_line(path, depth, &usage);
    strbuf_adds(out, ".TH \"");
    for (const char *p = name.data; *p; p++)
        strbuf_addch(out, (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p));
    strbuf_addf(out, "\" 1 \"\" \"%s %s\" \"", path[0]->name, DINER_VERSION);
    strbuf_addf(out, message_text("%s manual"), path[0]->name);
    strbuf_adds(out, "\"\n");
    man_heading(out, "NAME");
    man_words(out, name.data, name.len, true);
    strbuf_adds(out, " \\- ");
    man_words(out, summary, strlen(summary), true); /* one line, which whatis reads */
    strbuf_addch(out, '\n');
    if (summary != c->summary)
        strbuf_adds(out, ".ad l\n"); /* words without blanks cannot be spread over a line */
    man_heading(out, "SYNOPSIS");
    strbuf_adds(out, ".B ");
    man_line(out, usage.data);
    if (c->description) {
        AUTO_STRBUF struct strbuf paragraph = {0};
        const char *text = message_text(c->description);
        strbuf_init(&paragraph, 0);
        man_heading(out, "DESCRIPTION");
        while (cli_paragraph(&text, &paragraph)) {
            strbuf_adds(out, ".PP\n");
            man_line(out, paragraph.data);
        }
    }
    man_children(out, path, depth);
    man_arguments(out, c);
    cli_options_of(path, depth, &options);
    man_options(out, &options);
    man_examples(out, c);
    if (depth == 1)
        man_exit_status(out);
    man_see_also(out, path, depth);
}

struct pages {
    int (*page)(void *self, const char *file, const struct strbuf *text, struct error *err);
    void *self;
    struct error *err;
};

static int pages_visit(void *self, const struct command *const *path, size_t depth)
{
    const struct pages *p = self;
    AUTO_STRBUF struct strbuf text = {0};
    AUTO_STRBUF struct strbuf file = {0};

    strbuf_init(&text, 0);
    strbuf_init(&file, 0);
    cli_path_name(path, depth, '-', &file);
    strbuf_adds(&file, ".1");
    cli_man_page(path, depth, &text);
    return p->page(p->self, file.data, &text, p->err);
}

int cli_man_pages(const struct command *root,
                  int (*page)(void *self, const char *file, const struct strbuf *text,
                              struct error *err),
                  void *self, struct error *err)
{
    struct pages p = {page, self, err};

    return cli_walk(root, pages_visit, &p);
}
