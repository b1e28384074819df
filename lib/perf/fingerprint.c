/* lib/perf/fingerprint.c - see fingerprint.h. */
#include "perf/fingerprint.h"

#include "format/library.h"

#include <pg_query.h>

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static struct {
    PgQueryFingerprintResult (*fingerprint)(const char *);
    PgQueryParseResult (*parse)(const char *);
    void (*free_fingerprint)(PgQueryFingerprintResult);
    void (*free_parse)(PgQueryParseResult);
} lib;

int perf_parser_load(struct error *err)
{
    static const char *const sonames[] = {"libpg_query.so.1504.0", "libpg_query.so", NULL};
    static const struct library_symbol symbols[] = {
        {"pg_query_fingerprint", offsetof(__typeof__(lib), fingerprint)},
        {"pg_query_free_fingerprint_result", offsetof(__typeof__(lib), free_fingerprint)},
        {"pg_query_free_parse_result", offsetof(__typeof__(lib), free_parse)},
        {"pg_query_parse", offsetof(__typeof__(lib), parse)},
        {0}};
    static const struct library pg_query = {sonames, "libpg-query1504.0", symbols};
    return lib.parse != NULL ? 0 : library_load(&pg_query, &lib, err);
}

static int check(const char *text, struct error *err)
{
    TRY(perf_parser_load(err));
    if (strnlen(text, FINGERPRINT_TEXT_MAX + 1) > FINGERPRINT_TEXT_MAX)
        return error_set(err, ERR_LIMIT, "the statement is longer than %zu KiB",
                         FINGERPRINT_TEXT_MAX >> 10);
    return 0;
}

static int refuse(const PgQueryError *problem, struct error *err)
{
    return error_set(err, ERR_DATA, "the statement cannot be parsed: %s at character %d",
                     problem->message, problem->cursorpos);
}

/* libpg_query leaves constants out, and thereby the whole of OFFSET: what pages deep would be one
 * with what does not. (In a constant the quotes of the searched text would be escaped.) */
static bool has_offset(const char *text)
{
    if (strcasestr(text, "offset") == NULL)
        return false;
    PgQueryParseResult r = lib.parse(text);
    bool found = r.error == NULL && strstr(r.parse_tree, "\"limitOffset\":") != NULL;
    lib.free_parse(r);
    return found;
}

int perf_fingerprint(const char *text, char ret[17], struct error *err)
{
    const unsigned long long offset_mark = 0x4f4646534554; /* any constant will do */
    TRY(check(text, err));
    PgQueryFingerprintResult r = lib.fingerprint(text);
    if (r.error != NULL)
        refuse(r.error, err);
    else
        snprintf(ret, 17, "%016llx",
                 (unsigned long long)r.fingerprint ^ (has_offset(text) ? offset_mark : 0));
    int code = r.error != NULL ? (int)err->code : 0;
    lib.free_fingerprint(r);
    return code;
}

int perf_parse(const char *text, struct jsonx **ret, struct error *err)
{
    int code;
    TRY(check(text, err));
    PgQueryParseResult r = lib.parse(text);
    if (r.error != NULL)
        code = refuse(r.error, err);
    else if (jsonx_parse_deep(r.parse_tree, strlen(r.parse_tree), "parse tree", ret, err) != 0)
        code =
            error_set(err, ERR_LIMIT, "the statement is nested too deep or too large to analyse");
    else
        code = 0;
    lib.free_parse(r);
    return code;
}
