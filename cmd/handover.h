/* cmd/handover.h - the two documents of `diner docs`: what is delivered, and how it is built.
 *
 * Their prose is Markdown with {{NAME}} and {{NAME ARGUMENT}} in it (lib/platform/assets), where
 * the parts stand that are made from declarations: the OpenAPI file, the migrations, the tables of
 * settings, errors, events and metrics. What is not declared cannot be told, and what is declared
 * cannot be left out: either is ERR_BUG. */
#ifndef DINER_CMD_HANDOVER_H
#define DINER_CMD_HANDOVER_H

#include "cli/command.h"
#include "db/ddl.h"
#include "platform/openapi.h"

struct handover_module {
    const char *name, *meaning;
};
struct handover_table {
    const char *name, *module, *meaning;
};
extern const struct handover_module handover_modules[]; /* end with name NULL */
extern const struct handover_table handover_tables[];

struct handover {
    struct arena *arena;
    const struct command *root;
    struct openapi api;
    struct ddl_schema schema;
    const char *tests, *bench; /* files of results, or NULL */
};
/* Reads what the documents are made of; ERR_BUG when handover_modules.def and it do not agree. */
int handover_open(struct handover *h, struct error *err);
/* Of handover_tables. */
const char *handover_module_of(const char *table);
/* Operations of a module, or of all (NULL). */
int handover_operation_count(const struct handover *h, const char *module);

/* A part of a document; argument "" when the template gives none. */
typedef int handover_part(struct handover *h, const char *argument, struct strbuf *out,
                          struct error *err);
handover_part handover_api_list, handover_api_details;      /* handover_api.c */
handover_part handover_tables_list, handover_diagram;       /* handover_model.c */
handover_part handover_modules_list, handover_dependencies, /* handover_code.c */
    handover_sources, handover_commands;
handover_part handover_metrics, handover_alerts, handover_events; /* handover_watch.c */
handover_part handover_tests, handover_bench;                     /* handover_results.c */
handover_part handover_setting, handover_count, handover_version, /* handover_part.c */
    handover_errors;

struct handover_part_row {
    const char *name;
    handover_part *write;
};
extern const struct handover_part_row handover_parts[]; /* ends with name NULL */
/* The template with its parts put in. */
int handover_render(struct handover *h, const char *text, struct strbuf *out, struct error *err);

/* Every text of these declarations that people read, for translators (as cli_messages). */
int handover_messages(struct handover *h, struct strbuf *out, struct error *err);
void handover_watch_messages(struct handover *h, struct strbuf *out); /* those of metrics */

#endif
