/* cmd/handover_part.c - templates: prose with the names of generated parts in it. */
#include "commands.h"
#include "domain/api_error.h"
#include "domain/outbox.h"
#include "gen/embed.h"
#include "handover.h"

const struct handover_module handover_modules[] = {
#define MODULE(name, meaning) {#name, meaning},
#define TABLE(name, module, meaning)
#include "handover_modules.def"
#undef MODULE
#undef TABLE
    {0}};

const struct handover_table handover_tables[] = {
#define MODULE(name, meaning)
#define TABLE(name, module, meaning) {name, #module, meaning},
#include "handover_modules.def"
#undef MODULE
#undef TABLE
    {0}};

/* ---- what they are made of ---------------------------------------------------------------- */

static int read_schema(struct handover *h, struct error *err)
{
    h->schema.arena = h->arena;
    TRY(ddl_read(&h->schema, sql_migration_table, strlen(sql_migration_table), err));
    for (size_t i = 0; i < builtin_migrations_count; i++)
        for (const struct migration *m = builtin_migrations[i].migrations; m->name != NULL; m++)
            if (ddl_read(&h->schema, m->sql, strlen(m->sql), err) != 0)
                return error_context(err, "migration %s", m->name);
    return ERR_OK;
}

static const struct handover_table *find_table(const char *name)
{
    for (const struct handover_table *t = handover_tables; t->name != NULL; t++)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}

const char *handover_module_of(const char *table)
{
    const struct handover_table *t = find_table(table);
    return t != NULL ? t->module : "";
}

static bool is_module(const char *name)
{
    for (const struct handover_module *m = handover_modules; m->name != NULL; m++)
        if (strcmp(m->name, name) == 0)
            return true;
    return false;
}

static int check_tables(const struct handover *h, struct error *err)
{
    for (size_t i = 0; i < h->schema.count; i++)
        if (find_table(h->schema.tables[i].name) == NULL)
            return error_set(err, ERR_BUG, "table '%s' is not in handover_modules.def",
                             h->schema.tables[i].name);
    for (const struct handover_table *t = handover_tables; t->name != NULL; t++) {
        if (ddl_table(&h->schema, t->name) == NULL)
            return error_set(err, ERR_BUG, "no migration makes table '%s'", t->name);
        if (!is_module(t->module))
            return error_set(err, ERR_BUG, "there is no module '%s'", t->module);
    }
    return ERR_OK;
}

static int check_modules(const struct handover *h, struct error *err)
{
    const struct ynode *paths = ynode_get(h->api.root, "paths");
    for (size_t i = 0; i < paths->count; i++) {
        const char *module = openapi_module(&h->api, paths->keys[i]->text);
        if (!is_module(module))
            return error_set(err, ERR_BUG, "module '%s' is not in handover_modules.def", module);
    }
    return ERR_OK;
}

int handover_open(struct handover *h, struct error *err)
{
    TRY(openapi_open(h->arena, &h->api, err));
    TRY(read_schema(h, err));
    TRY(check_modules(h, err));
    return check_tables(h, err);
}

/* ---- figures ------------------------------------------------------------------------------ */

int handover_operation_count(const struct handover *h, const char *module)
{
    const struct ynode *paths = ynode_get(h->api.root, "paths");
    int count = 0;
    for (size_t i = 0; i < paths->count; i++) {
        if (module != NULL && strcmp(openapi_module(&h->api, paths->keys[i]->text), module) != 0)
            continue;
        for (const char *const *m = openapi_methods; *m != NULL; m++)
            count += ynode_get(paths->items[i], *m) != NULL;
    }
    return count;
}

static int count_commands(const struct command *c)
{
    int count = 0;
    for (size_t i = 0; c->children != NULL && c->children[i] != NULL; i++)
        if ((c->children[i]->flags & CLI_HIDDEN) == 0)
            count += count_commands(c->children[i]);
    return c->children != NULL ? count : 1;
}

static int count_settings(void)
{
    int count = 0;
    for (const struct field *f = settings_fields.fields; f->name != NULL; f++)
        count += (f->flags & FIELD_HIDDEN) == 0;
    return count;
}

static int count_migrations(void)
{
    int count = 0;
    for (size_t i = 0; i < builtin_migrations_count; i++)
        for (const struct migration *m = builtin_migrations[i].migrations; m->name != NULL; m++)
            count++;
    return count;
}

static int count_modules(const struct handover *h)
{
    int count = 0;
    for (const struct handover_module *m = handover_modules; m->name != NULL; m++)
        count += handover_operation_count(h, m->name) > 0;
    return count;
}

static int count_events(void)
{
    int count = 0;
    while (outbox_events[count].type != NULL)
        count++;
    return count;
}

int handover_count(struct handover *h, const char *argument, struct strbuf *out, struct error *err)
{
    const struct {
        const char *what;
        int count;
    } counts[] = {{"operations", handover_operation_count(h, NULL)},
                  {"modules", count_modules(h)},
                  {"tables", (int)h->schema.count},
                  {"errors", API_ERROR_COUNT},
                  {"commands", count_commands(h->root)},
                  {"settings", count_settings()},
                  {"migrations", count_migrations()},
                  {"events", count_events()}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (strcmp(counts[i].what, argument) == 0) {
            strbuf_addf(out, "%d", counts[i].count);
            return ERR_OK;
        }
    return error_set(err, ERR_BUG, "nothing counts '%s'", argument);
}

int handover_setting(struct handover *h, const char *argument, struct strbuf *out,
                     struct error *err)
{
    const struct field *f = field_find(&settings_fields, argument);
    (void)h;
    if (f == NULL || f->def == NULL)
        return error_set(err, ERR_BUG, "there is no setting '%s' with a default", argument);
    strbuf_adds(out, f->def);
    return ERR_OK;
}

int handover_version(struct handover *h, const char *argument, struct strbuf *out,
                     struct error *err)
{
    (void)h, (void)argument, (void)err;
    strbuf_adds(out, DINER_VERSION);
    return ERR_OK;
}

int handover_errors(struct handover *h, const char *argument, struct strbuf *out, struct error *err)
{
    (void)h, (void)argument, (void)err;
    api_errors_table(out);
    return ERR_OK;
}

/* ---- the template ------------------------------------------------------------------------- */

const struct handover_part_row handover_parts[] = {
    {"api_details", handover_api_details},
    {"api_list", handover_api_list},
    {"alerts", handover_alerts},
    {"bench", handover_bench},
    {"commands", handover_commands},
    {"count", handover_count},
    {"dependencies", handover_dependencies},
    {"diagram", handover_diagram},
    {"errors", handover_errors},
    {"events", handover_events},
    {"metrics", handover_metrics},
    {"modules", handover_modules_list},
    {"setting", handover_setting},
    {"sources", handover_sources},
    {"tables", handover_tables_list},
    {"tests", handover_tests},
    {"version", handover_version},
    {0},
};

/* name: "setting breaker.failures" */
static int write_part(struct handover *h, struct span name, struct strbuf *out, struct error *err)
{
    const char *text = arena_strndup(h->arena, name.ptr, name.len);
    size_t n = strcspn(text, " ");
    const char *argument = text + n + (text[n] == ' ');
    for (const struct handover_part_row *p = handover_parts; p->name != NULL; p++)
        if (strlen(p->name) == n && strncmp(p->name, text, n) == 0)
            return p->write(h, argument, out, err);
    return error_set(err, ERR_BUG, "a document asks for '%s', which nothing makes", text);
}

int handover_render(struct handover *h, const char *text, struct strbuf *out, struct error *err)
{
    const char *open;
    while ((open = strstr(text, "{{")) != NULL) {
        const char *close = strstr(open, "}}");
        if (close == NULL)
            return error_set(err, ERR_BUG, "a part of a document is not closed: %.40s", open);
        strbuf_add(out, text, (size_t)(open - text));
        TRY(write_part(h, (struct span){open + 2, (size_t)(close - open - 2)}, out, err));
        text = close + 2;
        if (out->len > 0 && out->data[out->len - 1] == '\n' && *text == '\n')
            text++; /* the part ended its line by itself */
    }
    strbuf_adds(out, text);
    return ERR_OK;
}
