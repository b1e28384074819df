/* lib/db/copy.h - binary COPY, in and out.
 *
 * In: begin, then for each row db_copy_row(), fields appended to db_copy_buffer() with db_encode*,
 * and either db_copy_keep() or db_copy_drop() (the row is forgotten: a reject). Rows are sent in
 * pieces of about 32 KiB. end() says how many rows the server took; abort() makes it forget all. */
#ifndef DINER_DB_COPY_H
#define DINER_DB_COPY_H

#include "db/conn.h"
#include "db/types.h"

struct db_copy;
/* target is an SQL-quoted table name; columns are names (quoted here). */
int db_copy_in(struct db_conn *conn, const char *quoted_table, const char *const *columns,
               size_t ncolumns, struct db_copy **ret, struct error *err);
void db_copy_row(struct db_copy *c); /* starts a row: the field count is put in */
struct strbuf *db_copy_buffer(struct db_copy *c);
int db_copy_keep(struct db_copy *c, struct error *err);
void db_copy_drop(struct db_copy *c);
int db_copy_end(struct db_copy *c, uint64_t *ret_rows, struct error *err); /* frees c */
/* Several COPYs fed by one reader: pieces are handed over without waiting for the socket, and
 * db_copy_choose waits for the one that can take the next (from *at on; *at is set). Rows go to the
 * one chosen until its buffer is empty again. */
void db_copy_set_shared(struct db_copy *c);
int db_copy_choose(struct db_copy *const *copies, size_t n, size_t *at, struct error *err);
void db_copy_abort(struct db_copy *c); /* frees; NULL-safe; the transaction is then failed */

/* Out: COPY (query) TO STDOUT (FORMAT binary). Column types come from describing the query with
 * parameters bound (a prepared statement cannot be copied: parameters are put in as literals by
 * the server's own quoting). */
struct db_copy_out;
struct db_copy_column {
    const char *name; /* borrowed from the reader */
    struct db_type type;
    bool is_loadable; /* false: a type diner does not know; it was cast to text in the query */
};
int db_copy_out(struct db_conn *conn, const char *query, const char *const *params, size_t nparams,
                struct db_copy_out **ret, struct error *err);
size_t db_copy_out_columns(const struct db_copy_out *c, const struct db_copy_column **ret);
/* fields[i].ptr NULL is null; bytes in binary form, borrowed until the next call. */
int db_copy_out_next(struct db_copy_out *c, const struct span **ret_fields, bool *ret_end,
                     struct error *err);
/* All fields of that row as they came: each its length and its bytes, as db_copy_buffer() takes
 * them. Checked already; borrowed until the next call. */
struct span db_copy_out_row(const struct db_copy_out *c);
/* Several at once, each on a connection of its own. Takes in what the server has sent by now,
 * without waiting, until about max_bytes are held; not while fields of c are in use. */
#define DB_COPY_OUT_MAX 64
int db_copy_out_prefetch(struct db_copy_out *c, size_t max_bytes, struct error *err);
/* Waits for all[wanted], taking in what comes for the others (NULL: none) meanwhile. At most
 * DB_COPY_OUT_MAX. */
int db_copy_out_wait(struct db_copy_out *const *all, size_t n, size_t wanted, size_t max_bytes,
                     struct error *err);
void db_copy_out_close(struct db_copy_out *c); /* cancels if not at the end; NULL-safe */

#endif
