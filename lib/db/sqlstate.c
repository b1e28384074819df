/* lib/db/sqlstate.c - from a SQLSTATE to an error code, in one place.
 * Classes: appendix A of the PostgreSQL manual. */
#include "core/log.h"
#include "core/message.h"
#include "core/signals.h"
#include "db/internal.h"
#include <ctype.h>
#include <stdlib.h>

static bool has_class(const char *sqlstate, const char *class)
{
    return strncmp(sqlstate, class, 2) == 0;
}

static bool is_transient(const char *s)
{
    /* Lost or refused connections, and resources that run out for a while. */
    if (has_class(s, "08") || has_class(s, "53"))
        return true;
    /* Serialisation failure, deadlock, lock_timeout, and servers that stop or start. */
    return strcmp(s, "40001") == 0 || strcmp(s, "40P01") == 0 || strcmp(s, "55P03") == 0 ||
           strncmp(s, "57P0", 4) == 0;
}

enum error_code sqlstate_code(const char *s)
{
    if (is_transient(s))
        return ERR_DATABASE_TRANSIENT;
    if (has_class(s, "22") || has_class(s, "23"))
        return ERR_DATA;
    if (has_class(s, "28") || strcmp(s, "42501") == 0)
        return ERR_AUTH;
    if (strcmp(s, "57014") == 0 && signals_pending() != 0)
        return ERR_CANCELLED;
    return ERR_DATABASE;
}

/* The detail of a data error shows the row, which may be a person's: nobody gets to see it, but the
 * debug log says what of the tables it is about. */
static bool detail_is_row_data(const char *sqlstate)
{
    return has_class(sqlstate, "21") || has_class(sqlstate, "22") || has_class(sqlstate, "23") ||
           has_class(sqlstate, "P0");
}

/* Server messages may end with a full stop or a line end. */
static int trimmed(const char *text)
{
    size_t n = strlen(text);
    while (n > 0 && (isspace((unsigned char)text[n - 1]) || text[n - 1] == '.'))
        n--;
    return n > 900 ? 900 : (int)n;
}

/* "line 3, column 14" of a character position counted from 1. */
static void add_position(const char *sql, const char *position, struct strbuf *out)
{
    long characters = strtol(position, NULL, 10);
    int line = 1;
    int column = 1;
    for (const char *p = sql; *p != '\0' && characters > 1; p++) {
        if (((unsigned char)p[1] & 0xC0) != 0x80)
            characters--;
        if (*p == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*p & 0xC0) != 0x80) {
            column++;
        }
    }
    strbuf_addf(out, message_text(" (line %d, column %d of the statement)"), line, column);
}

/* "COPY t, line 5, column amount" without the value that may follow a colon. */
static void add_copy_context(const char *context, struct strbuf *out)
{
    if (context == NULL || strncmp(context, "COPY ", 5) != 0)
        return;
    strbuf_addf(out, " (%.*s)", (int)strcspn(context, ":\n"), context);
}

static int connection_error(const struct db_conn *conn, struct error *err)
{
    const char *text = conn->pg != NULL ? PQerrorMessage(conn->pg) : message_text("not connected");
    int length = (int)strcspn(text, "\n");
    error_set(err, ERR_DATABASE_TRANSIENT, "connection to the database lost: %.*s", length, text);
    memcpy(err->sqlstate, "08006", 6);
    return err->code;
}

static const char *field(const PGresult *result, int code)
{
    const char *text = PQresultErrorField(result, code);
    return text != NULL ? text : "";
}

int sqlstate_error(const struct db_conn *conn, const PGresult *result, const char *sql,
                   struct error *err)
{
    const char *state = result != NULL ? field(result, PG_DIAG_SQLSTATE) : "";
    if (strlen(state) != 5)
        return connection_error(conn, err);
    if (sqlstate_code(state) == ERR_CANCELLED) {
        (void)signals_check(err);
        memcpy(err->sqlstate, state, 6);
        return err->code;
    }
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    const char *primary = field(result, PG_DIAG_MESSAGE_PRIMARY);
    strbuf_addf(&text, "%.*s", trimmed(primary), primary);
    const char *detail = field(result, PG_DIAG_MESSAGE_DETAIL);
    if (*detail != '\0' && detail_is_row_data(state))
        log_debug("%s: table '%s', column '%s', constraint '%s'", state,
                  field(result, PG_DIAG_TABLE_NAME), field(result, PG_DIAG_COLUMN_NAME),
                  field(result, PG_DIAG_CONSTRAINT_NAME));
    else if (*detail != '\0')
        strbuf_addf(&text, ": %.*s", trimmed(detail), detail);
    const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    if (position != NULL && sql != NULL)
        add_position(sql, position, &text);
    add_copy_context(PQresultErrorField(result, PG_DIAG_CONTEXT), &text);
    error_set(err, sqlstate_code(state), "%s", text.data);
    memcpy(err->sqlstate, state, 6);
    const char *hint = field(result, PG_DIAG_MESSAGE_HINT);
    if (*hint != '\0')
        error_hint(err, "%.*s", trimmed(hint), hint);
    return err->code;
}
