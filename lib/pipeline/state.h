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
int state_delete(const struct stream_context *ctx, const char *name, struct error *err);
/* The files a stream has loaded: the hash of what was read, its name, its size. A copy under
 * another name is known by its hash; other content under a known name is a changed file. */
struct state_ledger;
enum ledger_verdict { LEDGER_NEW, LEDGER_LOADED, LEDGER_CHANGED };
int state_ledger_load(const struct stream_context *ctx, struct state_ledger **ret,
                      struct error *err);
void state_ledger_free(struct state_ledger *l);
/* by_content: loaded is what has a hash that was loaded under any name, at any time (`append`);
 * else what was loaded last under this name. *ret_bytes: the size then, of a changed file. */
enum ledger_verdict state_ledger_look(const struct state_ledger *l, bool by_content,
                                      const char *sha256, const char *name, uint64_t *ret_bytes);
/* Whether a file of that name, or of so many bytes, may be anything but new. */
bool state_ledger_may_know(const struct state_ledger *l, const char *name, uint64_t bytes);
/* Will be remembered by state_ledger_save. */
void state_ledger_add(struct state_ledger *l, const char *sha256, const char *name, uint64_t bytes);
void state_ledger_leave_out(struct state_ledger *l);
size_t state_ledger_seen(const struct state_ledger *l); /* files left out so far */
/* Inside the transaction that loads the files. */
int state_ledger_save(const struct stream_context *ctx, struct state_ledger *l, struct error *err);

#endif
