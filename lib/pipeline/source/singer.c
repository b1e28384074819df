#include "pipeline/source/singer.h"

#include "core/message.h"
#include "format/jsonx.h"

#include <stdlib.h>
#include <string.h>

enum { AT_TYPE, AT_STREAM, AT_RECORD, AT_SCHEMA, AT_VALUE, AT_COUNT };

struct singer_reader {
    struct jpull_projection *projection;
    struct jpull_value values[AT_COUNT];
    struct strbuf scratch;
};

struct singer_reader *singer_reader_new(void)
{
    static const char *const pointers[AT_COUNT] = {"/type", "/stream", "/record", "/schema",
                                                   "/value"};
    struct singer_reader *r = mem_alloc(sizeof *r);
    struct error err = ERROR_INIT;
    strbuf_init(&r->scratch, 0);
    (void)jpull_projection_new(pointers, AT_COUNT, &r->projection, &err); /* constants */
    return r;
}

void singer_reader_free(struct singer_reader *r)
{
    if (r == NULL)
        return;
    jpull_projection_free(r->projection);
    strbuf_release(&r->scratch);
    free(r);
}

static const struct {
    const char *type;
    enum singer_kind kind;
    int body; /* -1: none */
    bool has_stream;
} kinds[] = {{"RECORD", SINGER_RECORD, AT_RECORD, true},
             {"SCHEMA", SINGER_SCHEMA, AT_SCHEMA, true},
             {"STATE", SINGER_STATE, AT_VALUE, false},
             {"ACTIVATE_VERSION", SINGER_ACTIVATE_VERSION, -1, false}};

static int missing(const char *type, const char *what, struct error *err)
{
    return error_set(err, ERR_DATA, "a %s message without %s", type, what);
}

int singer_read(struct singer_reader *r, struct span line, struct singer_message *ret,
                struct error *err)
{
    if (line.len == 0 || line.ptr[0] != '{')
        return error_set(err, ERR_DATA, "not a JSON object");
    TRY(jpull_project(r->projection, line, r->values, &r->scratch, err));
    struct singer_message m = {.kind = SINGER_UNKNOWN, .type = r->values[AT_TYPE].text};
    if (r->values[AT_TYPE].kind != JPULL_STRING)
        return error_set(err, ERR_DATA, "a message without a type");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!span_equal(m.type, span_of(kinds[i].type)))
            continue;
        m.kind = kinds[i].kind;
        if (kinds[i].has_stream && r->values[AT_STREAM].kind != JPULL_STRING)
            return missing(kinds[i].type, "a stream", err);
        if (kinds[i].has_stream)
            m.stream = r->values[AT_STREAM].text;
        if (kinds[i].body < 0)
            continue;
        const struct jpull_value *body = &r->values[kinds[i].body];
        bool is_state = m.kind == SINGER_STATE && body->kind != JPULL_NONE;
        if (body->kind != JPULL_OBJECT && (!is_state || body->kind == JPULL_STRING))
            return missing(kinds[i].type, "its object", err);
        m.body = body->text;
        if (m.kind == SINGER_STATE && m.body.len > 0)
            TRY(jpull_check(m.body, false, err)); /* it is kept, and given back as a file */
    }
    *ret = m;
    return 0;
}

/* ---- schemas ---------------------------------------------------------------------------- */

/* Names of JSON Schema's types a column may come from; text of numbers only where the schema says
 * that it is one. */
static bool type_fits(const struct column_spec *c, const char *type, const char *format)
{
    bool is_text = strcmp(type, "string") == 0, is_number = strcmp(type, "number") == 0;
    bool is_integer = strcmp(type, "integer") == 0;
    switch (c->type.kind) {
    case DB_INT2:
    case DB_INT4:
    case DB_INT8: return is_integer || is_number;
    case DB_NUMERIC:
    case DB_FLOAT8:
        return is_integer || is_number || (is_text && format != NULL && strstr(format, "decimal"));
    case DB_BOOL: return strcmp(type, "boolean") == 0;
    case DB_DATE:
    case DB_TIMESTAMP:
    case DB_TIMESTAMPTZ: return is_text || ((is_integer || is_number) && c->formats.count > 0);
    case DB_UUID:
    case DB_BYTEA: return is_text;
    case DB_JSONB: return true;
    case DB_TEXT: return strcmp(type, "object") != 0 && strcmp(type, "array") != 0;
    }
    return true;
}

/* Checks one name; "null" says only that it may be absent. */
static int check_type(const struct column_spec *c, const struct jsonx *property, const char *type,
                      struct error *err)
{
    if (type == NULL || strcmp(type, "null") == 0 ||
        type_fits(c, type, jsonx_text(jsonx_get(property, "format"))))
        return 0;
    error_set(err, ERR_DATA, "column '%s' is declared %s, the program's SCHEMA says '%s'", c->name,
              c->type_text != NULL ? c->type_text : message_text("otherwise"), type);
    return error_hint(err, "change the column's type, or set  check_schema: false  to go by the "
                           "values alone");
}

static int check_column(const struct column_spec *c, const struct jsonx *properties,
                        struct error *err)
{
    const struct jsonx *property = jsonx_get(properties, c->from);
    if (c->from[0] == '/' || c->from[0] == '$')
        return 0; /* a place within, or a value of the child */
    if (property == NULL) {
        error_set(err, ERR_DATA, "column '%s': the program's SCHEMA has no '%s'", c->name, c->from);
        AUTO_STRBUF struct strbuf names = {0};
        strbuf_init(&names, 2000);
        for (size_t i = 0; i < jsonx_count(properties) && i < 20; i++)
            strbuf_addf(&names, "%s%s", i > 0 ? ", " : "", jsonx_key(properties, i));
        return error_hint(err, "it has: %s", names.data);
    }
    const struct jsonx *type = jsonx_get(property, "type");
    if (jsonx_kind_of(type) == JSONX_STRING)
        return check_type(c, property, jsonx_text(type), err);
    for (size_t i = 0; jsonx_kind_of(type) == JSONX_ARRAY && i < jsonx_count(type); i++)
        TRY(check_type(c, property, jsonx_text(jsonx_at(type, i)), err));
    return 0;
}

int singer_check_schema(const struct stream_spec *s, struct span schema, struct error *err)
{
    struct jsonx *doc = NULL;
    TRY(jsonx_parse(schema.ptr, schema.len, "SCHEMA", &doc, err));
    const struct jsonx *properties = jsonx_get(doc, "properties");
    int code = 0;
    /* A schema that lists nothing (dynamic records) says nothing. */
    for (size_t i = 0; i < s->ncolumns && code == 0 && jsonx_count(properties) > 0; i++)
        code = check_column(&s->columns[i], properties, err);
    jsonx_free(doc);
    return code;
}
