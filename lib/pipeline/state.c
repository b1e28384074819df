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

int state_delete(const struct stream_context *ctx, const char *name, struct error *err)
{
    return db_execute(ctx->db, sql_state_delete,
                      DB_PARAMS(ctx->pipeline->name, ctx->stream->name, child_of(ctx), name), NULL,
                      err);
}

/* ---- files ------------------------------------------------------------------------------ */

struct ledger_entry {
    char *sha256, *name;
    uint64_t bytes;
};
struct state_ledger {
    struct hashmap *by_hash, *by_name; /* of struct ledger_entry; by name the last */
    struct ledger_entry **entries;
    size_t n, capacity;
    size_t nloaded; /* the first of them stand in the database */
    size_t seen;
};

static void add_entry(struct state_ledger *l, const char *sha256, const char *name, uint64_t bytes)
{
    struct ledger_entry *e = mem_alloc(sizeof *e);
    *e = (struct ledger_entry){mem_strdup(sha256), mem_strdup(name), bytes};
    l->entries = mem_grow(l->entries, &l->capacity, l->n + 1, sizeof(struct ledger_entry *));
    l->entries[l->n++] = e;
    hashmap_puts(l->by_hash, e->sha256, e);
    hashmap_puts(l->by_name, e->name, e);
}

/* "BYTES NAME"; of an entry by an older version the name alone. */
static void read_entry(struct state_ledger *l, const char *key, const char *value)
{
    char *end;
    unsigned long long bytes = strtoull(value, &end, 10);
    bool has_bytes = end != value && *end == ' ';
    add_entry(l, key + strlen("file:"), has_bytes ? end + 1 : value, has_bytes ? bytes : 0);
}

int state_ledger_load(const struct stream_context *ctx, struct state_ledger **ret,
                      struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    TRY(db_query(ctx->db, sql_ledger_list,
                 DB_PARAMS(ctx->pipeline->name, ctx->stream->name, child_of(ctx)), &res, err));
    struct state_ledger *l = mem_alloc(sizeof *l);
    l->by_hash = hashmap_new();
    l->by_name = hashmap_new();
    for (size_t i = 0; i < db_result_rows(res); i++)
        read_entry(l, db_result_text(res, i, 0), db_result_text(res, i, 1));
    l->nloaded = l->n;
    *ret = l;
    return 0;
}

void state_ledger_free(struct state_ledger *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->n; i++) {
        free(l->entries[i]->sha256);
        free(l->entries[i]->name);
        free(l->entries[i]);
    }
    free(l->entries);
    hashmap_free(l->by_hash);
    hashmap_free(l->by_name);
    free(l);
}

enum ledger_verdict state_ledger_look(const struct state_ledger *l, bool by_content,
                                      const char *sha256, const char *name, uint64_t *ret_bytes)
{
    const struct ledger_entry *last = hashmap_gets(l->by_name, name);
    if (by_content && hashmap_gets(l->by_hash, sha256) != NULL)
        return LEDGER_LOADED;
    if (last == NULL)
        return LEDGER_NEW;
    *ret_bytes = last->bytes;
    return strcmp(last->sha256, sha256) == 0 ? LEDGER_LOADED : LEDGER_CHANGED;
}

bool state_ledger_may_know(const struct state_ledger *l, const char *name, uint64_t bytes)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->entries[i]->bytes == bytes || l->entries[i]->bytes == 0)
            return true;
    return hashmap_gets(l->by_name, name) != NULL;
}

void state_ledger_add(struct state_ledger *l, const char *sha256, const char *name, uint64_t bytes)
{
    add_entry(l, sha256, name, bytes);
}

void state_ledger_leave_out(struct state_ledger *l)
{
    l->seen++;
}

size_t state_ledger_seen(const struct state_ledger *l)
{
    return l->seen;
}

int state_ledger_save(const struct stream_context *ctx, struct state_ledger *l, struct error *err)
{
    for (size_t i = l->nloaded; i < l->n; i++) {
        const struct ledger_entry *e = l->entries[i];
        const char *key = arena_printf(ctx->arena, "file:%s", e->sha256);
        const char *value =
            arena_printf(ctx->arena, "%llu %s", (unsigned long long)e->bytes, e->name);
        TRY(state_set(ctx, key, value, err));
    }
    return 0;
}
