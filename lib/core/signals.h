/* lib/core/signals.h - INT and TERM ask, a second INT kills.
 *
 * The handler only sets a flag and calls the registered canceller (async-signal-safe, such as
 * PQcancel). SIGPIPE is ignored; who writes to stdout re-raises it on EPIPE (cli/output.h). */
#ifndef DINER_CORE_SIGNALS_H
#define DINER_CORE_SIGNALS_H

#include "core/error.h"
#include <stdbool.h>

void signals_install(void);
int signals_pending(void); /* SIGINT or SIGTERM once received, else 0 */
/* ERR_CANCELLED ("stopped by SIGINT") when one is pending. Call it in every loop. */
int signals_check(struct error *err);
/* Called from the handler; at most 8 cancellers at a time. */
void signals_on_cancel(void (*cancel)(void *arg), void *arg);
void signals_remove_cancel(void (*cancel)(void *arg), void *arg);
void signals_reset(void); /* forgets a pending signal: tests, and servers after a drain */
/* Dies of the signal received, so that the parent sees it: exit status 128 + n for shells. */
int signals_exit_status(void); /* 130 or 143, 0 when none is pending */
/* Between them the first signal waits for the end of what is at hand; a second one acts at once. */
void signals_defer_begin(void);
void signals_defer_end(void);
int signals_deferred(void); /* the one that waits, or 0 */

#endif
