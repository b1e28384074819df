/* lib/cli/progress.h - one live line on stderr: only on a terminal, only after a second. */
#ifndef DINER_CLI_PROGRESS_H
#define DINER_CLI_PROGRESS_H

#include "cli/command.h"

struct progress;
struct progress *progress_begin(struct cli *cli, const char *label);
/* Cheap: looks at the clock every so often. total 0: unknown (no ETA). Counts are absolute. */
void progress_update(struct progress *p, uint64_t rows, uint64_t done_bytes, uint64_t total_bytes);
void progress_label(struct progress *p, const char *label);
void progress_end(struct progress *p); /* wipes the line; NULL-safe */

#endif
