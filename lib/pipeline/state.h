/* lib/pipeline/state.h - cursors and file ledgers in diner.state, written in the transaction of the
 * rows they cover. */
#ifndef DINER_PIPELINE_STATE_H
#define DINER_PIPELINE_STATE_H

#include "pipeline/stream.h"

/* State is kept per child (ctx->child). *ret NULL when there is none; else in ctx->arena. */
int state_get(const struct stream_context *ctx, const char *name, const char **ret,
              struct error *err);
/* Inside the open transaction. */
int state_set(const struct stream_context *ctx, const char *name, const char *value,
              struct error *err);
/* The files a stream has loaded, by hash: so that `append` loads each once. */
struct state_ledger;
int state_ledger_load(const struct stream_context *ctx, struct state_ledger **ret,
                      struct error *err);
void state_ledger_free(struct state_ledger *l);
/* False when the file was loaded before; else it will be remembered by state_ledger_save. */
bool state_ledger_note(struct state_ledger *l, const char *sha256, const char *path);
size_t state_ledger_seen(const struct state_ledger *l); /* files left out so far */
/* Inside the transaction that loads the files. */
int state_ledger_save(const struct stream_context *ctx, struct state_ledger *l, struct error *err);

#endif
