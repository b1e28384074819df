#include "pipeline/state.h"

#include "core/hashmap.h"
#include "gen/embed.h"

#include <stdlib.h>
#include <string.h>

static const char *child_of(const struct stream_context *ctx)
{
    return ctx->child != NULL ? ctx->child : "";
}

int state_get(const struct stream_context *ctx, const char *name, const char **ret,
              struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_query(ctx->db, sql_state_get,
                 DB_PARAMS(ctx->pipeline->name, ctx->stream->name, child_of(ctx), name), &res,
                 err));
    *ret = db_result_rows(res) > 0 ? arena_strdup(ctx->arena, db_result_text(res, 0, 0)) : NULL;
    return 0;
}

int state_set(const struct stream_context *ctx, const char *name, const char *value,
              struct error *err)
{
    const char *run = arena_printf(ctx->arena, "%lld", (long long)ctx->run_id);
    return db_execute(
        ctx->db, sql_state_set,
        DB_PARAMS(ctx->pipeline->name, ctx->stream->name, child_of(ctx), name, value, run), NULL,
        err);
}

struct ledger_entry {
    char *sha256, *path;
};
struct state_ledger {
    struct hashmap *known;
    struct ledger_entry *fresh;
    size_t nfresh, capacity, seen;
};

int state_ledger_load(const struct stream_context *ctx, struct state_ledger **ret,
                      struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_query(ctx->db, sql_state_list,
                 DB_PARAMS(ctx->pipeline->name, ctx->stream->name, "file:%"), &res, err));
    struct state_ledger *l = mem_alloc(sizeof *l);
    l->known = hashmap_new();
    for (size_t i = 0; i < db_result_rows(res); i++)
        hashmap_puts(l->known, db_result_text(res, i, 0) + strlen("file:"), l);
    *ret = l;
    return 0;
}

void state_ledger_free(struct state_ledger *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->nfresh; i++) {
        free(l->fresh[i].sha256);
        free(l->fresh[i].path);
    }
    free(l->fresh);
    hashmap_free(l->known);
    free(l);
}

bool state_ledger_note(struct state_ledger *l, const char *sha256, const char *path)
{
    if (hashmap_puts(l->known, sha256, l) != NULL) {
        l->seen++;
        return false;
    }
    l->fresh = mem_grow(l->fresh, &l->capacity, l->nfresh + 1, sizeof *l->fresh);
    l->fresh[l->nfresh++] = (struct ledger_entry){mem_strdup(sha256), mem_strdup(path)};
    return true;
}

size_t state_ledger_seen(const struct state_ledger *l)
{
    return l->seen;
}

int state_ledger_save(const struct stream_context *ctx, struct state_ledger *l, struct error *err)
{
    for (size_t i = 0; i < l->nfresh; i++) {
        const char *name = arena_printf(ctx->arena, "file:%s", l->fresh[i].sha256);
        TRY(state_set(ctx, name, l->fresh[i].path, err));
    }
    return 0;
}
