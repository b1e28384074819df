/* lib/domain/member_trace.c - what tells one person, and taking it out of tables. */
#include "domain/member_trace.h"
#include "format/jsonx.h"
#include "gen/embed.h"
#include <ctype.h>

/* A pattern that nothing fits, to begin alternatives with. */
#define NOTHING           "x(?<!x)"
#define PATTERN_BYTES_MAX ((size_t)1 << 20)

void member_traces_init(struct member_traces *t)
{
    *t = (struct member_traces){.token = ""};
    struct strbuf *const patterns[] = {&t->telling, &t->names, &t->numbers, &t->quoted, &t->bare};
    struct strbuf *const arrays[] = {&t->whole, &t->whole_names, &t->member_nos, &t->crm_ids};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        strbuf_init(patterns[i], PATTERN_BYTES_MAX);
        strbuf_adds(patterns[i], NOTHING);
    }
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        strbuf_init(arrays[i], PATTERN_BYTES_MAX);
        strbuf_adds(arrays[i], "{}");
    }
}

void member_traces_release(struct member_traces *t)
{
    strbuf_release(&t->telling);
    strbuf_release(&t->names);
    strbuf_release(&t->numbers);
    strbuf_release(&t->quoted);
    strbuf_release(&t->bare);
    strbuf_release(&t->whole);
    strbuf_release(&t->whole_names);
    strbuf_release(&t->member_nos);
    strbuf_release(&t->crm_ids);
}

/* ---- patterns ----------------------------------------------------------------------------- */

/* An array as PostgreSQL writes it gets one more element. */
static void add_element(struct strbuf *array, const char *value)
{
    strbuf_truncate(array, array->len - 1);
    strbuf_adds(array, array->len > 1 ? ",\"" : "\"");
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\')
            strbuf_addch(array, '\\');
        strbuf_addch(array, *value);
    }
    strbuf_adds(array, "\"}");
}

/* The text itself, with nothing in it that a pattern understands. */
static void add_literal(struct strbuf *pattern, const char *text)
{
    for (; *text != '\0'; text++) {
        if (isascii((unsigned char)*text) && !isalnum((unsigned char)*text))
            strbuf_addch(pattern, '\\');
        strbuf_addch(pattern, *text);
    }
}

static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

/* 138 0000 0001 with or without its country and blanks or hyphens; no part of a longer number. */
static void add_phone(struct strbuf *pattern, const char *phone)
{
    if (strlen(phone) == 11 && phone[0] == '1')
        strbuf_addf(pattern, "((\\+|00)?86[ -]?)?%.3s[ -]?%.4s[ -]?%.4s", phone, phone + 3,
                    phone + 7);
    else
        add_literal(pattern, phone);
}

/* What JSON writes otherwise than it is. */
static bool has_escapes(const char *text)
{
    return strpbrk(text, "\"\\") != NULL;
}

/* As a whole value, in a column of its own or quoted within a document. */
static void add_whole(struct member_traces *t, struct strbuf *array, const char *value)
{
    AUTO_STRBUF struct strbuf json = {0};
    struct jwriter w;
    strbuf_init(&json, 0);
    jwriter_init(&w, &json);
    jwriter_string(&w, value);
    add_element(array, value);
    strbuf_addch(&t->quoted, '|');
    add_literal(&t->quoted, json.data);
    strbuf_adds(&t->quoted, "(?!\\s*:)");
}

static bool is_digits(const char *text)
{
    return text[strspn(text, "0123456789")] == '\0';
}

/* As a number in JSON stands, also within a text there: put in its place is a number. */
static void add_bare(struct member_traces *t, const char *digits)
{
    strbuf_addf(&t->bare, "|(?<![^:,\\[\\s])-?(86)?%s(?![^],}\\s])", digits);
}

static void add_telling(struct member_traces *t, bool is_phone, const char *value)
{
    const char *letters = is_phone ? "0-9" : "A-Za-z0-9_-";
    if (characters(value) < TRACE_CHARS_MIN || has_escapes(value)) {
        add_whole(t, &t->whole, value);
        return;
    }
    strbuf_addf(&t->telling, "|(?<![%s]|[0-9][.])", letters);
    if (is_phone)
        add_phone(&t->telling, value);
    else
        add_literal(&t->telling, value);
    strbuf_addf(&t->telling, "(?![%s]|[.][0-9]|[eE][-+0-9])", letters);
    if (is_digits(value))
        add_bare(t, value);
}

/* A name that could be a number or a word of JSON is one only as a whole value. */
static bool is_plain_name(const char *name)
{
    return characters(name) >= 2 && !is_digits(name) && !has_escapes(name) &&
           strcmp(name, "true") != 0 && strcmp(name, "false") != 0 && strcmp(name, "null") != 0;
}

static void add_name(struct member_traces *t, const char *name)
{
    if (strspn(name, "*") == strlen(name))
        return;
    if (!is_plain_name(name)) {
        add_whole(t, &t->whole_names, name);
        return;
    }
    strbuf_adds(&t->names, "|(?<![A-Za-z0-9_])");
    add_literal(&t->names, name);
    strbuf_adds(&t->names, "(?![A-Za-z0-9_])");
}

void member_traces_add(struct member_traces *t, const char *kind, const char *value)
{
    if (value[0] == '\0')
        return;
    if (strcmp(kind, "phone") == 0) {
        add_telling(t, true, value);
    } else if (strcmp(kind, "unionid") == 0 || strcmp(kind, "openid") == 0 ||
               strcmp(kind, "ref") == 0) {
        add_telling(t, false, value);
    } else if (strcmp(kind, "name") == 0 || strcmp(kind, "masked") == 0) {
        add_name(t, value);
    } else if (strcmp(kind, "number") == 0) {
        strbuf_addf(&t->numbers, "|(?<![A-Za-z0-9])%s(?![A-Za-z0-9])", value);
        add_element(&t->member_nos, value);
    } else if (strcmp(kind, "crm") == 0) {
        add_element(&t->crm_ids, value);
    }
}

/* ---- tables ------------------------------------------------------------------------------- */

struct table {
    const struct db_result *columns; /* of all tables; this one's are the next count ones */
    size_t first, count;
};

static const char *of_table(const struct table *t, size_t column)
{
    return db_result_text(t->columns, t->first, column);
}

static void add_name_of(struct strbuf *sql, const struct table *t)
{
    db_quote_qualified(sql, of_table(t, 0), of_table(t, 1));
}

/* "a"::text, "b"::text */
static void add_columns(struct strbuf *sql, const struct table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        strbuf_adds(sql, i == 0 ? "" : ", ");
        db_quote_identifier(sql, db_result_text(t->columns, t->first + i, 2));
        strbuf_adds(sql, "::text");
    }
}

/* A row fits a pattern, or has one of the whole values; both are parameters. */
static void add_fits(struct strbuf *sql, const struct table *t, const char *pattern,
                     const char *whole)
{
    strbuf_adds(sql, "(concat_ws(E'\\x1f', ");
    add_columns(sql, t);
    strbuf_addf(sql, ") ~ %s OR ARRAY[", pattern);
    add_columns(sql, t);
    strbuf_addf(sql, "] && %s::text[])", whole);
}

/* Rows that tell the person; and those that are theirs and have their name. */
static void add_condition(struct strbuf *sql, const struct table *t)
{
    strbuf_adds(sql, " WHERE ");
    add_fits(sql, t, "$1", "$2");
    strbuf_adds(sql, " OR (");
    add_fits(sql, t, "$4", "$5");
    strbuf_adds(sql, " AND ($8::bigint[] IS NULL OR ");
    add_fits(sql, t, "$3", "ARRAY[]");
    if (of_table(t, 4) != NULL)
        strbuf_addf(sql, " OR %s", of_table(t, 4));
    strbuf_adds(sql, "))");
}

/* $1 what tells, $2 whole values that do, $3 numbers, $4 names, $5 whole names, $6 what is quoted,
 * $7 the token, $8 ids of members, $9 what is a number in JSON */
static void add_change(struct strbuf *sql, const char *column, const char *type)
{
    strbuf_addf(sql,
                "%s = (CASE WHEN %s::text = ANY ($2::text[] || $5::text[]) THEN $7::text ELSE"
                " regexp_replace(regexp_replace(regexp_replace(%s::text, $9,"
                " CASE WHEN %s OR %s::text ~ '^\\s*[[{]' THEN '0' ELSE $7 END, 'g'),"
                " $6, '\"' || $7 || '\"', 'g'), $1 || '|' || $4, $7, 'g') END)::%s",
                column, column, column, strncmp(type, "json", 4) == 0 ? "true" : "false", column,
                type);
}

static void write_update(struct strbuf *sql, const struct table *t)
{
    strbuf_adds(sql, "UPDATE ");
    add_name_of(sql, t);
    for (size_t i = 0; i < t->count; i++) {
        AUTO_STRBUF struct strbuf column = {0};
        strbuf_init(&column, 0);
        db_quote_identifier(&column, db_result_text(t->columns, t->first + i, 2));
        strbuf_adds(sql, i == 0 ? " SET " : ", ");
        add_change(sql, column.data, db_result_text(t->columns, t->first + i, 3));
    }
    add_condition(sql, t);
}

static int replace_in(struct db_conn *conn, const struct table *t, const struct member_traces *m,
                      int64_t *ret_rows, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0};
    strbuf_init(&sql, PATTERN_BYTES_MAX);
    write_update(&sql, t);
    return db_execute(conn, sql.data,
                      DB_PARAMS(m->telling.data, m->whole.data, m->numbers.data, m->names.data,
                                m->whole_names.data, m->quoted.data, m->token, m->ids,
                                m->bare.data),
                      ret_rows, err);
}

static bool is_same_table(const struct table *t, size_t row)
{
    return row < db_result_rows(t->columns) &&
           strcmp(db_result_text(t->columns, row, 0), of_table(t, 0)) == 0 &&
           strcmp(db_result_text(t->columns, row, 1), of_table(t, 1)) == 0;
}

static int tell(const char *schema, const char *name, int64_t rows, member_traces_count *count,
                void *self, struct error *err)
{
    AUTO_STRBUF struct strbuf table = {0};
    strbuf_init(&table, 0);
    strbuf_addf(&table, "%s.%s", schema, name);
    return rows > 0 ? count(self, table.data, rows, err) : ERR_OK;
}

int member_traces_replace(struct db_conn *conn, const struct member_traces *m,
                          member_traces_count *count, void *self, struct error *err)
{
    AUTO_RESULT struct db_result *columns = NULL;
    TRY(db_query(conn, sql_erase_columns, DB_NO_PARAMS, &columns, err));
    struct table t = {.columns = columns};
    for (; t.first < db_result_rows(columns); t.first += t.count) {
        int64_t rows = 0;
        for (t.count = 0; is_same_table(&t, t.first + t.count);)
            t.count++;
        TRY(replace_in(conn, &t, m, &rows, err));
        TRY(tell(of_table(&t, 0), of_table(&t, 1), rows, count, self, err));
    }
    return ERR_OK;
}

static int keep_out(struct db_conn *conn, const struct member_traces *m, struct error *err)
{
    if (strcmp(m->crm_ids.data, "{}") == 0)
        return ERR_OK;
    TRY(db_execute(conn, sql_erase_crm_table, DB_NO_PARAMS, NULL, err));
    return db_execute(conn, sql_erase_crm_keep, DB_PARAMS(m->crm_ids.data), NULL, err);
}

int member_traces_forget_crm(struct db_conn *conn, const struct member_traces *m,
                             member_traces_count *count, void *self, struct error *err)
{
    AUTO_RESULT struct db_result *tables = NULL;
    TRY(db_query(conn, sql_erase_crm_tables, DB_NO_PARAMS, &tables, err));
    TRY(keep_out(conn, m, err));
    for (size_t i = 0; i < db_result_rows(tables); i++) {
        AUTO_STRBUF struct strbuf sql = {0};
        int64_t rows = 0;
        const char *column = db_result_text(tables, i, 2);
        strbuf_init(&sql, 0);
        strbuf_adds(&sql, "DELETE FROM ");
        db_quote_qualified(&sql, db_result_text(tables, i, 0), db_result_text(tables, i, 1));
        strbuf_adds(&sql, " WHERE ");
        db_quote_identifier(&sql, column);
        strbuf_adds(&sql, "::text = ANY ($1::text[])");
        TRY(db_execute(
            conn, sql.data,
            DB_PARAMS(strcmp(column, "crm_id") == 0 ? m->crm_ids.data : m->member_nos.data), &rows,
            err));
        TRY(tell("ods", db_result_text(tables, i, 1), rows, count, self, err));
    }
    return ERR_OK;
}
