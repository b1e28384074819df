/* cmd/handover_watch.c - what can be watched: metrics, alerts, events. */
#include "core/message.h"
#include "domain/outbox.h"
#include "gen/embed.h"
#include "handover.h"
#include "perf/sink.h"
#include "platform/server/metrics.h"
#include "run_record.h"

/* ---- metrics ------------------------------------------------------------------------------- */

/* One "# HELP name help" with the "# TYPE name type" behind it. */
struct family {
    const char *name, *help, *type;
};

static bool family_next(struct arena *arena, const char **at, struct family *ret)
{
    static const char head[] = "# HELP ";
    const char *p = strstr(*at, head);
    if (p == NULL)
        return false;
    p += sizeof head - 1;
    size_t name = strcspn(p, " "), help = strcspn(p + name + 1, "\n");
    const char *type = p + name + 1 + help + sizeof "\n# TYPE " - 1 + name + 1;
    ret->name = arena_strndup(arena, p, name);
    ret->help = arena_strndup(arena, p + name + 1, help);
    ret->type = arena_strndup(arena, type, strcspn(type, "\n"));
    *at = type;
    return true;
}

/* What a server and a run tell, without their samples. */
static void write_families(struct strbuf *server, struct strbuf *runs)
{
    struct metrics *m = metrics_new(NULL, 0);
    metrics_write(m, &(struct metrics_gauges){0}, server);
    metrics_free(m);
    run_record_families(runs);
}

static void add_families(struct handover *h, const char *text, const char *where,
                         struct strbuf *out)
{
    for (struct family f; family_next(h->arena, &text, &f);) {
        strbuf_addf(out, "| `%s` | %s | %s | ", f.name, f.type, where);
        markdown_add(out, message_text(f.help));
        strbuf_adds(out, " |\n");
    }
}

void handover_watch_messages(struct handover *h, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    write_families(&text, &text);
    const char *at = text.data;
    for (struct family f; family_next(h->arena, &at, &f);)
        cli_message(out, f.help);
}

int handover_metrics(struct handover *h, const char *argument, struct strbuf *out,
                     struct error *err)
{
    AUTO_STRBUF struct strbuf server = {0}, runs = {0};
    (void)argument, (void)err;
    strbuf_init(&server, 0);
    strbuf_init(&runs, 0);
    write_families(&server, &runs);
    strbuf_addf(out, "| %s | %s | %s | %s |\n|---|---|---|---|\n", message_text("metric"),
                message_text("type"), message_text("where"), message_text("meaning"));
    add_families(h, server.data, "`/metrics`", out);
    add_families(h, runs.data, "`metrics.textfile`", out);
    return ERR_OK;
}

/* ---- alerts -------------------------------------------------------------------------------- */

static void add_alert(const struct ynode *group, const struct ynode *rule, struct strbuf *out)
{
    const struct ynode *annotations = ynode_get(rule, "annotations");
    const struct ynode *labels = ynode_get(rule, "labels");
    strbuf_addf(out, "| `%s` | `%s` | %s | ", ynode_text(group, "name", ""),
                ynode_text(rule, "alert", ""), ynode_text(labels, "severity", ""));
    strbuf_adds(out, ynode_text(rule, "for", ""));
    strbuf_adds(out, " | ");
    markdown_add(out, ynode_text(annotations, "summary", ""));
    strbuf_adds(out, " | `");
    for (const char *p = ynode_text(rule, "expr", ""); *p != '\0'; p++)
        strbuf_adds(out, *p == '|' ? "\\|" : (const char[]){*p, '\0'});
    strbuf_adds(out, "` |\n");
}

int handover_alerts(struct handover *h, const char *argument, struct strbuf *out, struct error *err)
{
    struct ynode *root = NULL;
    (void)argument;
    TRY(ynode_parse(embedded_alerts_yml, strlen(embedded_alerts_yml), "alerts.yml", h->arena, &root,
                    err));
    strbuf_addf(out, "| %s | %s | %s | %s | %s | %s |\n|---|---|---|---|---|---|\n",
                message_text("group"), message_text("alert"), message_text("severity"),
                message_text("for"), message_text("text"), message_text("when"));
    const struct ynode *groups = ynode_get(root, "groups");
    for (size_t g = 0; groups != NULL && g < groups->count; g++) {
        const struct ynode *rules = ynode_get(groups->items[g], "rules");
        for (size_t i = 0; rules != NULL && i < rules->count; i++)
            add_alert(groups->items[g], rules->items[i], out);
    }
    return ERR_OK;
}

/* ---- events -------------------------------------------------------------------------------- */

int handover_events(struct handover *h, const char *argument, struct strbuf *out, struct error *err)
{
    (void)h, (void)argument, (void)err;
    strbuf_addf(out, "| %s | %s |\n|---|---|\n", message_text("event"), message_text("meaning"));
    for (const struct outbox_event *e = outbox_events; e->type != NULL; e++) {
        strbuf_addf(out, "| `%s` | ", e->type);
        markdown_add(out, message_text(e->meaning));
        strbuf_adds(out, " |\n");
    }
    return ERR_OK;
}
