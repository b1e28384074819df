/* The whole tree as one document: Markdown for people, JSON for programs. */
#include "cli/internal.h"
#include "format/jsonx.h"
#include "schema/describe.h"

/* ---- Markdown ---------------------------------------------------------------------------- */

static void markdown_text(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("|<*_`[\\", *text))
            strbuf_addch(out, '\\');
        strbuf_addch(out, *text);
    }
}

static void markdown_field(struct strbuf *out, const struct field *f)
{
    AUTO_STRBUF struct strbuf text = {0};

    strbuf_init(&text, 0);
    if (f->flags & FIELD_POSITIONAL)
        cli_argument_name(f, &text);
    else
        cli_option_label(f, &text);
    strbuf_addf(out, "- `%s`: ", text.data + strspn(text.data, " "));
    strbuf_clear(&text);
    strbuf_adds(&text, f->help);
    cli_field_notes(f, &text);
    markdown_text(out, text.data);
    strbuf_addch(out, '\n');
}

static void markdown_fields(struct strbuf *out, const struct command *const *path, size_t depth)
{
    struct cli_options options;
    const struct field *f;
    bool any = false;

    for (size_t i = 0; (f = cli_argument(path[depth - 1], i)); i++) {
        any = any || !(f->flags & FIELD_HIDDEN);
        if (!(f->flags & FIELD_HIDDEN))
            markdown_field(out, f);
    }
    cli_options_of(path, depth, &options);
    for (size_t i = 0; i < options.local; i++)
        markdown_field(out, options.items[i]);
    if (any || options.local > 0)
        strbuf_addch(out, '\n');
}

static int markdown_visit(void *self, const struct command *const *path, size_t depth)
{
    struct strbuf *out = self;
    const struct command *c = path[depth - 1];

    strbuf_addf(out, "%s ", depth > 2 ? "###" : "##");
    cli_path_name(path, depth, ' ', out);
    strbuf_adds(out, "\n\n");
    markdown_text(out, c->summary);
    strbuf_adds(out, "\n\n```\n");
    cli_usage_line(path, depth, out);
    strbuf_adds(out, "\n```\n\n");
    if (c->description) {
        markdown_text(out, c->description);
        strbuf_adds(out, "\n\n");
    }
    for (size_t i = 0; c->children && c->children[i]; i++) {
        if (c->children[i]->flags & CLI_HIDDEN)
            continue;
        strbuf_addf(out, "- `%s`: ", c->children[i]->name);
        markdown_text(out, c->children[i]->summary);
        strbuf_addch(out, '\n');
    }
    if (c->children)
        strbuf_addch(out, '\n');
    markdown_fields(out, path, depth);
    for (const struct command_example *e = c->examples; e && e->command; e++)
        strbuf_addf(out, "```sh\n# %s\n%s\n```\n\n", e->what ? e->what : c->summary, e->command);
    return 0;
}

void cli_reference_markdown(const struct command *root, struct strbuf *out)
{
    const struct command *path[] = {root};
    struct cli_options options;

    strbuf_addf(out, "# %s: commands\n\nGenerated from the command tables.\n\n", root->name);
    (void)cli_walk(root, markdown_visit, out);
    strbuf_adds(out, "## Global options\n\n");
    cli_options_of(path, 1, &options);
    for (size_t i = options.local; i < options.count; i++)
        markdown_field(out, options.items[i]);
    strbuf_adds(out, "\n## Exit codes\n\n| status | meaning |\n|---|---|\n| 0 | done |\n");
#define X(code, class, exit_status, text) strbuf_addf(out, "| %d | %s |\n", exit_status, text);
#include "core/error_codes.def"
#undef X
    strbuf_addch(out, '\n');
    describe_markdown(&settings_fields, 2, out);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void json_strings(struct jwriter *w, const char *key, const char *const *items)
{
    jwriter_key(w, key);
    jwriter_array(w);
    for (; *items; items++)
        jwriter_string(w, *items);
    jwriter_end(w);
}

static void json_field(struct jwriter *w, const struct field *f)
{
    AUTO_STRBUF struct strbuf text = {0};

    strbuf_init(&text, 0);
    jwriter_object(w);
    jwriter_kstring(w, "name", f->name);
    if (f->short_name)
        jwriter_kstring(w, "short", (char[]){f->short_name, '\0'});
    describe_type(f, &text);
    jwriter_kstring(w, "type", text.data);
    strbuf_clear(&text);
    cli_arg_name(f, &text);
    if (cli_takes_value(f))
        jwriter_kstring(w, "arg", text.data);
    jwriter_kstring(w, "help", f->help);
    if (f->def)
        jwriter_kstring(w, "default", f->def);
    if (f->env)
        jwriter_kstring(w, "env", f->env);
    if (f->config)
        jwriter_kstring(w, "setting", f->config);
    if (f->choices)
        json_strings(w, "choices", f->choices);
    jwriter_kbool(w, "required", (f->flags & FIELD_REQUIRED) != 0);
    jwriter_kbool(w, "repeatable", (f->flags & FIELD_REPEAT) != 0);
    jwriter_kbool(w, "secret", (f->flags & FIELD_SECRET) != 0);
    jwriter_kbool(w, "deprecated", (f->flags & FIELD_DEPRECATED) != 0);
    if (f->since)
        jwriter_kstring(w, "since", f->since);
    jwriter_end(w);
}

static void json_examples(struct jwriter *w, const struct command *c)
{
    jwriter_key(w, "examples");
    jwriter_array(w);
    for (const struct command_example *e = c->examples; e && e->command; e++) {
        jwriter_object(w);
        jwriter_kstring(w, "command", e->command);
        jwriter_kstring(w, "what", e->what);
        jwriter_end(w);
    }
    jwriter_end(w);
}

static int json_visit(void *self, const struct command *const *path, size_t depth)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct jwriter *w = self;
    const struct command *c = path[depth - 1];
    struct cli_options options;
    const struct field *f;

    strbuf_init(&text, 0);
    jwriter_object(w);
    cli_path_name(path, depth, ' ', &text);
    jwriter_kstring(w, "name", text.data);
    jwriter_kstring(w, "summary", c->summary);
    jwriter_kstring(w, "description", c->description);
    strbuf_clear(&text);
    cli_usage_line(path, depth, &text);
    jwriter_kstring(w, "usage", text.data);
    jwriter_kbool(w, "group", c->run == NULL);
    jwriter_kbool(w, "changes", (c->flags & CLI_DRY_RUN) != 0);
    jwriter_kbool(w, "destroys", (c->flags & CLI_DESTROYS) != 0);
    jwriter_key(w, "arguments");
    jwriter_array(w);
    for (size_t i = 0; (f = cli_argument(c, i)); i++)
        if (!(f->flags & FIELD_HIDDEN))
            json_field(w, f);
    jwriter_end(w);
    cli_options_of(path, depth, &options);
    jwriter_key(w, "options");
    jwriter_array(w);
    for (size_t i = 0; i < options.local; i++)
        json_field(w, options.items[i]);
    jwriter_end(w);
    json_examples(w, c);
    jwriter_end(w);
    return 0;
}

static void json_exit_codes(struct jwriter *w)
{
    static const struct {
        const char *name;
        int status;
        const char *text;
    } codes[] = {
#define X(code, class, exit_status, text) {#code, exit_status, text},
#include "core/error_codes.def"
#undef X
    };

    jwriter_key(w, "exit_codes");
    jwriter_array(w);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        jwriter_object(w);
        jwriter_kstring(w, "name", codes[i].name);
        jwriter_kint(w, "status", codes[i].status);
        jwriter_kstring(w, "meaning", codes[i].text);
        jwriter_end(w);
    }
    jwriter_end(w);
}

void cli_reference_json(const struct command *root, struct strbuf *out)
{
    const struct command *path[] = {root};
    struct cli_options options;
    struct jwriter w;

    jwriter_init_pretty(&w, out);
    jwriter_object(&w);
    jwriter_kstring(&w, "program", root->name);
    jwriter_key(&w, "commands");
    jwriter_array(&w);
    (void)cli_walk(root, json_visit, &w);
    jwriter_end(&w);
    cli_options_of(path, 1, &options);
    jwriter_key(&w, "global_options");
    jwriter_array(&w);
    for (size_t i = options.local; i < options.count; i++)
        json_field(&w, options.items[i]);
    jwriter_end(&w);
    json_exit_codes(&w);
    jwriter_key(&w, "settings");
    jwriter_array(&w);
    for (const struct field *f = settings_fields.fields; f->name; f++)
        if (!(f->flags & FIELD_HIDDEN))
            json_field(&w, f);
    jwriter_end(&w);
    jwriter_end(&w);
    strbuf_addch(out, '\n');
}
