/* lib/db/types.c - the types diner loads: names, catalogue numbers, spelling. */
#include "db/types.h"
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* OIDs of src/include/catalog/pg_type.dat; they never change. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_FLOAT8 = 701,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_NUMERIC = 1700,
    OID_UUID = 2950,
    OID_JSONB = 3802,
};

#define NUMERIC_MAX_PRECISION 1000
#define VARCHAR_MAX           10485760
#define NAME_MAX_BYTES        40
#define TYPMOD_HEADER         4 /* VARHDRSZ */

/* The first name of a kind is the one printed. */
static const struct {
    const char *name;
    enum db_kind kind;
    uint32_t oid;
    int max_arguments;
} names[] = {
    {"boolean", DB_BOOL, OID_BOOL, 0},
    {"bool", DB_BOOL, OID_BOOL, 0},
    {"smallint", DB_INT2, OID_INT2, 0},
    {"int2", DB_INT2, OID_INT2, 0},
    {"integer", DB_INT4, OID_INT4, 0},
    {"int", DB_INT4, OID_INT4, 0},
    {"int4", DB_INT4, OID_INT4, 0},
    {"bigint", DB_INT8, OID_INT8, 0},
    {"int8", DB_INT8, OID_INT8, 0},
    {"numeric", DB_NUMERIC, OID_NUMERIC, 2},
    {"decimal", DB_NUMERIC, OID_NUMERIC, 2},
    {"double precision", DB_FLOAT8, OID_FLOAT8, 0},
    {"float8", DB_FLOAT8, OID_FLOAT8, 0},
    {"text", DB_TEXT, OID_TEXT, 0},
    {"varchar", DB_TEXT, OID_VARCHAR, 1},
    {"character varying", DB_TEXT, OID_VARCHAR, 1},
    {"date", DB_DATE, OID_DATE, 0},
    {"timestamp", DB_TIMESTAMP, OID_TIMESTAMP, 0},
    {"timestamp without time zone", DB_TIMESTAMP, OID_TIMESTAMP, 0},
    {"timestamptz", DB_TIMESTAMPTZ, OID_TIMESTAMPTZ, 0},
    {"timestamp with time zone", DB_TIMESTAMPTZ, OID_TIMESTAMPTZ, 0},
    {"uuid", DB_UUID, OID_UUID, 0},
    {"jsonb", DB_JSONB, OID_JSONB, 0},
    {"bytea", DB_BYTEA, OID_BYTEA, 0},
};
#define NAME_COUNT (sizeof names / sizeof names[0])

#define KNOWN_NAMES                                                                                \
    "bool, smallint, int, bigint, numeric(p,s), float8, text, varchar(n), date, timestamp, "       \
    "timestamptz, uuid, jsonb, bytea"

/* ---- suggestions -------------------------------------------------------------------------- */

/* Levenshtein's distance of two short words. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_BYTES + 1];
    size_t n = strlen(b);
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[n];
}

/* What people write that PostgreSQL spells otherwise, then the nearest name; NULL when far. */
static const char *suggest(const char *name)
{
    static const char *const others[][2] = {
        {"string", "text"},      {"char", "varchar"},     {"character", "varchar"},
        {"nvarchar", "varchar"}, {"json", "jsonb"},       {"datetime", "timestamptz"},
        {"float", "float8"},     {"double", "float8"},    {"real", "float8"},
        {"float4", "float8"},    {"number", "numeric"},   {"money", "numeric(12,2)"},
        {"long", "bigint"},      {"tinyint", "smallint"}, {"blob", "bytea"}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(name, others[i][0]) == 0)
            return others[i][1];
    const char *best = NULL;
    size_t best_distance = 3;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        size_t d = distance(name, names[i].name);
        if (d < best_distance) {
            best_distance = d;
            best = names[i].name;
        }
    }
    return best;
}

static int unknown_type(const char *text, const char *name, struct error *err)
{
    error_set(err, ERR_SPEC, "unknown type '%.60s'", text);
    const char *near = suggest(name);
    if (near != NULL)
        return error_hint(err, "did you mean '%s'? known are %s", near, KNOWN_NAMES);
    return error_hint(err, "known are %s", KNOWN_NAMES);
}

/* ---- parsing ------------------------------------------------------------------------------ */

/* The name in lower case with single blanks, up to a parenthesis; where it ended. */
static const char *read_name(const char *s, char ret[NAME_MAX_BYTES])
{
    size_t n = 0;
    bool is_blank_due = false;
    while (isspace((unsigned char)*s))
        s++;
    for (; *s != '\0' && *s != '('; s++) {
        if (isspace((unsigned char)*s)) {
            is_blank_due = true;
            continue;
        }
        if (n + 2 >= NAME_MAX_BYTES)
            break;
        if (is_blank_due)
            ret[n++] = ' ';
        is_blank_due = false;
        ret[n++] = (char)tolower((unsigned char)*s);
    }
    ret[n] = '\0';
    return s;
}

static const char *skip_blanks(const char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    return s;
}

/* "(12, 2)" or nothing; the number of arguments, -1 when malformed. */
static int read_arguments(const char *s, long ret[2])
{
    int n = 0;
    s = skip_blanks(s);
    if (*s == '\0')
        return 0;
    if (*s != '(')
        return -1;
    do {
        char *end;
        s = skip_blanks(s + 1);
        if (n == 2 || (!isdigit((unsigned char)*s) && *s != '-'))
            return -1;
        ret[n++] = strtol(s, &end, 10);
        s = skip_blanks(end);
    } while (*s == ',');
    if (*s != ')' || *skip_blanks(s + 1) != '\0')
        return -1;
    return n;
}

static int check_arguments(const char *text, enum db_kind kind, int n, const long arguments[2],
                           struct error *err)
{
    if (n >= 1 && kind == DB_TEXT && (arguments[0] < 1 || arguments[0] > VARCHAR_MAX))
        return error_set(err, ERR_SPEC, "the length in '%.60s' must be 1 to %d", text, VARCHAR_MAX);
    if (n >= 1 && kind == DB_NUMERIC && (arguments[0] < 1 || arguments[0] > NUMERIC_MAX_PRECISION))
        return error_set(err, ERR_SPEC, "the precision in '%.60s' must be 1 to %d", text,
                         NUMERIC_MAX_PRECISION);
    if (n == 2 && (arguments[1] < 0 || arguments[1] > arguments[0]))
        return error_set(err, ERR_SPEC, "the scale in '%.60s' must be 0 to its precision", text);
    return ERR_OK;
}

int db_type_parse(const char *text, struct db_type *ret, struct error *err)
{
    char name[NAME_MAX_BYTES];
    long arguments[2] = {0, 0};
    const char *rest = read_name(text, name);
    size_t i = 0;
    while (i < NAME_COUNT && strcmp(names[i].name, name) != 0)
        i++;
    if (i == NAME_COUNT)
        return unknown_type(text, name, err);
    int n = read_arguments(rest, arguments);
    if (n < 0 || n > names[i].max_arguments) {
        error_set(err, ERR_SPEC, "malformed type '%.60s'", text);
        return error_hint(err, "known are %s", KNOWN_NAMES);
    }
    TRY(check_arguments(text, names[i].kind, n, arguments, err));
    *ret = (struct db_type){names[i].kind, (int)arguments[0], (int)arguments[1]};
    return ERR_OK;
}

/* ---- the catalogue ------------------------------------------------------------------------ */

bool db_type_from_catalogue(uint32_t oid, int32_t typmod, struct db_type *ret)
{
    struct db_type type = {DB_TEXT, 0, 0};
    bool is_known = oid == OID_NAME || oid == OID_BPCHAR;
    for (size_t i = 0; i < NAME_COUNT && !is_known; i++) {
        is_known = names[i].oid == oid;
        type.kind = is_known ? names[i].kind : type.kind;
    }
    if (!is_known)
        return false;
    if (oid == OID_NAME) {
        type.precision = 63;
    } else if (typmod >= TYPMOD_HEADER && type.kind == DB_TEXT) {
        type.precision = typmod - TYPMOD_HEADER;
    } else if (typmod >= TYPMOD_HEADER && type.kind == DB_NUMERIC) {
        /* make_numeric_typmod: the scale is a signed number of 11 bits */
        type.precision = ((typmod - TYPMOD_HEADER) >> 16) & 0xFFFF;
        type.scale = (((typmod - TYPMOD_HEADER) & 0x7FF) ^ 1024) - 1024;
    }
    *ret = type;
    return true;
}

uint32_t db_type_oid(const struct db_type *t)
{
    if (t->kind == DB_TEXT)
        return t->precision > 0 ? OID_VARCHAR : OID_TEXT;
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (names[i].kind == t->kind)
            return names[i].oid;
    return 0;
}

void db_type_print(const struct db_type *t, struct strbuf *out)
{
    if (t->kind == DB_TEXT && t->precision > 0) {
        strbuf_addf(out, "varchar(%d)", t->precision);
        return;
    }
    for (size_t i = 0; i < NAME_COUNT; i++) {
        if (names[i].kind != t->kind)
            continue;
        strbuf_adds(out, names[i].name);
        break;
    }
    if (t->kind == DB_NUMERIC && t->precision > 0)
        strbuf_addf(out, "(%d,%d)", t->precision, t->scale);
}

bool db_type_equal(const struct db_type *a, const struct db_type *b)
{
    return a->kind == b->kind && a->precision == b->precision && a->scale == b->scale;
}

bool db_type_is_number(const struct db_type *t)
{
    return t->kind == DB_INT2 || t->kind == DB_INT4 || t->kind == DB_INT8 ||
           t->kind == DB_NUMERIC || t->kind == DB_FLOAT8;
}
