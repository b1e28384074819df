#include "format/encoding.h"
#include "format/jpull_scan.h"
#include <stdlib.h>
#include <string.h>

/* PostgreSQL's numeric: at most 131,072 digits before the point and 16,383 after it. */
#define NUMBER_MAX_BYTES 16000
#define EXPONENT_MAX     16000
/* Below this, keys are compared with each other; above, sorted by hash. */
#define SMALL_OBJECT 12

struct key {
    uint64_t hash;
    struct span text;
    bool escaped;
};

struct check {
    struct jscan scan;
    bool refuse_duplicates;
    bool storable;
    struct key *keys; /* of all open objects, one after the other */
    size_t capacity;
    size_t count;
    struct strbuf scratch;
};

static int check_value(struct check *c, int depth, struct error *err);

/* ---- duplicate keys ------------------------------------------------------------------------ */

/* FNV-1a over the unescaped text, from a start that differs by process. */
static uint64_t hash_bytes(const char *p, size_t n)
{
    static const char place;
    uint64_t h = 0xcbf29ce484222325ULL ^ (uint64_t)(uintptr_t)&place;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * 0x100000001b3ULL;
    return h;
}

static int key_hash(struct check *c, struct key *key, struct error *err)
{
    if (!key->escaped) {
        key->hash = hash_bytes(key->text.ptr, key->text.len);
        return 0;
    }
    strbuf_clear(&c->scratch);
    struct error ignored = ERROR_INIT;
    /* What cannot be unescaped is compared as it is written. */
    if (jscan_unescape(&c->scan, key->text, &c->scratch, &ignored) == 0)
        key->hash = hash_bytes(c->scratch.data, c->scratch.len);
    else if (ignored.code == ERR_LIMIT)
        return error_set(err, ERR_LIMIT, "%s", ignored.message);
    else
        key->hash = hash_bytes(key->text.ptr, key->text.len);
    return 0;
}

static bool same_key(struct check *c, const struct key *a, const struct key *b)
{
    if (a->hash != b->hash)
        return false;
    if (span_equal(a->text, b->text))
        return true;
    if (!a->escaped && !b->escaped)
        return false;
    const struct key *plain = a->escaped ? b : a;
    const struct key *other = a->escaped ? a : b;
    struct span wanted = plain->text;
    if (plain->escaped) {
        struct error ignored = ERROR_INIT;
        strbuf_clear(&c->scratch);
        if (jscan_unescape(&c->scan, plain->text, &c->scratch, &ignored) != 0)
            return false;
        wanted = (struct span){c->scratch.data, c->scratch.len};
    }
    return jscan_key_is(other->text, true, wanted);
}

static int by_hash(const void *a, const void *b)
{
    const struct key *x = a;
    const struct key *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->text.ptr < y->text.ptr ? -1 : 1;
}

static int check_keys(struct check *c, size_t from, struct error *err)
{
    size_t n = c->count - from;
    if (n < 2)
        return 0;
    struct key *keys = c->keys + from;
    bool sorted = n > SMALL_OBJECT;
    if (sorted)
        qsort(keys, n, sizeof(keys[0]), by_hash);
    for (size_t i = 1; i < n; i++) {
        for (size_t j = i; j-- > 0;) {
            if (same_key(c, &keys[j], &keys[i])) {
                const char *at =
                    keys[i].text.ptr > keys[j].text.ptr ? keys[i].text.ptr : keys[j].text.ptr;
                return jscan_error(&c->scan, at - 1, err, "key '%.*s' is given twice",
                                   (int)(keys[i].text.len < 60 ? keys[i].text.len : 60),
                                   keys[i].text.ptr);
            }
            if (sorted && keys[j].hash != keys[i].hash)
                break;
        }
    }
    return 0;
}

static int add_key(struct check *c, struct span text, bool escaped, struct error *err)
{
    struct key key = {.text = text, .escaped = escaped};
    TRY(key_hash(c, &key, err));
    c->keys = mem_grow(c->keys, &c->capacity, c->count + 1, sizeof(c->keys[0]));
    c->keys[c->count++] = key;
    return 0;
}

/* ---- the walk ------------------------------------------------------------------------------ */

static int check_text(struct check *c, struct span text, bool escaped, struct error *err)
{
    if (!c->storable || !escaped)
        return 0;
    strbuf_clear(&c->scratch);
    return jscan_unescape(&c->scan, text, &c->scratch, err);
}

static int check_number(struct check *c, const char *start, struct error *err)
{
    size_t n = (size_t)(c->scan.p - start);
    const char *e = memchr(start, 'e', n);
    e = e ? e : memchr(start, 'E', n);
    if (n > NUMBER_MAX_BYTES)
        return jscan_error(&c->scan, start, err, "a number of %zu digits", n);
    if (!e)
        return 0;
    long exponent = 0;
    for (const char *p = e + 1; p < c->scan.p && labs(exponent) <= EXPONENT_MAX; p++)
        if (*p >= '0' && *p <= '9')
            exponent = exponent * 10 + (*p - '0');
    if (exponent > EXPONENT_MAX)
        return jscan_error(&c->scan, start, err, "a number out of range");
    return 0;
}

static int check_object(struct check *c, int depth, struct error *err)
{
    size_t from = c->count;
    c->scan.p++;
    for (bool first = true;; first = false) {
        struct span key;
        bool escaped;
        bool end = false;
        TRY(jscan_key(&c->scan, first, &key, &escaped, &end, err));
        if (end)
            break;
        TRY(check_text(c, key, escaped, err));
        if (c->refuse_duplicates)
            TRY(add_key(c, key, escaped, err));
        TRY(check_value(c, depth + 1, err));
    }
    TRY(check_keys(c, from, err));
    c->count = from;
    return 0;
}

static int check_array(struct check *c, int depth, struct error *err)
{
    c->scan.p++;
    for (bool first = true;; first = false) {
        bool end = false;
        TRY(jscan_element(&c->scan, first, &end, err));
        if (end)
            return 0;
        TRY(check_value(c, depth + 1, err));
    }
}

static int check_value(struct check *c, int depth, struct error *err)
{
    struct jscan *s = &c->scan;
    const char *start = s->p;
    char kind = s->p < s->end ? *s->p : '\0';
    bool nested = kind == '{' || kind == '[';
    if (nested && depth >= JPULL_DEPTH_MAX)
        return jscan_error(s, s->p, err, "nested deeper than %d levels", JPULL_DEPTH_MAX);
    if (nested)
        return kind == '{' ? check_object(c, depth, err) : check_array(c, depth, err);
    if (kind == '"') {
        struct span text;
        bool escaped;
        TRY(jscan_string(s, &text, &escaped, err));
        return check_text(c, text, escaped, err);
    }
    TRY(jscan_value(s, depth, err));
    return c->storable && kind != 't' && kind != 'f' && kind != 'n' ? check_number(c, start, err)
                                                                    : 0;
}

static int check_document(struct span document, bool refuse_duplicates, bool storable,
                          struct error *err)
{
    struct check c = {
        .scan = jscan_of(document), .refuse_duplicates = refuse_duplicates, .storable = storable};
    uint64_t ignored = 0;
    size_t valid = utf8_valid_prefix(document.ptr, document.len, &ignored);
    if (valid < document.len)
        return jscan_error(&c.scan, document.ptr + valid, err, "byte %02X is not UTF-8",
                           (unsigned)(unsigned char)document.ptr[valid]);
    strbuf_init(&c.scratch, document.len + 16);
    jscan_space(&c.scan);
    int code = check_value(&c, 0, err);
    if (code == 0)
        code = jscan_finish(&c.scan, err);
    strbuf_release(&c.scratch);
    free(c.keys);
    return code;
}

int jpull_check(struct span document, bool refuse_duplicates, struct error *err)
{
    return check_document(document, refuse_duplicates, false, err);
}

int jpull_check_storable(struct span document, struct error *err)
{
    return check_document(document, true, true, err);
}
