/* cmd/handover_model.c - the data: tables by module, and how they hang together. */
#include "core/message.h"
#include "handover.h"
#include "perf/sink.h"

/* In `...` inside of a table. */
static void add_code(const char *text, struct strbuf *out)
{
    strbuf_addch(out, '`');
    for (; *text != '\0'; text++)
        if (*text == '|')
            strbuf_adds(out, "\\|");
        else
            strbuf_addch(out, *text == '`' ? '\'' : *text);
    strbuf_addch(out, '`');
}

static void add_column(const struct ddl_column *c, struct strbuf *out)
{
    strbuf_addf(out, "| `%s` | ", c->name);
    add_code(c->type, out);
    strbuf_addf(out, " | %s | ", c->is_required ? message_text("yes") : "");
    if (c->def != NULL)
        add_code(c->def, out);
    strbuf_adds(out, " | ");
    if (c->references != NULL)
        add_code(c->references, out);
    strbuf_adds(out, " |\n");
}

static void add_rules(const char *title, const struct ddl_rules *rules, struct strbuf *out)
{
    if (rules->count > 0)
        strbuf_addf(out, "%s:\n\n", title);
    for (size_t i = 0; i < rules->count; i++)
        strbuf_addf(out, "- `%s`: `` %s ``\n", rules->items[i].name, rules->items[i].text);
    if (rules->count > 0)
        strbuf_addch(out, '\n');
}

static void add_table(const struct ddl_table *t, const char *meaning, struct strbuf *out)
{
    strbuf_addf(out, "#### %s\n\n", t->name);
    markdown_add(out, message_text(meaning));
    strbuf_addf(out, "\n\n| %s | %s | %s | %s | %s |\n|---|---|---|---|---|\n",
                message_text("column"), message_text("type"), message_text("not null"),
                message_text("default"), message_text("refers to"));
    for (size_t i = 0; i < t->count; i++)
        add_column(&t->columns[i], out);
    strbuf_addch(out, '\n');
    add_rules(message_text("Constraints"), &t->constraints, out);
    add_rules(message_text("Indexes"), &t->indexes, out);
}

int handover_tables_list(struct handover *h, const char *argument, struct strbuf *out,
                         struct error *err)
{
    (void)argument, (void)err;
    const char *module = "";
    for (const struct handover_table *t = handover_tables; t->name != NULL; t++) {
        if (strcmp(t->module, module) != 0)
            strbuf_addf(out, "### %s\n\n", module = t->module);
        add_table(ddl_table(&h->schema, t->name), t->meaning, out);
    }
    return ERR_OK;
}

/* "app_orders": Mermaid takes no dots. */
static void add_entity(const char *name, struct strbuf *out)
{
    for (; *name != '\0'; name++)
        strbuf_addch(out, *name == '.' ? '_' : *name);
}

static bool is_of(const char *table, const char *module)
{
    return *module == '\0' || strcmp(handover_module_of(table), module) == 0;
}

/* argument: a module, or "" for all. What refers to a table of it, or is referred to by one. */
int handover_diagram(struct handover *h, const char *argument, struct strbuf *out,
                     struct error *err)
{
    (void)err;
    strbuf_adds(out, "```mermaid\nerDiagram\n");
    for (size_t i = 0; i < h->schema.count; i++) {
        const struct ddl_table *t = &h->schema.tables[i];
        for (size_t c = 0; c < t->count; c++) {
            const char *to = t->columns[c].references;
            if (to == NULL || !(is_of(t->name, argument) || is_of(to, argument)))
                continue;
            strbuf_adds(out, "    ");
            add_entity(to, out);
            strbuf_adds(out, t->columns[c].is_required ? " ||--o{ " : " |o--o{ ");
            add_entity(t->name, out);
            strbuf_addf(out, " : %s\n", t->columns[c].name);
        }
    }
    strbuf_adds(out, "```\n");
    return ERR_OK;
}
