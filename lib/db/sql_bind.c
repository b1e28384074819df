/* lib/db/sql_bind.c - finding $n in SQL as PostgreSQL's scanner (src/backend/parser/scan.l) does,
 * standard_conforming_strings being on. */
#include "db/sql_bind.h"
#include "db/internal.h"
#include <ctype.h>
#include <stdlib.h>

static bool is_name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name_char(char c)
{
    return is_name_start(c) || isdigit((unsigned char)c) || c == '$';
}

/* ---- what stands on its own: each returns where the token ends ---------------------------- */

static const char *skip_quoted(const char *s, char mark, bool has_escapes)
{
    for (s++; *s != '\0'; s++) {
        if (has_escapes && *s == '\\' && s[1] != '\0')
            s++;
        else if (*s == mark && s[1] == mark)
            s++;
        else if (*s == mark)
            return s + 1;
    }
    return s;
}

static const char *skip_block_comment(const char *s)
{
    int depth = 1;
    for (s += 2; *s != '\0' && depth > 0; s++) {
        if (s[0] == '/' && s[1] == '*') {
            depth++;
            s++;
        } else if (s[0] == '*' && s[1] == '/') {
            depth--;
            s++;
        }
    }
    return s;
}

/* $tag$ ... $tag$; NULL when there is no dollar quote at s. */
static const char *skip_dollar_quoted(const char *s)
{
    const char *end = s + 1;
    if (is_name_start(*end))
        while (is_name_char(*end) && *end != '$')
            end++;
    if (*end != '$')
        return NULL;
    size_t tag_len = (size_t)(end + 1 - s);
    for (const char *p = s + tag_len; *p != '\0'; p++)
        if (strncmp(p, s, tag_len) == 0)
            return p + tag_len;
    return s + strlen(s);
}

/* A name or key word; E'...' is taken with its string. */
static const char *skip_name(const char *s)
{
    if ((*s == 'e' || *s == 'E') && s[1] == '\'')
        return skip_quoted(s + 1, '\'', true);
    while (is_name_char(*s))
        s++;
    return s;
}

/* A number with what may follow it, so that 1$1 is not taken apart. */
static const char *skip_token(const char *s)
{
    const char *end;
    if (*s == '\'' || *s == '"')
        return skip_quoted(s, *s, false);
    if (s[0] == '-' && s[1] == '-')
        return s + strcspn(s, "\n");
    if (s[0] == '/' && s[1] == '*')
        return skip_block_comment(s);
    if (is_name_start(*s))
        return skip_name(s);
    if (*s == '$' && (end = skip_dollar_quoted(s)) != NULL)
        return end;
    return s + 1;
}

static bool is_blank_or_comment(const char *s)
{
    return isspace((unsigned char)*s) || (s[0] == '-' && s[1] == '-') ||
           (s[0] == '/' && s[1] == '*');
}

/* ---- putting in --------------------------------------------------------------------------- */

static int put_literal(struct db_conn *conn, const char *value, struct strbuf *out,
                       struct error *err)
{
    if (value == NULL) {
        strbuf_adds(out, " null ");
        return ERR_OK;
    }
    char *literal = PQescapeLiteral(conn->pg, value, strlen(value));
    if (literal == NULL)
        return error_set(err, ERR_DATA, "a parameter of the query is not valid UTF-8");
    strbuf_addf(out, " %s ", literal);
    PQfreemem(literal);
    return ERR_OK;
}

static int put_parameter(struct db_conn *conn, const char **s, const char *const *params,
                         size_t nparams, struct strbuf *out, struct error *err)
{
    char *end;
    unsigned long number = strtoul(*s + 1, &end, 10);
    if (number < 1 || number > nparams)
        return error_set(err, ERR_SPEC, "the query uses $%lu, %zu parameters are given", number,
                         nparams);
    *s = end;
    return put_literal(conn, params[number - 1], out, err);
}

int sql_bind(struct db_conn *conn, const char *query, const char *const *params, size_t nparams,
             struct strbuf *out, struct error *err)
{
    size_t end = out->len; /* after the last token that is no blank, comment or semicolon */
    for (const char *s = query; *s != '\0';) {
        if (s[0] == '$' && isdigit((unsigned char)s[1])) {
            TRY(put_parameter(conn, &s, params, nparams, out, err));
            end = out->len;
            continue;
        }
        bool is_content = !is_blank_or_comment(s) && *s != ';';
        const char *next = skip_token(s);
        strbuf_add(out, s, (size_t)(next - s));
        s = next;
        if (is_content)
            end = out->len;
    }
    if (out->overflow)
        return error_set(err, ERR_LIMIT, "the query is too long");
    strbuf_truncate(out, end);
    return ERR_OK;
}
