/* lib/perf/server_names.c - statements by the server's id: quick counters, and their texts. */
#include "perf/server_internal.h"

#include "core/hashmap.h"
#include "gen/embed.h"
#include "perf/fingerprint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* ---- counters ------------------------------------------------------------------------------ */

double server_number(const struct db_result *r, size_t row, size_t column)
{
    const char *text = db_result_text(r, row, column);
    return text == NULL ? 0 : strtod(text, NULL);
}

int perf_counters_take(struct db_conn *conn, struct perf_counters *ret, struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL, *info = NULL;
    TRY(db_query(conn, sql_perf_evictions, DB_NO_PARAMS, &info, err));
    TRY(db_query(conn, sql_perf_counters, DB_NO_PARAMS, &r, err));
    perf_counters_release(ret);
    ret->evicted = server_number(info, 0, 0);
    ret->reset_s = server_number(info, 0, 1);
    ret->count = db_result_rows(r);
    ret->items = mem_array(ret->count + 1, sizeof *ret->items);
    for (size_t i = 0; i < ret->count; i++) {
        ret->items[i].id = db_result_int(r, i, 0);
        for (size_t k = 0; k < COUNTERS; k++)
            ret->items[i].values[k] = server_number(r, i, k + 1);
    }
    return 0;
}

void perf_counters_release(struct perf_counters *c)
{
    free(c->items);
    *c = (struct perf_counters){0};
}

bool perf_counters_difference(const struct perf_counters *before, const struct perf_counters *after,
                              struct perf_counters *ret)
{
    perf_counters_release(ret);
    if (fabs(before->reset_s - after->reset_s) > 0 || after->evicted > before->evicted)
        return false;
    ret->items = mem_array(after->count + 1, sizeof *ret->items);
    for (size_t i = 0, b = 0; i < after->count; i++) {
        const struct perf_counter *now = &after->items[i];
        struct perf_counter *d = &ret->items[ret->count];
        while (b < before->count && before->items[b].id < now->id)
            b++;
        bool known = b < before->count && before->items[b].id == now->id;
        *d = *now;
        for (size_t k = 0; known && k < COUNTERS; k++)
            d->values[k] -= before->items[b].values[k];
        ret->count += d->values[COUNTER_CALLS] > 0;
    }
    return true;
}

int perf_sums_take(struct db_conn *conn, struct perf_sums *ret, struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL;
    TRY(db_query(conn, sql_perf_statements, DB_NO_PARAMS, &r, err));
    *ret = (struct perf_sums){.calls = server_number(r, 0, 0),
                              .exec_ms = server_number(r, 0, 1),
                              .rows = server_number(r, 0, 2),
                              .blocks = server_number(r, 0, 3) + server_number(r, 0, 4),
                              .evicted = server_number(r, 0, 5),
                              .reset_s = server_number(r, 0, 6),
                              .wal_bytes = server_number(r, 0, 7)};
    return 0;
}

bool perf_sums_difference(const struct perf_sums *before, const struct perf_sums *after,
                          struct perf_sums *ret)
{
    *ret = (struct perf_sums){.calls = after->calls - before->calls,
                              .exec_ms = after->exec_ms - before->exec_ms,
                              .rows = after->rows - before->rows,
                              .blocks = after->blocks - before->blocks,
                              .wal_bytes = after->wal_bytes - before->wal_bytes};
    return !(fabs(before->reset_s - after->reset_s) > 0) && after->evicted <= before->evicted &&
           ret->calls >= 0;
}

/* ---- texts --------------------------------------------------------------------------------- */

struct perf_names {
    struct hashmap *by_id;
    bool hidden;
    const char *no_parser;
};

/* What sessions say by themselves, and look-ups of drivers: shown, never judged. */
static bool is_utility(const char *text)
{
    static const char *const words[] = {
        "begin",    "start ",     "commit",    "end",     "rollback", "savepoint ", "release ",
        "set ",     "reset ",     "show ",     "discard", "prepare ", "deallocate", "listen ",
        "unlisten", "fetch ",     "close ",    "move ",   "declare ", "analyze",    "vacuum",
        "explain ", "checkpoint", "truncate ", "create ", "drop ",    "alter ",     "copy ",
        "comment ", "grant ",     "revoke ",   "lock ",   "notify "};
    text += strspn(text, " \t\r\n(");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncasecmp(text, words[i], strlen(words[i])) == 0)
            return true;
    return strcasestr(text, "set_config(") != NULL || strcasestr(text, "pg_catalog.") != NULL ||
           strcasestr(text, " from pg_") != NULL || strcasestr(text, "information_schema.") != NULL;
}

/* By the server's id where the text is no statement of PostgreSQL 15, or no parser is there. */
static const char *fingerprint_of(const struct perf_names *n, const char *id, const char *text,
                                  struct arena *arena)
{
    char digits[17];
    struct error err = ERROR_INIT;
    if (n->no_parser == NULL && perf_fingerprint(text, digits, &err) == 0)
        return arena_strdup(arena, digits);
    return arena_printf(arena, "id%016llx", (unsigned long long)strtoll(id, NULL, 10));
}

static void add_name(struct perf_names *n, const struct db_result *r, size_t row,
                     struct arena *arena)
{
    const char *id = db_result_text(r, row, 0), *text = db_result_text(r, row, 1);
    struct perf_name *name = arena_alloc(arena, sizeof *name);
    if (text == NULL) {
        name->is_ours = true;
    } else {
        n->hidden = n->hidden || strcmp(text, "<insufficient privilege>") == 0;
        name->text = arena_strdup(arena, text);
        name->fingerprint = fingerprint_of(n, id, text, arena);
        name->truncated = db_result_bool(r, row, 2);
        name->utility = is_utility(text);
    }
    hashmap_puts(n->by_id, id, name);
}

int perf_names_take(struct db_conn *conn, struct arena *arena, struct perf_names **ret,
                    struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL;
    struct error refused = ERROR_INIT;
    TRY(db_query(conn, sql_perf_texts, DB_NO_PARAMS, &r, err));
    struct perf_names *n = mem_alloc(sizeof *n);
    n->by_id = hashmap_new();
    if (perf_parser_load(&refused) != 0)
        n->no_parser = arena_strdup(arena, refused.message);
    for (size_t i = 0; i < db_result_rows(r); i++)
        add_name(n, r, i, arena);
    *ret = n;
    return 0;
}

void perf_names_free(struct perf_names *n)
{
    if (n == NULL)
        return;
    hashmap_free(n->by_id);
    free(n);
}

const struct perf_name *perf_names_find(const struct perf_names *n, int64_t id)
{
    char key[32];
    (void)snprintf(key, sizeof key, "%lld", (long long)id);
    return hashmap_gets(n->by_id, key);
}

bool perf_names_hidden(const struct perf_names *n)
{
    return n->hidden;
}

const char *perf_names_no_parser(const struct perf_names *n)
{
    return n->no_parser;
}
