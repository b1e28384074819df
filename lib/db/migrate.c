/* lib/db/migrate.c - applying numbered migrations, and saying what is missing. */
#include "db/migrate.h"
#include "core/hashmap.h"
#include "core/log.h"
#include "core/sha256.h"
#include "db/internal.h"
#include "gen/embed.h"
#include <stdio.h>
#include <stdlib.h>

/* What diner.migration holds: "set/name" to its row. */
struct applied {
    struct hashmap *rows;
    struct arena *arena;
};
struct applied_row {
    char *sha256, *at;
};

static void applied_release(struct applied *a)
{
    hashmap_free(a->rows);
    arena_free(a->arena);
    *a = (struct applied){0};
}

static void hash_of(const char *sql, char ret[65])
{
    struct sha256 *h = sha256_new();
    sha256_add(h, sql, strlen(sql));
    sha256_finish(h, ret);
}

/* ---- the table ---------------------------------------------------------------------------- */

static int look_for_table(struct db_conn *conn, bool *ret_table, bool *ret_schema,
                          struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL;
    TRY(db_query(conn, sql_migration_exists, DB_NO_PARAMS, &r, err));
    *ret_table = db_result_bool(r, 0, 0);
    *ret_schema = db_result_bool(r, 0, 1);
    return ERR_OK;
}

/* CREATE SCHEMA IF NOT EXISTS wants the right to create one even where it exists: looked first. */
static int make_table(struct db_conn *conn, struct error *err)
{
    bool has_table = false;
    bool has_schema = false;
    TRY(look_for_table(conn, &has_table, &has_schema, err));
    if (!has_schema)
        TRY(db_script(conn, "create schema if not exists diner", err));
    if (!has_table)
        TRY(db_script(conn, sql_migration_table, err));
    return ERR_OK;
}

static int load_applied(struct db_conn *conn, struct applied *a, struct error *err)
{
    bool has_table = false;
    bool has_schema = false;
    AUTO_RESULT struct db_result *r = NULL;
    a->rows = hashmap_new();
    a->arena = arena_new();
    TRY(look_for_table(conn, &has_table, &has_schema, err));
    if (!has_table)
        return ERR_OK;
    TRY(db_query(conn, sql_migration_list, DB_NO_PARAMS, &r, err));
    for (size_t i = 0; i < db_result_rows(r); i++) {
        struct applied_row *row = arena_alloc(a->arena, sizeof *row);
        row->sha256 = arena_strdup(a->arena, db_result_text(r, i, 2));
        row->at = arena_strdup(a->arena, db_result_text(r, i, 3));
        const char *key =
            arena_printf(a->arena, "%s/%s", db_result_text(r, i, 0), db_result_text(r, i, 1));
        hashmap_puts(a->rows, key, row);
    }
    return ERR_OK;
}

static const struct applied_row *find_applied(const struct applied *a, const char *set,
                                              const char *name)
{
    const char *key = arena_printf(a->arena, "%s/%s", set, name);
    return hashmap_gets(a->rows, key);
}

static int check_unedited(const struct applied_row *row, const char *set, const struct migration *m,
                          struct error *err)
{
    char hash[65];
    hash_of(m->sql, hash);
    if (strcmp(hash, row->sha256) == 0)
        return ERR_OK;
    error_set(err, ERR_DATABASE, "migration '%s/%s' was applied on %s and is not the same text now",
              set, m->name, row->at);
    return error_hint(err, "an applied migration is never edited: add a new one instead");
}

/* ---- applying ----------------------------------------------------------------------------- */

static int apply_in_transaction(struct db_conn *conn, const char *set, const struct migration *m,
                                struct error *err)
{
    char hash[65];
    hash_of(m->sql, hash);
    TRY(db_script(conn, "set local statement_timeout = 0", err));
    TRY(db_script(conn, m->sql, err));
    if (!db_in_transaction(conn))
        return error_set(err, ERR_BUG, "it ends its own transaction");
    return db_execute(conn, sql_migration_record, DB_PARAMS(set, m->name, hash), NULL, err);
}

static int apply_one(struct db_conn *conn, const char *set, const struct migration *m,
                     struct error *err)
{
    TRY(db_begin(conn, err));
    int code = apply_in_transaction(conn, set, m, err);
    if (code == ERR_OK)
        code = db_commit(conn, err);
    if (code == ERR_OK) {
        log_debug("migration %s/%s applied", set, m->name);
        return ERR_OK;
    }
    db_rollback(conn);
    error_context(err, "migration '%s/%s'", set, m->name);
    return code;
}

static int apply_set(struct db_conn *conn, const struct applied *applied,
                     const struct migration_set *set, int *count, struct error *err)
{
    for (const struct migration *m = set->migrations; m->name != NULL; m++) {
        const struct applied_row *row = find_applied(applied, set->name, m->name);
        if (row != NULL) {
            TRY(check_unedited(row, set->name, m, err));
            continue;
        }
        TRY(apply_one(conn, set->name, m, err));
        ++*count;
    }
    return ERR_OK;
}

static int apply_locked(struct db_conn *conn, const struct migration_set *sets, size_t nsets,
                        int *count, struct error *err)
{
    struct applied applied = {0};
    TRY(make_table(conn, err));
    int code = load_applied(conn, &applied, err);
    for (size_t i = 0; i < nsets && code == ERR_OK; i++)
        code = apply_set(conn, &applied, &sets[i], count, err);
    applied_release(&applied);
    return code;
}

static int take_lock(struct db_conn *conn, struct error *err)
{
    TRY(db_refuse_pooler(conn, err));
    int code = db_script(conn, sql_migration_lock, err);
    if (code == ERR_OK)
        return ERR_OK;
    db_rollback(conn);
    error_context(err, "waiting for another migration");
    return code;
}

int migrate_apply(struct db_conn *conn, const struct migration_set *sets, size_t nsets,
                  int *ret_applied, struct error *err)
{
    int count = 0;
    struct error ignored = ERROR_INIT;
    if (db_in_transaction(conn))
        return error_set(err, ERR_BUG, "migrations inside a transaction");
    TRY(take_lock(conn, err));
    int code = apply_locked(conn, sets, nsets, &count, err);
    (void)db_execute(conn, sql_migration_unlock, DB_NO_PARAMS, NULL, &ignored);
    if (code == ERR_OK && ret_applied != NULL)
        *ret_applied = count;
    return code;
}

/* ---- status ------------------------------------------------------------------------------- */

static size_t count_all(const struct migration_set *sets, size_t nsets)
{
    size_t n = 0;
    for (size_t i = 0; i < nsets; i++)
        for (const struct migration *m = sets[i].migrations; m->name != NULL; m++)
            n++;
    return n;
}

int migrate_status(struct db_conn *conn, const struct migration_set *sets, size_t nsets,
                   struct arena *arena, struct migration_status **ret, size_t *ret_count,
                   struct error *err)
{
    struct applied applied = {0};
    int code = load_applied(conn, &applied, err);
    if (code != ERR_OK) {
        applied_release(&applied);
        return code;
    }
    struct migration_status *list = arena_array(arena, count_all(sets, nsets) + 1, sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < nsets; i++) {
        for (const struct migration *m = sets[i].migrations; m->name != NULL; m++, n++) {
            const struct applied_row *row = find_applied(&applied, sets[i].name, m->name);
            list[n] = (struct migration_status){
                .set = sets[i].name, .name = m->name, .applied = row != NULL};
            snprintf(list[n].applied_at, sizeof list[n].applied_at, "%s",
                     row != NULL ? row->at : "");
        }
    }
    applied_release(&applied);
    *ret = list;
    *ret_count = n;
    return ERR_OK;
}

static int require_set(const struct applied *applied, const struct migration_set *set,
                       struct error *err)
{
    for (const struct migration *m = set->migrations; m->name != NULL; m++) {
        const struct applied_row *row = find_applied(applied, set->name, m->name);
        if (row != NULL) {
            TRY(check_unedited(row, set->name, m, err));
            continue;
        }
        error_set(err, ERR_DATABASE, "the database lacks migration '%s/%s'", set->name, m->name);
        return error_hint(err, "run 'diner db migrate'");
    }
    return ERR_OK;
}

int migrate_require(struct db_conn *conn, const struct migration_set *sets, size_t nsets,
                    struct error *err)
{
    struct applied applied = {0};
    int code = load_applied(conn, &applied, err);
    for (size_t i = 0; i < nsets && code == ERR_OK; i++)
        code = require_set(&applied, &sets[i], err);
    applied_release(&applied);
    return code;
}
