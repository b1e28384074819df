#include "pipeline/graph.h"

#include "core/message.h"
#include "pipeline/stream.h"

#include <string.h>

const char *const graph_format_names[] = {"text", "mermaid", "dot", NULL};

/* A stream or a step. */
struct graph_node {
    const char *name;
    const char *source, *target; /* NULL for a step */
    const char *mode;
    const struct field_strings *needs;
    const char *parent; /* of for_each; NULL: none */
};
struct graph {
    const struct pipeline *p;
    struct graph_node *nodes;
    size_t count;
};

/* ---- gathering -------------------------------------------------------------------------- */

static const char *scalar_of(const struct ynode *map, const char *key)
{
    const struct ynode *node = ynode_get(map, key);
    return node != NULL && node->kind == YNODE_SCALAR ? node->text : NULL;
}

const char *graph_place(struct arena *arena, const struct ynode *node, const char *stream,
                        bool is_target)
{
    const char *file = scalar_of(node, "file"), *connector = scalar_of(node, "connector");
    const char *connection = scalar_of(node, "connection"), *table = scalar_of(node, "table");
    if (file != NULL)
        return arena_printf(arena, "file %s", file);
    if (connector != NULL)
        return arena_printf(arena, "api %s/%s", connector,
                            scalar_of(node, "resource") ? scalar_of(node, "resource") : "?");
    if (connection == NULL)
        return "?";
    if (!is_target) {
        const char *query = scalar_of(node, "query");
        bool is_sql_file =
            query != NULL && strstr(query, ".sql") != NULL && strpbrk(query, " \n") == NULL;
        return arena_printf(arena, "%s %s", connection,
                            table != NULL ? table
                            : is_sql_file ? query
                                          : "(query)");
    }
    const char *schema = scalar_of(node, "schema");
    return arena_printf(arena, "%s %s.%s", connection, schema ? schema : "public",
                        table ? table : stream);
}

static struct graph gather(const struct pipeline *p)
{
    struct graph g = {.p = p, .count = p->streams.count + p->steps.count};
    g.nodes = arena_array(p->arena, g.count + 1, sizeof *g.nodes);
    for (size_t i = 0; i < p->streams.count; i++) {
        const struct stream_spec *s = p->ordered[i];
        g.nodes[i] = (struct graph_node){
            .name = s->name,
            .source = graph_place(p->arena, s->source_node, s->name, false),
            .target = graph_place(p->arena, s->target_node, s->name, true),
            .mode = s->target == &target_postgres ? stream_mode_names[s->mode] : NULL,
            .needs = &s->needs,
            .parent = s->for_each != NULL ? s->for_each->stream : NULL};
    }
    for (size_t i = 0; i < p->steps.count; i++) {
        const struct job_step *step = (const struct job_step *)p->steps.items + i;
        g.nodes[i] = (struct graph_node){.name = step->run, .needs = &step->needs};
    }
    return g;
}

static size_t index_of(const struct graph *g, const char *name)
{
    size_t i = 0;
    while (i < g->count && strcmp(g->nodes[i].name, name) != 0)
        i++;
    return i;
}

/* ---- text ------------------------------------------------------------------------------- */

/* The node under which another is drawn: its parent, else the last it waits for. */
static size_t above(const struct graph *g, const struct graph_node *n)
{
    if (n->parent != NULL)
        return index_of(g, n->parent);
    return n->needs->count > 0 ? index_of(g, n->needs->items[n->needs->count - 1]) : g->count;
}

static void print_line(const struct graph *g, const struct graph_node *n, struct strbuf *out)
{
    size_t under = above(g, n);
    const char *comma = message_text("  also needs ");
    strbuf_adds(out, n->name);
    if (n->source != NULL)
        strbuf_addf(out, ": %s -> %s", n->source, n->target);
    if (n->mode != NULL)
        strbuf_addf(out, " (%s)", n->mode);
    if (n->parent != NULL)
        strbuf_addf(out, message_text("  for each row of %s"), n->parent);
    for (size_t i = 0; i < n->needs->count; i++) {
        if (index_of(g, n->needs->items[i]) == under)
            continue;
        strbuf_addf(out, "%s%s", comma, n->needs->items[i]);
        comma = ", ";
    }
    strbuf_addch(out, '\n');
}

static bool is_last_under(const struct graph *g, size_t at, size_t under)
{
    for (size_t i = at + 1; i < g->count; i++)
        if (above(g, &g->nodes[i]) == under)
            return false;
    return true;
}

static void print_under(const struct graph *g, size_t under, struct strbuf *margin,
                        struct strbuf *out)
{
    for (size_t i = 0; i < g->count; i++) {
        if (above(g, &g->nodes[i]) != under)
            continue;
        bool is_last = is_last_under(g, i, under);
        size_t before = margin->len;
        strbuf_addf(out, "%s%s ", margin->data, is_last ? "└─" : "├─");
        print_line(g, &g->nodes[i], out);
        strbuf_adds(margin, is_last ? "   " : "│  ");
        if (margin->len < 1024)
            print_under(g, i, margin, out);
        strbuf_truncate(margin, before);
    }
}

static void print_text(const struct graph *g, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf margin = {0};
    strbuf_init(&margin, 4096);
    strbuf_addf(out, "%s\n", g->p->name);
    print_under(g, g->count, &margin, out);
}

/* ---- Mermaid, Graphviz ------------------------------------------------------------------ */

static void add_label(struct strbuf *out, const char *text, enum graph_format format)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"')
            strbuf_adds(out, format == GRAPH_DOT ? "\\\"" : "#quot;");
        else if (*c == '\\' && format == GRAPH_DOT)
            strbuf_adds(out, "\\\\");
        else if (*c == '<' && format == GRAPH_MERMAID)
            strbuf_adds(out, "#lt;");
        else
            strbuf_addch(out, (unsigned char)*c < 0x20 ? ' ' : *c);
    }
}

/* One node a place, however many streams use it. */
static size_t place_index(const struct graph *g, const char *place)
{
    for (size_t i = 0; i < g->count; i++) {
        if (g->nodes[i].source == NULL)
            continue; /* a step has no places */
        if (strcmp(g->nodes[i].source, place) == 0)
            return i * 2;
        if (strcmp(g->nodes[i].target, place) == 0)
            return i * 2 + 1;
    }
    return g->count * 2;
}

static void print_place(const struct graph *g, const char *place, size_t own,
                        enum graph_format format, struct strbuf *out)
{
    if (place_index(g, place) != own)
        return; /* told already */
    strbuf_addf(out, format == GRAPH_DOT ? "  p%zu [shape=cylinder, label=\"" : "  p%zu[(\"", own);
    add_label(out, place, format);
    strbuf_adds(out, format == GRAPH_DOT ? "\"];\n" : "\")]\n");
}

static void print_edge(struct strbuf *out, enum graph_format format, const char *from_kind,
                       size_t from, const char *to_kind, size_t to, const char *label)
{
    if (format == GRAPH_DOT)
        strbuf_addf(out, "  %s%zu -> %s%zu%s%s%s;\n", from_kind, from, to_kind, to,
                    label ? " [style=dashed, label=\"" : "", label ? label : "",
                    label ? "\"]" : "");
    else if (label != NULL)
        strbuf_addf(out, "  %s%zu -. %s .-> %s%zu\n", from_kind, from, label, to_kind, to);
    else
        strbuf_addf(out, "  %s%zu --> %s%zu\n", from_kind, from, to_kind, to);
}

static void print_drawing(const struct graph *g, enum graph_format format, struct strbuf *out)
{
    if (format == GRAPH_DOT)
        strbuf_addf(out, "digraph \"%s\" {\n  rankdir=LR;\n  node [shape=box];\n", g->p->name);
    else
        strbuf_adds(out, "flowchart LR\n");
    for (size_t i = 0; i < g->count; i++) {
        const struct graph_node *n = &g->nodes[i];
        strbuf_addf(out, format == GRAPH_DOT ? "  s%zu [label=\"" : "  s%zu[\"", i);
        add_label(out, n->name, format);
        strbuf_adds(out, format == GRAPH_DOT ? "\"];\n" : "\"]\n");
        if (n->source == NULL)
            continue;
        print_place(g, n->source, i * 2, format, out);
        print_place(g, n->target, i * 2 + 1, format, out);
        print_edge(out, format, "p", place_index(g, n->source), "s", i, NULL);
        print_edge(out, format, "s", i, "p", place_index(g, n->target), NULL);
    }
    for (size_t i = 0; i < g->count; i++) {
        const struct graph_node *n = &g->nodes[i];
        for (size_t k = 0; k < n->needs->count; k++)
            print_edge(out, format, "s", index_of(g, n->needs->items[k]), "s", i, "then");
        if (n->parent != NULL)
            print_edge(out, format, "s", index_of(g, n->parent), "s", i, "each");
    }
    strbuf_adds(out, format == GRAPH_DOT ? "}\n" : "");
}

void graph_print(const struct pipeline *p, enum graph_format format, struct strbuf *out)
{
    struct graph g = gather(p);
    if (format == GRAPH_TEXT)
        print_text(&g, out);
    else
        print_drawing(&g, format, out);
}
