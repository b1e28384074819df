/* tests/fuzz/fuzz_dbtypes.c - type names, the encoders of every type, decoding, binding.
 * What an encoder takes must decode, and what was decoded must encode to the same bytes; a text
 * said to be canonical comes back as it is; the short way ends where the long one does. */
#include "db/types.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Text that jsonb or float8 print differently is not compared. */
static bool is_stable(enum db_kind kind)
{
    return kind != DB_TEXT && kind != DB_JSONB;
}

static void check_canonical(const struct db_type *type, struct span input, struct span text)
{
    if (db_is_canonical(type, input, 0) && !span_equal(input, text))
        abort();
}

static void encode_decode(const struct db_type *type, struct span input)
{
    struct error err = ERROR_INIT;
    struct strbuf first;
    struct strbuf text;
    struct strbuf second;
    strbuf_init(&first, 0);
    strbuf_init(&text, 0);
    strbuf_init(&second, 0);
    if (db_encode(type, input, &first) == NULL) {
        struct span field = {first.data + 4, first.len - 4};
        if (db_decode(type, field, &text, &err) != ERR_OK)
            abort();
        check_canonical(type, input, (struct span){text.data, text.len});
        if (is_stable(type->kind)) {
            if (db_encode(type, (struct span){text.data, text.len}, &second) != NULL)
                abort();
            if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
                abort();
        }
    } else if (first.len != 0 || db_is_canonical(type, input, 0)) {
        abort();
    }
    strbuf_release(&first);
    strbuf_release(&text);
    strbuf_release(&second);
}

/* Of valid UTF-8, which the long way is told too. */
static void check_plain(const struct db_type *type, struct span input)
{
    struct strbuf plain;
    struct strbuf long_way;
    strbuf_init(&plain, 0);
    strbuf_init(&long_way, 0);
    if (!db_encode_plain(type, input, &plain)) {
        if (plain.len != 0)
            abort();
    } else if (db_encode_flags(type, input, DB_ENCODE_VALID_UTF8, &long_way) != NULL ||
               plain.len != long_way.len || memcmp(plain.data, long_way.data, plain.len) != 0) {
        abort();
    }
    strbuf_release(&plain);
    strbuf_release(&long_way);
}

static void decode_any(const struct db_type *type, struct span input)
{
    struct error err = ERROR_INIT;
    struct strbuf text;
    strbuf_init(&text, 0);
    (void)db_decode(type, input, &text, &err);
    strbuf_release(&text);
}

static void parse_name(struct span input)
{
    struct error err = ERROR_INIT;
    struct db_type type;
    struct db_type again;
    struct strbuf printed;
    char *name = mem_strndup(input.ptr, input.len);
    strbuf_init(&printed, 0);
    if (db_type_parse(name, &type, &err) == ERR_OK) {
        db_type_print(&type, &printed);
        if (db_type_parse(printed.data, &again, &err) != ERR_OK || !db_type_equal(&type, &again))
            abort();
    }
    strbuf_release(&printed);
    free(name);
}

/* The first byte chooses the type, the next two its arguments, the rest is the value. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct db_type type = {(enum db_kind)(data[0] % (DB_BYTEA + 1)), data[1] % 40, 0};
    if (type.kind == DB_NUMERIC && type.precision > 0)
        type.scale = data[2] % (type.precision + 1);
    struct span input = {(const char *)data + 3, size - 3};
    encode_decode(&type, input);
    check_plain(&type, input);
    decode_any(&type, input);
    parse_name(input);
    return 0;
}
