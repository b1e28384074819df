/* lib/cli/table.h - rows of output, rendered as -o asked: table, json, jsonl, csv.
 *
 * Declared columns make one contract for all forms: snake_case keys, money {amount_minor,
 * currency}, times RFC 3339. Tables align by display width (CJK is two columns wide) and are
 * plain when piped. Text is made safe for terminals (control characters escaped). */
#ifndef DINER_CLI_TABLE_H
#define DINER_CLI_TABLE_H

#include "cli/command.h"

enum table_kind {
    TABLE_TEXT,
    TABLE_INT,
    TABLE_DECIMAL, /* text of an exact number: right-aligned, a JSON string */
    TABLE_MONEY,   /* text of an amount in major units ("12.30") in settings' currency */
    TABLE_BOOL,    /* "t"/"true"/"f"/"false" */
    TABLE_TIME,    /* RFC 3339 text */
    TABLE_JSON,    /* raw JSON; text in tables */
};
struct table_column {
    const char *key; /* JSON and CSV name; the table's heading is it in upper case */
    enum table_kind kind;
    bool is_quiet; /* left out of a table (only) in which it says 0, "" or - on every row */
    bool is_own;   /* the key is a name of somebody else's: a table does not translate it */
    bool is_words; /* texts of diner's own: a table (only) says them in the reader's language */
};
struct table;
/* columns end with key NULL. Streams jsonl and csv as rows come; tables and json hold the first few
 * thousand, and stream what is more: a table then has the widths of these, and quiet columns too.
 */
struct table *table_new(struct cli *cli, const struct table_column *columns);
/* One value a column, NULL for null; copied. */
void table_row(struct table *t, const char *const *values);
size_t table_rows(const struct table *t);
/* Renders what is left and frees. empty: what a terminal is told when there are no rows. */
int table_end(struct table *t, const char *empty, struct error *err);

size_t display_width(const char *utf8, size_t n); /* terminal columns; East Asian wide = 2 */
/* A one-line summary to stderr: "stock sync: 41 adjusted, 3 left alone in 0.8 s". */
void cli_summary(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
