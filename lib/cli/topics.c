/* `diner help TOPIC`: what belongs to no single command. */
#include "cli/internal.h"
#include "cli/table.h"
#include "core/message.h"
#include "schema/describe.h"
#include <stdlib.h>

#define VARIABLES_MAX 512

static const char *const own_topics[][2] = {
    {"exit-codes", "what the exit status tells a script"},
    {"environment", "every variable of the environment that is read"},
    {"settings", "every key of diner.yaml, with its default"},
};
#define OWN_TOPICS (sizeof own_topics / sizeof *own_topics)

static const struct help_topic *more_topic(const struct command *root, size_t i)
{
    const struct help_topic *t = root->topics;
    for (; t != NULL && t->name != NULL && i > 0; i--)
        t++;
    return t != NULL && t->name != NULL ? t : NULL;
}

bool cli_help_topic_at(const struct command *root, size_t i, const char **ret_name,
                       const char **ret_summary)
{
    const struct help_topic *more = i < OWN_TOPICS ? NULL : more_topic(root, i - OWN_TOPICS);
    if (i >= OWN_TOPICS && more == NULL)
        return false;
    *ret_name = more != NULL ? more->name : own_topics[i][0];
    *ret_summary = message_text(more != NULL ? more->summary : own_topics[i][1]);
    return true;
}

static bool write_more(const struct command *root, const char *topic, struct strbuf *out)
{
    for (const struct help_topic *t = root->topics; t != NULL && t->name != NULL; t++)
        if (strcmp(t->name, topic) == 0) {
            t->write(out);
            return true;
        }
    return false;
}

static void line(struct strbuf *out, const char *label, size_t column, const char *text)
{
    size_t width = 2 + display_width(label, strlen(label));

    strbuf_addf(out, "  %s", label);
    if (width + 2 > column) {
        strbuf_addch(out, '\n');
        width = 0;
    }
    cli_pad(out, column - width);
    cli_wrap(out, message_text(text), column, cli_help_columns());
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
    strbuf_addf(out, "%s\n\n", message_text("exit codes"));
    line(out, "0", 8, "done");
    for (int status = 1; status < 256; status++) {
        strbuf_clear(&text);
        for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
            if (codes[i].status == status)
                strbuf_addf(&text, "%s%s", text.len ? message_text("; ") : "",
                            message_text(codes[i].text));
        char label[8];
        (void)snprintf(label, sizeof(label), "%d", status);
        if (text.len > 0)
            line(out, label, 8, text.data);
    }
    strbuf_addf(
        out, "\n%s\n",
        message_text("A job of several parts reports the worst of them: 130, 70, 6, 4, 5, 3, 1, "
                     "9, 7, 0."));
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
        MESSAGE("connection string of the warehouse"),
        "DINER_DSN_NAME",
        MESSAGE("connection string of the connection NAME"),
        "HOME, XDG_CONFIG_HOME",
        MESSAGE("where diner/diner.yaml is looked for"),
        "HOME, XDG_STATE_HOME",
        MESSAGE("where local state is kept"),
        "NO_COLOR, TERM",
        MESSAGE("color is off when NO_COLOR is set or TERM is dumb"),
        "KUBERNETES_SERVICE_HOST",
        MESSAGE("set: the log is JSON lines unless a format is asked for"),
        NULL,
    };
    struct variables v = {.n = 0};

    variables_add(&v, &cli_global_set);
    variables_add(&v, &settings_fields);
    (void)cli_walk(root, variables_visit, &v);
    qsort(v.fields, v.n, sizeof(const struct field *), compare_env);
    strbuf_addf(out, "%s\n\n", message_text("environment: an empty variable counts as not set"));
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
    strbuf_addf(
        out, "%s\n\n",
        message_text("settings: keys of diner.yaml; a.b may be written as a map a with a key b"));
    for (const struct field *f = settings_fields.fields; f->name; f++) {
        if (f->flags & FIELD_HIDDEN)
            continue;
        strbuf_clear(&text);
        strbuf_adds(&text, message_text(f->help));
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
        return write_more(root, topic, out);
    return true;
}
