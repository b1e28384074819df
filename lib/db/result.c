/* lib/db/result.c - reading results, quoting names and literals. */
#include "db/internal.h"
#include <stdlib.h>

size_t db_result_rows(const struct db_result *r)
{
    return (size_t)PQntuples(r->pg);
}

size_t db_result_columns(const struct db_result *r)
{
    return (size_t)PQnfields(r->pg);
}

const char *db_result_name(const struct db_result *r, size_t column)
{
    return PQfname(r->pg, (int)column);
}

uint32_t db_result_type(const struct db_result *r, size_t column)
{
    return PQftype(r->pg, (int)column);
}

int32_t db_result_modifier(const struct db_result *r, size_t column)
{
    return PQfmod(r->pg, (int)column);
}

const char *db_result_text(const struct db_result *r, size_t row, size_t column)
{
    if (PQgetisnull(r->pg, (int)row, (int)column))
        return NULL;
    return PQgetvalue(r->pg, (int)row, (int)column);
}

struct span db_result_span(const struct db_result *r, size_t row, size_t column)
{
    const char *text = db_result_text(r, row, column);
    if (text == NULL)
        return (struct span){NULL, 0};
    return (struct span){text, (size_t)PQgetlength(r->pg, (int)row, (int)column)};
}

int64_t db_result_int(const struct db_result *r, size_t row, size_t column)
{
    const char *text = db_result_text(r, row, column);
    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

bool db_result_bool(const struct db_result *r, size_t row, size_t column)
{
    const char *text = db_result_text(r, row, column);
    return text != NULL && text[0] == 't';
}

void db_result_free(struct db_result *r)
{
    if (r == NULL)
        return;
    PQclear(r->pg);
    free(r);
}

void db_result_cleanup(struct db_result **r)
{
    db_result_free(*r);
    *r = NULL;
}

/* libpq's own quoting functions want a connection and refuse bytes that are not valid in its
 * encoding; ours is always UTF-8 with standard_conforming_strings, where doubling is enough. */
static void quote(struct strbuf *out, const char *text, char mark)
{
    strbuf_addch(out, mark);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == mark)
            strbuf_addch(out, mark);
        strbuf_addch(out, *p);
    }
    strbuf_addch(out, mark);
}

void db_quote_identifier(struct strbuf *out, const char *identifier)
{
    quote(out, identifier, '"');
}

void db_quote_qualified(struct strbuf *out, const char *schema, const char *name)
{
    if (schema != NULL) {
        quote(out, schema, '"');
        strbuf_addch(out, '.');
    }
    quote(out, name, '"');
}

void db_quote_literal(struct strbuf *out, const char *text)
{
    quote(out, text, '\'');
}
