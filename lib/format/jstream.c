#include "format/jstream.h"
#include "core/message.h"
#include "core/strbuf.h"
#include "format/jpull.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX_BYTES  4096
#define KEYS_SHOWN_MAX 200

enum stage { STAGE_BEGIN, STAGE_RECORDS, STAGE_END };

struct jstream {
    struct jstream_options options;
    struct arena *arena;
    const char **tokens; /* of the pointer, unescaped */
    size_t ntokens;
    bool is_array[JPULL_DEPTH_MAX]; /* the containers that were entered on the way */
    enum stage stage;
    bool is_first; /* no element was read yet */
    struct span chunk;
    uint64_t chunk_offset; /* of the chunk's first byte */
    size_t at;
    bool at_end;
    size_t kept_from; /* what is captured begins here in the chunk */
    bool keeping;
    struct strbuf record, key, keys_seen;
};

/* ---- characters ---------------------------------------------------------------------------- */

static void keep_chunk(struct jstream *j)
{
    if (j->keeping)
        strbuf_add(&j->record, j->chunk.ptr + j->kept_from, j->at - j->kept_from);
    j->kept_from = 0;
}

static int refill(struct jstream *j, struct error *err)
{
    while (j->at == j->chunk.len && !j->at_end) {
        keep_chunk(j);
        if (j->record.overflow)
            return error_set(err, ERR_LIMIT, "%s: a record is longer than %zu bytes",
                             j->options.name, j->options.record_max_bytes);
        j->chunk_offset += j->chunk.len;
        j->at = 0;
        TRY(j->options.fill(j->options.self, &j->chunk, &j->at_end, err));
        if (j->at_end)
            j->chunk = (struct span){"", 0};
    }
    return 0;
}

static int fail_here(const struct jstream *j, const char *expected, struct error *err)
{
    uint64_t offset = j->chunk_offset + j->at;
    if (j->at == j->chunk.len)
        return error_set(err, ERR_DATA,
                         "%s: the document is cut off at byte %" PRIu64 ": expected %s",
                         j->options.name, offset, expected);
    return error_set(err, ERR_DATA, "%s: byte %" PRIu64 ": expected %s, found '%c'",
                     j->options.name, offset + 1, expected, j->chunk.ptr[j->at]);
}

/* The character at hand, 0 at the end (and for a NUL, which is nowhere allowed). */
static int peek(struct jstream *j, char *ret, struct error *err)
{
    if (j->at == j->chunk.len)
        TRY(refill(j, err));
    *ret = j->at < j->chunk.len ? j->chunk.ptr[j->at] : '\0';
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static int peek_token(struct jstream *j, char *ret, struct error *err)
{
    for (;;) {
        TRY(peek(j, ret, err));
        if (!is_blank(*ret))
            return 0;
        j->at++;
    }
}

static int take(struct jstream *j, char wanted, const char *expected, struct error *err)
{
    char c;
    TRY(peek_token(j, &c, err));
    if (c != wanted)
        return fail_here(j, expected, err);
    j->at++;
    return 0;
}

/* ---- values -------------------------------------------------------------------------------- */

/* To behind the closing quote; the opening one is at hand. */
static int pass_string(struct jstream *j, struct error *err)
{
    bool escaped = false;
    j->at++;
    for (;;) {
        char c;
        TRY(peek(j, &c, err));
        if ((unsigned char)c < ' ')
            return fail_here(j, message_text("the end of a string"), err);
        j->at++;
        if (!escaped && c == '"')
            return 0;
        escaped = !escaped && c == '\\';
    }
}

static int pass_scalar(struct jstream *j, struct error *err)
{
    static const char LETTERS[] = "0123456789+-.eEtrufalsn";
    char c;
    TRY(peek(j, &c, err));
    if (c == '\0' || strchr(LETTERS, c) == NULL)
        return fail_here(j, "a value", err);
    do {
        j->at++;
        TRY(peek(j, &c, err));
    } while (c != '\0' && strchr(LETTERS, c) != NULL);
    return 0;
}

/* One whole value, by its brackets. */
static int pass_value(struct jstream *j, struct error *err)
{
    char closing[JPULL_DEPTH_MAX];
    size_t depth = 0;
    do {
        char c;
        TRY(peek_token(j, &c, err));
        if (c == '{' || c == '[') {
            if (depth == JPULL_DEPTH_MAX)
                return error_set(err, ERR_DATA, "%s: nested deeper than %d", j->options.name,
                                 JPULL_DEPTH_MAX);
            closing[depth++] = c == '{' ? '}' : ']';
            j->at++;
        } else if (depth > 0 && c == closing[depth - 1]) {
            depth--;
            j->at++;
        } else if (depth > 0 && (c == ',' || c == ':')) {
            j->at++;
        } else if (c == '"') {
            TRY(pass_string(j, err));
        } else {
            TRY(pass_scalar(j, err));
        }
    } while (depth > 0);
    return 0;
}

static int keep_value(struct jstream *j, struct span *ret, struct error *err)
{
    char first;
    TRY(peek_token(j, &first, err));
    strbuf_clear(&j->record);
    j->kept_from = j->at;
    j->keeping = true;
    int code = pass_value(j, err);
    if (code == 0 && j->record.len == 0) { /* within one chunk: no copy */
        *ret = (struct span){j->chunk.ptr + j->kept_from, j->at - j->kept_from};
        if (ret->len > j->options.record_max_bytes)
            j->record.overflow = true;
    } else if (code == 0) {
        keep_chunk(j);
        *ret = (struct span){j->record.data, j->record.len};
    }
    j->keeping = false;
    if (code == 0 && j->record.overflow)
        code = error_set(err, ERR_LIMIT, "%s: a record is longer than %zu bytes", j->options.name,
                         j->options.record_max_bytes);
    return code;
}

/* ---- the way to the array ------------------------------------------------------------------- */

/* The key at hand, unescaped, and its colon. */
static int take_key(struct jstream *j, struct span *ret, struct error *err)
{
    char c;
    struct span raw = SPAN("");
    struct jpull_value value;
    TRY(peek_token(j, &c, err));
    if (c != '"')
        return fail_here(j, "a member's name", err);
    TRY(keep_value(j, &raw, err));
    strbuf_clear(&j->key);
    TRY(jpull_value_of(raw, &value, &j->key, err));
    if (value.text.len > KEY_MAX_BYTES)
        return error_set(err, ERR_LIMIT, "%s: a member's name is longer than %d bytes",
                         j->options.name, KEY_MAX_BYTES);
    if (value.text.ptr != j->key.data) /* it had no escapes: it stands in the document */
        strbuf_add(&j->key, value.text.ptr, value.text.len);
    *ret = (struct span){j->key.data, j->key.len};
    return take(j, ':', "':'", err);
}

static int fail_absent(const struct jstream *j, size_t level, struct error *err)
{
    error_set(err, ERR_DATA, "%s: nothing at '%s'", j->options.name, j->options.pointer);
    if (j->keys_seen.len > 0)
        return error_hint(err, "where '%s' was looked for there are: %s", j->tokens[level],
                          j->keys_seen.data);
    return err->code;
}

static void note_key(struct jstream *j, struct span key)
{
    if (j->keys_seen.len < KEYS_SHOWN_MAX)
        strbuf_addf(&j->keys_seen, "%s%.*s", j->keys_seen.len > 0 ? ", " : "",
                    (int)(key.len < 40 ? key.len : 40), key.ptr);
}

static int enter_object(struct jstream *j, size_t level, struct error *err)
{
    char c;
    strbuf_clear(&j->keys_seen);
    TRY(take(j, '{', "'{'", err));
    TRY(peek_token(j, &c, err));
    for (bool more = c != '}'; more;) {
        struct span key = SPAN("");
        TRY(take_key(j, &key, err));
        if (span_equal(key, span_of(j->tokens[level])))
            return 0;
        note_key(j, key);
        TRY(pass_value(j, err));
        TRY(peek_token(j, &c, err));
        more = c == ',';
        j->at += more ? 1 : 0;
        if (!more && c != '}')
            return fail_here(j, "',' or '}'", err);
    }
    return fail_absent(j, level, err);
}

static int enter_array(struct jstream *j, size_t level, struct error *err)
{
    char *end, c;
    unsigned long wanted = strtoul(j->tokens[level], &end, 10);
    strbuf_clear(&j->keys_seen);
    if (end == j->tokens[level] || *end != '\0')
        return fail_absent(j, level, err);
    TRY(take(j, '[', "'['", err));
    TRY(peek_token(j, &c, err));
    for (unsigned long i = 0; c != ']'; i++) {
        if (i == wanted)
            return 0;
        TRY(pass_value(j, err));
        TRY(peek_token(j, &c, err));
        if (c != ',' && c != ']')
            return fail_here(j, "',' or ']'", err);
        j->at += c == ',' ? 1 : 0;
    }
    return fail_absent(j, level, err);
}

static int go_to_records(struct jstream *j, struct error *err)
{
    char c;
    for (size_t level = 0; level < j->ntokens; level++) {
        TRY(peek_token(j, &c, err));
        j->is_array[level] = c == '[';
        if (c == '[')
            TRY(enter_array(j, level, err));
        else if (c == '{')
            TRY(enter_object(j, level, err));
        else
            return fail_absent(j, level, err);
    }
    return take(j, '[', message_text("the array of records"), err);
}

/* What follows in the containers that were entered; a second array of that name would be rows that
 * nobody reads. */
static int leave_object(struct jstream *j, size_t level, struct error *err)
{
    for (;;) {
        struct span key = SPAN("");
        char c;
        TRY(peek_token(j, &c, err));
        if (c == '}')
            break;
        TRY(take(j, ',', "',' or '}'", err));
        TRY(take_key(j, &key, err));
        if (span_equal(key, span_of(j->tokens[level])))
            return error_set(err, ERR_DATA, "%s: the member '%s' stands twice", j->options.name,
                             j->tokens[level]);
        TRY(pass_value(j, err));
    }
    j->at++;
    return 0;
}

static int leave_array(struct jstream *j, struct error *err)
{
    for (;;) {
        char c;
        TRY(peek_token(j, &c, err));
        if (c == ']')
            break;
        TRY(take(j, ',', "',' or ']'", err));
        TRY(pass_value(j, err));
    }
    j->at++;
    return 0;
}

static int go_to_end(struct jstream *j, struct error *err)
{
    char c;
    for (size_t level = j->ntokens; level > 0; level--)
        TRY(j->is_array[level - 1] ? leave_array(j, err) : leave_object(j, level - 1, err));
    TRY(peek_token(j, &c, err));
    return j->at == j->chunk.len ? 0 : fail_here(j, message_text("the end of the document"), err);
}

/* ---- records ------------------------------------------------------------------------------- */

int jstream_next(struct jstream *j, struct span *ret, bool *ret_end, struct error *err)
{
    char c;
    if (j->stage == STAGE_BEGIN) {
        TRY(go_to_records(j, err));
        j->stage = STAGE_RECORDS;
        j->is_first = true;
    }
    *ret_end = j->stage == STAGE_END;
    if (*ret_end)
        return 0;
    TRY(peek_token(j, &c, err));
    if (c == ']') {
        j->at++;
        TRY(go_to_end(j, err));
        j->stage = STAGE_END;
        *ret_end = true;
        return 0;
    }
    if (!j->is_first) {
        TRY(take(j, ',', "',' or ']'", err));
        TRY(peek_token(j, &c, err));
        if (c == ']')
            return fail_here(j, "a record", err);
    }
    j->is_first = false;
    return keep_value(j, ret, err);
}

static int read_pointer(struct jstream *j, const char *pointer, struct error *err)
{
    for (const char *p = pointer; *p == '/';) {
        AUTO_STRBUF struct strbuf token = {0};
        strbuf_init(&token, KEY_MAX_BYTES);
        for (p++; *p != '\0' && *p != '/'; p++) {
            bool escaped = *p == '~' && (p[1] == '0' || p[1] == '1');
            strbuf_addch(&token, escaped ? (p[1] == '0' ? '~' : '/') : *p);
            p += escaped ? 1 : 0;
        }
        if (j->ntokens == JPULL_DEPTH_MAX)
            return error_set(err, ERR_SPEC, "'%s' is too deep a pointer", pointer);
        j->tokens[j->ntokens++] = arena_strdup(j->arena, token.data);
    }
    return pointer[0] == '\0' || pointer[0] == '/'
               ? 0
               : error_set(err, ERR_SPEC, "'%s' is no JSON pointer: it begins with '/'", pointer);
}

int jstream_new(const struct jstream_options *options, struct jstream **ret, struct error *err)
{
    struct jstream *j = mem_alloc(sizeof(*j));
    j->options = *options;
    j->arena = arena_new();
    j->tokens = arena_array(j->arena, JPULL_DEPTH_MAX, sizeof(char *));
    j->chunk = (struct span){"", 0};
    strbuf_init(&j->record, options->record_max_bytes);
    strbuf_init(&j->key, options->record_max_bytes + 16);
    strbuf_init(&j->keys_seen, 4096);
    int code = read_pointer(j, options->pointer, err);
    if (code != 0) {
        jstream_free(j);
        return code;
    }
    *ret = j;
    return 0;
}

void jstream_free(struct jstream *j)
{
    if (!j)
        return;
    strbuf_release(&j->record);
    strbuf_release(&j->key);
    strbuf_release(&j->keys_seen);
    arena_free(j->arena);
    free(j);
}
