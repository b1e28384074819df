/* lib/db/types.h - the column types diner loads, and their binary wire forms.
 *
 * A type is what a pipeline declares ("numeric(12,2)", "timestamptz", "text", "varchar(20)") or
 * what the catalogue says. The encoders check what the server would bend or refuse: excess scale,
 * NaN, Infinity, NUL bytes, over-length, range, invalid UTF-8, bad jsonb; a refusal is a reason to
 * reject the row. Wire forms: src/backend/utils/adt of PostgreSQL 15 (numeric_send and so on). */
#ifndef DINER_DB_TYPES_H
#define DINER_DB_TYPES_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include <endian.h>
#include <stdbool.h>
#include <stdint.h>

enum db_kind {
    DB_BOOL,
    DB_INT2,
    DB_INT4,
    DB_INT8,
    DB_NUMERIC,
    DB_FLOAT8,
    DB_TEXT,
    DB_DATE,
    DB_TIMESTAMP,
    DB_TIMESTAMPTZ,
    DB_UUID,
    DB_JSONB,
    DB_BYTEA,
};
struct db_type {
    enum db_kind kind;
    int precision; /* numeric: digits, 0 unlimited; text: max characters (varchar(n)), 0 unlimited
                    */
    int scale;     /* numeric */
};

/* "numeric(12,2)", "varchar(20)", "int", "bigint", "double precision"...; ERR_SPEC with the known
 * names and a suggestion. */
int db_type_parse(const char *text, struct db_type *ret, struct error *err);
/* From pg_attribute: atttypid, atttypmod. False for a type diner does not load. */
bool db_type_from_catalogue(uint32_t oid, int32_t typmod, struct db_type *ret);
uint32_t db_type_oid(const struct db_type *t);
void db_type_print(const struct db_type *t, struct strbuf *out); /* SQL spelling */
bool db_type_equal(const struct db_type *a, const struct db_type *b);
bool db_type_is_number(const struct db_type *t);

/* Encoders append "int32 length, bytes" of one field to a binary COPY row. They return NULL or
 * the reason of the refusal (a constant such as "not a number", "more than 2 decimals"), in which
 * case nothing was appended. Text is UTF-8, already trimmed and normalised by the caller. */
const char *db_encode(const struct db_type *t, struct span text, struct strbuf *out);
/* As db_encode, for a caller that knows more about the text. */
#define DB_ENCODE_VALID_UTF8 1u /* checked already, for example by the decoder of the file */
const char *db_encode_flags(const struct db_type *t, struct span text, unsigned flags,
                            struct strbuf *out);
/* The short way for whole numbers, numeric and text as most are written, for a caller that sees
 * many: true, and what db_encode_flags appends to valid UTF-8; or false, and nothing said. */
bool db_encode_plain(const struct db_type *t, struct span text, struct strbuf *out);
void db_encode_null(struct strbuf *out);
/* True when the text is one that db_encode_flags takes and db_decode would give back as it is,
 * found without encoding it; false says nothing. */
bool db_is_canonical(const struct db_type *t, struct span text, unsigned flags);
/* Whether the field that begins at that place of the buffer is null. */
bool db_is_encoded_null(const struct strbuf *out, size_t start);
/* For callers that have the value already. */
void db_encode_int4(struct strbuf *out, int32_t v);
void db_encode_int8(struct strbuf *out, int64_t v);
void db_encode_date(struct strbuf *out, int32_t days_since_1970);
void db_encode_timestamp(struct strbuf *out, int64_t us_since_1970); /* timestamptz: UTC */
void db_encode_text(struct strbuf *out, struct span text);           /* no checks */
void db_encode_uuid(struct strbuf *out, const void *bytes);          /* 16 of them */
/* Of the field of a binary COPY row that begins there; UINT32_MAX: null. */
static inline uint32_t db_field_length(const char *field)
{
    uint32_t length;
    memcpy(&length, field, sizeof length);
    return be32toh(length);
}
int64_t db_field_int8(struct span binary); /* of a field that was read; 0 for null */

/* The text form of a binary field as the server would print it (ISO dates, plain decimals). */
int db_decode(const struct db_type *t, struct span binary, struct strbuf *out, struct error *err);

#endif
