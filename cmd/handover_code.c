/* cmd/handover_code.c - modules, the files they are in, what they depend on, and the commands. */
#include "core/message.h"
#include "handover.h"
#include "perf/sink.h"
#include "platform/server/metrics.h"

enum {
#define MODULE(name, meaning) MODULE_##name,
#define TABLE(name, module, meaning)
#include "handover_modules.def"
#undef MODULE
#undef TABLE
    MODULES
};

static void add_list(const char *item, bool *any, struct strbuf *out)
{
    strbuf_addf(out, "%s`%s`", *any ? ", " : "", item);
    *any = true;
}

/* ---- modules ------------------------------------------------------------------------------- */

/* The tables of the routes that have addresses of the module, each once. */
static void add_sources(const char *module, struct strbuf *out)
{
    size_t count;
    const struct metrics_endpoint *all = router_endpoints(&count);
    const char *last = "";
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(all[i].service, module) != 0 || strcmp(all[i].source, last) == 0)
            continue;
        last = all[i].source;
        add_list(last, &any, out);
    }
}

static void add_tables(const char *module, struct strbuf *out)
{
    bool any = false;
    for (const struct handover_table *t = handover_tables; t->name != NULL; t++)
        if (strcmp(t->module, module) == 0)
            add_list(t->name, &any, out);
}

int handover_modules_list(struct handover *h, const char *argument, struct strbuf *out,
                          struct error *err)
{
    (void)argument, (void)err;
    strbuf_addf(out, "| %s | %s | %s | %s |\n|---|---|---|---|\n", message_text("module"),
                message_text("what for"), message_text("operations"), message_text("tables"));
    for (const struct handover_module *m = handover_modules; m->name != NULL; m++) {
        strbuf_addf(out, "| `%s` | ", m->name);
        markdown_add(out, message_text(m->meaning));
        strbuf_addf(out, " | %d | ", handover_operation_count(h, m->name));
        add_tables(m->name, out);
        strbuf_adds(out, " |\n");
    }
    return ERR_OK;
}

int handover_sources(struct handover *h, const char *argument, struct strbuf *out,
                     struct error *err)
{
    (void)argument, (void)err;
    strbuf_addf(out, "| %s | %s | %s |\n|---|---|---|\n", message_text("module"),
                message_text("addresses"), message_text("where it begins"));
    for (const struct handover_module *m = handover_modules; m->name != NULL; m++) {
        if (handover_operation_count(h, m->name) == 0)
            continue;
        bool is_system = strcmp(m->name, "system") == 0;
        strbuf_addf(out, "| `%s` | `%s%s` | ", m->name, is_system ? "/" : "/api/v1/",
                    is_system ? "" : m->name);
        add_sources(m->name, out);
        strbuf_adds(out, " |\n");
    }
    return ERR_OK;
}

/* ---- dependencies -------------------------------------------------------------------------- */

static size_t module_index(const char *name)
{
    size_t i = 0;
    while (handover_modules[i].name != NULL && strcmp(handover_modules[i].name, name) != 0)
        i++;
    return i;
}

/* Which module's tables refer to which other's. */
static void find_dependencies(const struct handover *h, bool uses[MODULES][MODULES])
{
    for (size_t i = 0; i < h->schema.count; i++) {
        const struct ddl_table *t = &h->schema.tables[i];
        size_t from = module_index(handover_module_of(t->name));
        for (size_t c = 0; c < t->count; c++)
            if (t->columns[c].references != NULL)
                uses[from][module_index(handover_module_of(t->columns[c].references))] = true;
    }
}

int handover_dependencies(struct handover *h, const char *argument, struct strbuf *out,
                          struct error *err)
{
    bool uses[MODULES][MODULES] = {{false}};
    (void)argument, (void)err;
    find_dependencies(h, uses);
    strbuf_adds(out, "```mermaid\nflowchart LR\n");
    for (size_t from = 0; handover_modules[from].name != NULL; from++)
        for (size_t to = 0; handover_modules[to].name != NULL; to++)
            if (uses[from][to] && from != to)
                strbuf_addf(out, "    %s --> %s\n", handover_modules[from].name,
                            handover_modules[to].name);
    strbuf_adds(out, "```\n");
    return ERR_OK;
}

/* ---- commands ------------------------------------------------------------------------------ */

int handover_commands(struct handover *h, const char *argument, struct strbuf *out,
                      struct error *err)
{
    (void)argument, (void)err;
    strbuf_addf(out, "| %s | %s |\n|---|---|\n", message_text("command"),
                message_text("what it does"));
    for (size_t i = 0; h->root->children[i] != NULL; i++) {
        const struct command *c = h->root->children[i];
        if ((c->flags & CLI_HIDDEN) != 0)
            continue;
        strbuf_addf(out, "| `diner %s` | ", c->name);
        markdown_add(out, message_text(c->summary));
        strbuf_adds(out, " |\n");
    }
    return ERR_OK;
}
