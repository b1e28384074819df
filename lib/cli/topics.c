/* `diner help TOPIC`: what belongs to no single command. */
#include "cli/internal.h"
#include "cli/table.h"
#include "schema/describe.h"
#include <stdlib.h>

#define VARIABLES_MAX 512

const char *const cli_help_topics[] = {
    "exit-codes",  "what the exit status tells a script",
    "environment", "every variable of the environment that is read",
    "settings",    "every key of diner.yaml, with its default",
    NULL,
};

static void line(struct strbuf *out, const char *label, size_t column, const char *text)
{
    size_t width = 2 + display_width(label, strlen(label));

    strbuf_addf(out, "  %s", label);
    if (width + 2 > column) {
        strbuf_addch(out, '\n');
        width = 0;
    }
    cli_pad(out, column - width);
    cli_wrap(out, text, column, CLI_WIDTH);
}

/* Codes that share a status are told in one entry. */
static void topic_exit_codes(struct strbuf *out)
{
    static const struct {
        enum error_code code;
        int status;
        const char *text;
    } codes[] = {
#define X(code, class, exit_status, text) {code, exit_status, text},
#include "core/error_codes.def"
#undef X
    };
    AUTO_STRBUF struct strbuf text = {0};

    strbuf_init(&text, 0);
    strbuf_adds(out, "exit codes\n\n");
    line(out, "0", 8, "done");
    for (int status = 1; status < 256; status++) {
        strbuf_clear(&text);
        for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
            if (codes[i].status == status)
                strbuf_addf(&text, "%s%s", text.len ? "; " : "", codes[i].text);
        char label[8];
        (void)snprintf(label, sizeof(label), "%d", status);
        if (text.len > 0)
            line(out, label, 8, text.data);
    }
    strbuf_adds(out, "\nA job of several parts reports the worst of them: 130, 70, 6, 4, 5, 3, 1, "
                     "9, 7, 0.\n");
}

struct variables {
    const struct field *fields[VARIABLES_MAX];
    size_t n;
};

static void variables_add(struct variables *v, const struct field_set *set)
{
    for (const struct field *f = set ? set->fields : NULL; f && f->name; f++) {
        bool known = !f->env || (f->flags & FIELD_HIDDEN);
        for (size_t i = 0; i < v->n && !known; i++)
            known = strcmp(v->fields[i]->env, f->env) == 0;
        if (!known && v->n < VARIABLES_MAX)
            v->fields[v->n++] = f;
    }
}

static int variables_visit(void *self, const struct command *const *path, size_t depth)
{
    variables_add(self, path[depth - 1]->args);
    return 0;
}

static int compare_env(const void *a, const void *b)
{
    const struct field *const *fa = a, *const *fb = b;

    return strcmp((*fa)->env, (*fb)->env);
}

static void topic_environment(const struct command *root, struct strbuf *out)
{
    static const char *const others[] = {
        "DINER_DSN",
        "connection string of the warehouse",
        "DINER_DSN_NAME",
        "connection string of the connection NAME",
        "HOME, XDG_CONFIG_HOME",
        "where diner/diner.yaml is looked for",
        "HOME, XDG_STATE_HOME",
        "where local state is kept",
        "NO_COLOR, TERM",
        "color is off when NO_COLOR is set or TERM is dumb",
        "KUBERNETES_SERVICE_HOST",
        "set: the log is JSON lines unless a format is asked for",
        NULL,
    };
    struct variables v = {.n = 0};

    variables_add(&v, &cli_global_set);
    variables_add(&v, &settings_fields);
    (void)cli_walk(root, variables_visit, &v);
    qsort(v.fields, v.n, sizeof(const struct field *), compare_env);
    strbuf_adds(out, "environment: an empty variable counts as not set\n\n");
    for (size_t i = 0; i < v.n; i++)
        line(out, v.fields[i]->env, 36, v.fields[i]->help);
    strbuf_addch(out, '\n');
    for (const char *const *p = others; *p; p += 2)
        line(out, p[0], 36, p[1]);
}

static void topic_settings(struct strbuf *out)
{
    AUTO_STRBUF struct strbuf text = {0};

    strbuf_init(&text, 0);
    strbuf_adds(out,
                "settings: keys of diner.yaml; a.b may be written as a map a with a key b\n\n");
    for (const struct field *f = settings_fields.fields; f->name; f++) {
        if (f->flags & FIELD_HIDDEN)
            continue;
        strbuf_clear(&text);
        strbuf_adds(&text, f->help);
        strbuf_adds(&text, " [");
        describe_type(f, &text);
        strbuf_addch(&text, ']');
        cli_field_notes(f, &text);
        line(out, f->name, 30, text.data);
    }
}

bool cli_help_topic(const struct command *root, const char *topic, struct strbuf *out)
{
    if (strcmp(topic, "exit-codes") == 0)
        topic_exit_codes(out);
    else if (strcmp(topic, "environment") == 0)
        topic_environment(root, out);
    else if (strcmp(topic, "settings") == 0)
        topic_settings(out);
    else
        return false;
    return true;
}
