/* cmd/lineage.h - OpenLineage events of what a run does: one run of a job `pipeline.stream` for
 * each stream, with what it reads and writes. Source: https://openlineage.io/spec/2-0-2 (RunEvent).
 */
#ifndef DINER_CMD_LINEAGE_H
#define DINER_CMD_LINEAGE_H

#include "cli/command.h"
#include "pipeline/run.h"

struct lineage;
/* NULL, which the others accept, when the settings name no receiver. */
struct lineage *lineage_begin(struct cli *cli);
/* Each sends one event, in at most 5 s; the first that cannot be sent is told in the log and is the
 * last that is tried. */
void lineage_stream_begin(struct lineage *l, const char *pipeline, const char *stream);
void lineage_stream_end(struct lineage *l, const struct stream_report *report);
void lineage_end(struct lineage *l);

#endif
