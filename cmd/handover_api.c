/* cmd/handover_api.c - the API: a list of its operations, and each with its parameters, an example
 * and what it may answer. */
#include "core/message.h"
#include "handover.h"
#include "perf/sink.h"
#include <ctype.h>

#define DEPTH_MAX 3

/* One operation of the contract. */
struct operation {
    const char *method, *path; /* "get" */
    const struct ynode *node;
};

static void add_upper(const char *text, struct strbuf *out)
{
    for (; *text != '\0'; text++)
        strbuf_addch(out, (char)toupper((unsigned char)*text));
}

static void add_said(const char *text, struct strbuf *out)
{
    markdown_add(out, text != NULL ? message_text(text) : "");
}

/* Calls for each operation of a module, in the order of the contract. */
static int each_operation(struct handover *h, const char *module,
                          int (*visit)(struct handover *h, const struct operation *o,
                                       struct strbuf *out, struct error *err),
                          struct strbuf *out, struct error *err)
{
    const struct ynode *paths = ynode_get(h->api.root, "paths");
    for (size_t i = 0; i < paths->count; i++) {
        const char *path = paths->keys[i]->text;
        if (strcmp(openapi_module(&h->api, path), module) != 0)
            continue;
        for (const char *const *m = openapi_methods; *m != NULL; m++) {
            struct operation o = {*m, path, ynode_get(paths->items[i], *m)};
            if (o.node != NULL)
                TRY(visit(h, &o, out, err));
        }
    }
    return ERR_OK;
}

static bool is_open(const struct operation *o)
{
    const struct ynode *security = ynode_get(o->node, "security");
    return security != NULL && security->count == 0;
}

/* ---- types and members -------------------------------------------------------------------- */

static void add_type(const struct handover *h, const struct ynode *schema, struct strbuf *out)
{
    const struct ynode *s = openapi_follow(&h->api, schema);
    const struct ynode *choices = s != NULL ? ynode_get(s, "enum") : NULL;
    const struct ynode *variants = s != NULL ? ynode_get(s, "oneOf") : NULL;
    const char *type = s != NULL ? ynode_text(s, "type", "any") : "any";
    if (choices != NULL) {
        for (size_t i = 0; i < choices->count; i++)
            strbuf_addf(out, "%s`%s`", i > 0 ? ", " : "", choices->items[i]->text);
    } else if (variants != NULL) {
        for (size_t i = 0; i < variants->count; i++) {
            strbuf_adds(out, i > 0 ? " / " : "");
            add_type(h, variants->items[i], out);
        }
    } else if (strcmp(type, "array") == 0) {
        strbuf_adds(out, "array: ");
        add_type(h, ynode_get(s, "items"), out);
    } else {
        const char *format = ynode_text(s, "format", "");
        strbuf_adds(out, strcmp(type, "string") == 0 && *format != '\0' ? format : type);
    }
}

static bool is_required(const struct ynode *schema, const char *name)
{
    const struct ynode *required = ynode_get(schema, "required");
    for (size_t i = 0; required != NULL && i < required->count; i++)
        if (strcmp(required->items[i]->text, name) == 0)
            return true;
    return false;
}

static void
each_member(const struct handover *h, const struct ynode *schema, const char *prefix, int depth,
            void (*visit)(void *self, const char *name, const struct ynode *schema, bool required),
            void *self)
{
    const struct ynode *s = openapi_follow(&h->api, schema);
    const struct ynode *members = s != NULL ? ynode_get(s, "properties") : NULL;
    if (s != NULL && strcmp(ynode_text(s, "type", ""), "array") == 0)
        each_member(h, ynode_get(s, "items"), arena_printf(h->arena, "%s[]", prefix), depth, visit,
                    self);
    for (size_t i = 0; members != NULL && i < members->count && depth < DEPTH_MAX; i++) {
        const char *key = members->keys[i]->text;
        const char *name =
            arena_printf(h->arena, "%s%s%s", prefix, *prefix != '\0' ? "." : "", key);
        visit(self, name, members->items[i], is_required(s, key));
        each_member(h, members->items[i], name, depth + 1, visit, self);
    }
}

static const struct ynode *schema_of(const struct ynode *with_content)
{
    const struct ynode *content = with_content ? ynode_get(with_content, "content") : NULL;
    const struct ynode *json = content != NULL ? ynode_get(content, "application/json") : NULL;
    return json != NULL ? ynode_get(json, "schema") : NULL;
}

static const struct ynode *body_of(const struct handover *h, const struct operation *o)
{
    return schema_of(openapi_follow(&h->api, ynode_get(o->node, "requestBody")));
}

/* ---- tables ------------------------------------------------------------------------------- */

struct member_table {
    const struct handover *h;
    struct strbuf *out;
    const char *where; /* "path", "query", "header", "body" */
    bool has_head;
};

static void add_row(struct member_table *t, const char *name, const char *where,
                    const struct ynode *schema, bool required, const char *description)
{
    if (!t->has_head)
        strbuf_addf(t->out, "| %s | %s | %s | %s | %s |\n|---|---|---|---|---|\n",
                    message_text("parameter"), message_text("where"), message_text("type"),
                    message_text("required"), message_text("meaning"));
    t->has_head = true;
    strbuf_addf(t->out, "| `%s` | %s | ", name, where);
    add_type(t->h, schema, t->out);
    strbuf_addf(t->out, " | %s | ", required ? message_text("yes") : "");
    add_said(description, t->out);
    strbuf_adds(t->out, " |\n");
}

static const char *description_of(const struct handover *h, const struct ynode *schema)
{
    const struct ynode *s = openapi_follow(&h->api, schema);
    return s != NULL ? ynode_text(s, "description", NULL) : NULL;
}

static void add_member(void *self, const char *name, const struct ynode *schema, bool required)
{
    struct member_table *t = self;
    add_row(t, name, "body", schema, required, description_of(t->h, schema));
}

static void add_parameters(struct handover *h, const struct operation *o, struct strbuf *out)
{
    struct member_table t = {.h = h, .out = out};
    const struct ynode *list = ynode_get(o->node, "parameters");
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const struct ynode *p = openapi_follow(&h->api, list->items[i]);
        add_row(&t, ynode_text(p, "name", ""), ynode_text(p, "in", ""), ynode_get(p, "schema"),
                strcmp(ynode_text(p, "required", ""), "true") == 0,
                ynode_text(p, "description", NULL));
    }
    each_member(h, body_of(h, o), "", 0, add_member, &t);
    if (t.has_head)
        strbuf_addch(out, '\n');
}

/* ---- examples ----------------------------------------------------------------------------- */

static const struct ynode *parameter(struct handover *h, const struct operation *o,
                                     const char *name, const char *where)
{
    const struct ynode *list = ynode_get(o->node, "parameters");
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const struct ynode *p = openapi_follow(&h->api, list->items[i]);
        if (strcmp(ynode_text(p, "name", ""), name) == 0 &&
            strcmp(ynode_text(p, "in", ""), where) == 0)
            return p;
    }
    return NULL;
}

/* "/api/v1/orders/S001-20261122-0000001/pay" */
static void add_address(struct handover *h, const struct operation *o, struct strbuf *out)
{
    for (const char *p = o->path; *p != '\0'; p++) {
        if (*p != '{') {
            strbuf_addch(out, *p);
            continue;
        }
        size_t n = strcspn(p, "}");
        const char *name = arena_strndup(h->arena, p + 1, n - 1);
        const struct ynode *declared = parameter(h, o, name, "path");
        openapi_example_text(&h->api, declared ? ynode_get(declared, "schema") : NULL, name, out);
        p += n;
    }
}

/* Inside of '...' for a shell. */
static void add_quoted(const char *text, struct strbuf *out)
{
    for (; *text != '\0'; text++)
        if (*text == '\'')
            strbuf_adds(out, "'\\''");
        else
            strbuf_addch(out, *text);
}

static void add_headers(struct handover *h, const struct operation *o, struct strbuf *out)
{
    const struct ynode *list = ynode_get(o->node, "parameters");
    if (!is_open(o))
        strbuf_adds(out, " \\\n    -H \"Authorization: Bearer $TOKEN\"");
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const struct ynode *p = openapi_follow(&h->api, list->items[i]);
        const char *name = ynode_text(p, "name", "");
        if (strcmp(ynode_text(p, "in", ""), "header") != 0)
            continue;
        strbuf_addf(out, " \\\n    -H '%s: ", name);
        openapi_example_text(&h->api, ynode_get(p, "schema"), name, out);
        strbuf_adds(out, "'");
    }
}

static void add_request(struct handover *h, const struct operation *o, struct strbuf *out)
{
    const struct ynode *body = body_of(h, o);
    strbuf_adds(out, "```sh\ncurl ");
    if (strcmp(o->method, "get") != 0) {
        strbuf_adds(out, "-X ");
        add_upper(o->method, out);
        strbuf_addch(out, ' ');
    }
    strbuf_adds(out, "\"$PLATFORM");
    add_address(h, o, out);
    strbuf_addch(out, '"');
    add_headers(h, o, out);
    if (body != NULL) {
        AUTO_STRBUF struct strbuf json = {0};
        struct jwriter w;
        strbuf_init(&json, 0);
        jwriter_init(&w, &json);
        openapi_example(&h->api, body, "", true, &w);
        strbuf_adds(out, " \\\n    -H 'Content-Type: application/json' \\\n    -d '");
        add_quoted(json.data, out);
        strbuf_addch(out, '\'');
    }
    strbuf_adds(out, "\n```\n\n");
}

static bool is_success(const char *status)
{
    return status[0] == '2';
}

static void add_answer(struct handover *h, const struct operation *o, struct strbuf *out)
{
    const struct ynode *responses = ynode_get(o->node, "responses");
    for (size_t i = 0; responses != NULL && i < responses->count; i++) {
        const char *status = responses->keys[i]->text;
        const struct ynode *schema = schema_of(openapi_follow(&h->api, responses->items[i]));
        struct jwriter w;
        if (!is_success(status) || schema == NULL)
            continue;
        strbuf_addf(out, "%s %s:\n\n```json\n", message_text("Answer"), status);
        jwriter_init_pretty(&w, out);
        openapi_example(&h->api, schema, "", false, &w);
        strbuf_adds(out, "\n```\n\n");
    }
}

static void add_failures(const struct operation *o, struct strbuf *out)
{
    const struct ynode *responses = ynode_get(o->node, "responses");
    bool any = false;
    for (size_t i = 0; responses != NULL && i < responses->count; i++) {
        const char *status = responses->keys[i]->text;
        if (is_success(status))
            continue;
        strbuf_addf(out, "%s%s", any ? ", " : message_text("Errors: "), status);
        any = true;
    }
    if (any)
        strbuf_adds(out, "\n\n");
}

/* ---- the two parts ------------------------------------------------------------------------ */

static int list_operation(struct handover *h, const struct operation *o, struct strbuf *out,
                          struct error *err)
{
    (void)h, (void)err;
    strbuf_adds(out, "| ");
    add_upper(o->method, out);
    strbuf_addf(out, " | `%s` | ", o->path);
    add_said(ynode_text(o->node, "summary", NULL), out);
    strbuf_addf(out, " | %s |\n", is_open(o) ? message_text("open") : message_text("token"));
    return ERR_OK;
}

static int tell_operation(struct handover *h, const struct operation *o, struct strbuf *out,
                          struct error *err)
{
    const char *description = ynode_text(o->node, "description", NULL);
    (void)err;
    strbuf_adds(out, "#### ");
    add_upper(o->method, out);
    strbuf_addf(out, " %s\n\n", o->path);
    add_said(ynode_text(o->node, "summary", NULL), out);
    strbuf_adds(out, "\n\n");
    if (description != NULL) {
        add_said(description, out);
        strbuf_adds(out, "\n\n");
    }
    add_parameters(h, o, out);
    add_request(h, o, out);
    add_answer(h, o, out);
    add_failures(o, out);
    return ERR_OK;
}

static void add_module_heading(const struct handover_module *m, struct strbuf *out)
{
    strbuf_addf(out, "### %s: ", m->name);
    add_said(m->meaning, out);
    strbuf_adds(out, "\n\n");
}

int handover_api_list(struct handover *h, const char *argument, struct strbuf *out,
                      struct error *err)
{
    (void)argument;
    strbuf_addf(out, "| %s | %s | %s | %s |\n|---|---|---|---|\n", message_text("method"),
                message_text("address"), message_text("what it does"), message_text("access"));
    for (const struct handover_module *m = handover_modules; m->name != NULL; m++)
        TRY(each_operation(h, m->name, list_operation, out, err));
    return ERR_OK;
}

int handover_api_details(struct handover *h, const char *argument, struct strbuf *out,
                         struct error *err)
{
    (void)argument;
    for (const struct handover_module *m = handover_modules; m->name != NULL; m++) {
        if (handover_operation_count(h, m->name) == 0)
            continue;
        add_module_heading(m, out);
        TRY(each_operation(h, m->name, tell_operation, out, err));
    }
    return ERR_OK;
}

/* ---- the texts of it, for translators ----------------------------------------------------- */

static void say_member(void *self, const char *name, const struct ynode *schema, bool required)
{
    struct member_table *t = self;
    const char *description = description_of(t->h, schema);
    (void)name, (void)required;
    if (description != NULL)
        cli_message(t->out, description);
}

static int say_operation(struct handover *h, const struct operation *o, struct strbuf *out,
                         struct error *err)
{
    const struct ynode *list = ynode_get(o->node, "parameters");
    struct member_table t = {.h = h, .out = out};
    (void)err;
    cli_message(out, ynode_text(o->node, "summary", NULL));
    cli_message(out, ynode_text(o->node, "description", NULL));
    for (size_t i = 0; list != NULL && i < list->count; i++)
        cli_message(out, ynode_text(openapi_follow(&h->api, list->items[i]), "description", NULL));
    each_member(h, body_of(h, o), "", 0, say_member, &t);
    return ERR_OK;
}

int handover_messages(struct handover *h, struct strbuf *out, struct error *err)
{
    for (const struct handover_module *m = handover_modules; m->name != NULL; m++) {
        cli_message(out, m->meaning);
        TRY(each_operation(h, m->name, say_operation, out, err));
    }
    for (const struct handover_table *t = handover_tables; t->name != NULL; t++)
        cli_message(out, t->meaning);
    handover_watch_messages(h, out);
    return ERR_OK;
}
