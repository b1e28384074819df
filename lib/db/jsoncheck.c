/* lib/db/jsoncheck.c - whether jsonb keeps a text as it is: RFC 8259, no \u0000, no lone
 * surrogates, no duplicate keys (jsonb drops all but the last), numbers that numeric can hold. */
#include "core/message.h"
#include "db/encode_internal.h"
#include "db/wire.h"
#include <stdlib.h>

#define DEPTH_MAX 64

#define NOT_JSON       MESSAGE("not valid JSON")
#define TOO_DEEP       MESSAGE("JSON nested deeper than 64 levels")
#define HAS_U0000      "JSON with \\u0000"
#define LONE_SURROGATE MESSAGE("JSON with a lone surrogate")
#define DUPLICATE_KEY  MESSAGE("JSON with a duplicate key")
#define BAD_NUMBER     MESSAGE("JSON with a number out of range")

struct key {
    const char *ptr;
    size_t len;
};

struct checker {
    const char *s, *end;
    const char *reason; /* NULL while all is well */
    int depth;
    struct key *keys; /* those of the objects that are open */
    size_t key_count, key_capacity;
    struct arena *unescaped; /* keys written with escapes; made when the first one comes */
};

static bool fail(struct checker *c, const char *reason)
{
    if (c->reason == NULL)
        c->reason = reason;
    return false;
}

static void skip_blanks(struct checker *c)
{
    while (c->s < c->end && (*c->s == ' ' || *c->s == '\t' || *c->s == '\n' || *c->s == '\r'))
        c->s++;
}

static bool take(struct checker *c, char wanted)
{
    if (c->s == c->end || *c->s != wanted)
        return false;
    c->s++;
    return true;
}

/* ---- strings ------------------------------------------------------------------------------ */

/* The four digits of \uXXXX, -1 when they are not. */
static int read_unit(struct checker *c)
{
    int v = 0;
    if (c->end - c->s < 4)
        return -1;
    for (int i = 0; i < 4; i++, c->s++) {
        char lower = (char)(*c->s | 0x20);
        if (*c->s >= '0' && *c->s <= '9')
            v = v << 4 | (*c->s - '0');
        else if (lower >= 'a' && lower <= 'f')
            v = v << 4 | (lower - 'a' + 10);
        else
            return -1;
    }
    return v;
}

static int fail_unit(struct checker *c, const char *reason)
{
    (void)fail(c, reason);
    return -1;
}

/* What follows "\u": the code point, or -1 with the reason set. */
static int read_code_point(struct checker *c)
{
    int unit = read_unit(c);
    if (unit <= 0)
        return fail_unit(c, unit < 0 ? NOT_JSON : HAS_U0000);
    if (unit < 0xD800 || unit > 0xDFFF)
        return unit;
    if (unit > 0xDBFF || !take(c, '\\') || !take(c, 'u'))
        return fail_unit(c, LONE_SURROGATE);
    int low = read_unit(c);
    if (low < 0xDC00 || low > 0xDFFF)
        return fail_unit(c, low < 0 ? NOT_JSON : LONE_SURROGATE);
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

static size_t put_code_point(char *to, int v)
{
    if (v < 0x80) {
        to[0] = (char)v;
        return 1;
    }
    size_t n = v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;
    static const int lead[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n - 1; i > 0; i--, v >>= 6)
        to[i] = (char)(0x80 | (v & 0x3F));
    to[0] = (char)(lead[n] | v);
    return n;
}

/* What follows a backslash; writes it to `to` (4 bytes) when that is not NULL. */
static bool read_escape(struct checker *c, char *to, size_t *ret_len)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    char scratch[4];
    if (c->s == c->end)
        return fail(c, NOT_JSON);
    char letter = *c->s++;
    if (letter == 'u') {
        int v = read_code_point(c);
        if (v < 0)
            return false;
        *ret_len = put_code_point(to != NULL ? to : scratch, v);
        return true;
    }
    const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
    if (found == NULL)
        return fail(c, NOT_JSON);
    if (to != NULL)
        *to = values[found - letters];
    *ret_len = 1;
    return true;
}

/* After the opening quote; the raw bytes between the quotes, and whether escapes are in them. */
static bool read_string(struct checker *c, struct key *ret, bool *ret_escaped)
{
    size_t ignored;
    const char *start = c->s;
    *ret_escaped = false;
    while (c->s < c->end) {
        unsigned char ch = (unsigned char)*c->s++;
        if (ch == '"') {
            *ret = (struct key){start, (size_t)(c->s - start) - 1};
            return true;
        }
        if (ch < 0x20)
            return fail(c, NOT_JSON);
        if (ch == '\\') {
            *ret_escaped = true;
            if (!read_escape(c, NULL, &ignored))
                return false;
        }
    }
    return fail(c, NOT_JSON);
}

/* ---- keys --------------------------------------------------------------------------------- */

/* A key with its escapes resolved, so that "a" and "\u0061" are the same. */
static struct key unescape(struct checker *c, struct key raw)
{
    if (c->unescaped == NULL)
        c->unescaped = arena_new();
    char *text = arena_alloc(c->unescaped, raw.len + 1); /* never longer than it was written */
    struct checker in = {.s = raw.ptr, .end = raw.ptr + raw.len};
    size_t n = 0;
    size_t step;
    while (in.s < in.end) {
        char ch = *in.s++;
        if (ch != '\\') {
            text[n++] = ch;
        } else {
            char bytes[4];
            if (!read_escape(&in, bytes, &step))
                break; /* cannot be: it was read once */
            memcpy(text + n, bytes, step);
            n += step;
        }
    }
    return (struct key){text, n};
}

static int compare_keys(const void *a, const void *b)
{
    const struct key *x = a;
    const struct key *y = b;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return x->len > 0 ? memcmp(x->ptr, y->ptr, x->len) : 0;
}

/* The keys of the object that ends are those from `first` on. */
static bool check_keys(struct checker *c, size_t first)
{
    size_t n = c->key_count - first;
    if (n > 1)
        qsort(c->keys + first, n, sizeof *c->keys, compare_keys);
    for (size_t i = first + 1; i < c->key_count; i++)
        if (compare_keys(&c->keys[i - 1], &c->keys[i]) == 0)
            return fail(c, DUPLICATE_KEY);
    c->key_count = first;
    return true;
}

static bool read_key(struct checker *c)
{
    struct key key;
    bool is_escaped;
    skip_blanks(c);
    if (!take(c, '"'))
        return fail(c, NOT_JSON);
    if (!read_string(c, &key, &is_escaped))
        return false;
    if (is_escaped)
        key = unescape(c, key);
    c->keys = mem_grow(c->keys, &c->key_capacity, c->key_count + 1, sizeof *c->keys);
    c->keys[c->key_count++] = key;
    skip_blanks(c);
    return take(c, ':') || fail(c, NOT_JSON);
}

/* ---- values ------------------------------------------------------------------------------- */

static size_t take_digits(struct checker *c)
{
    const char *start = c->s;
    while (c->s < c->end && *c->s >= '0' && *c->s <= '9')
        c->s++;
    return (size_t)(c->s - start);
}

static bool read_number(struct checker *c)
{
    (void)take(c, '-');
    bool starts_with_zero = c->s < c->end && *c->s == '0';
    size_t integer = take_digits(c);
    size_t fraction = 0;
    if (integer == 0 || (starts_with_zero && integer > 1))
        return fail(c, NOT_JSON);
    if (take(c, '.') && (fraction = take_digits(c)) == 0)
        return fail(c, NOT_JSON);
    long exponent = 0;
    if (take(c, 'e') || take(c, 'E')) {
        bool is_negative = take(c, '-');
        if (!is_negative)
            (void)take(c, '+');
        const char *digits = c->s;
        if (take_digits(c) == 0)
            return fail(c, NOT_JSON);
        for (; digits < c->s && exponent < 10L * NUMERIC_MAX_INTEGER; digits++)
            exponent = exponent * 10 + (*digits - '0');
        exponent = is_negative ? -exponent : exponent;
    }
    if ((long)integer + exponent > NUMERIC_MAX_INTEGER ||
        (long)fraction - exponent > NUMERIC_MAX_FRACTION)
        return fail(c, BAD_NUMBER);
    return true;
}

static bool read_word(struct checker *c, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(c->end - c->s) < n || memcmp(c->s, word, n) != 0)
        return fail(c, NOT_JSON);
    c->s += n;
    return true;
}

static bool read_value(struct checker *c);

static bool read_array(struct checker *c)
{
    skip_blanks(c);
    if (take(c, ']'))
        return true;
    do {
        if (!read_value(c))
            return false;
        skip_blanks(c);
    } while (take(c, ','));
    return take(c, ']') || fail(c, NOT_JSON);
}

static bool read_object(struct checker *c)
{
    size_t first = c->key_count;
    skip_blanks(c);
    if (take(c, '}'))
        return true;
    do {
        if (!read_key(c) || !read_value(c))
            return false;
        skip_blanks(c);
    } while (take(c, ','));
    return (take(c, '}') || fail(c, NOT_JSON)) && check_keys(c, first);
}

static bool read_container(struct checker *c, bool (*read)(struct checker *))
{
    c->s++;
    if (++c->depth > DEPTH_MAX)
        return fail(c, TOO_DEEP);
    bool is_good = read(c);
    c->depth--;
    return is_good;
}

static bool read_value(struct checker *c)
{
    struct key ignored;
    bool is_escaped;
    skip_blanks(c);
    if (c->s == c->end)
        return fail(c, NOT_JSON);
    switch (*c->s) {
    case '{': return read_container(c, read_object);
    case '[': return read_container(c, read_array);
    case '"': c->s++; return read_string(c, &ignored, &is_escaped);
    case 't': return read_word(c, "true");
    case 'f': return read_word(c, "false");
    case 'n': return read_word(c, "null");
    default: return read_number(c);
    }
}

const char *jsoncheck(struct span text)
{
    struct checker c = {.s = text.ptr, .end = text.ptr + text.len};
    if (read_value(&c)) {
        skip_blanks(&c);
        if (c.s != c.end)
            (void)fail(&c, NOT_JSON);
    }
    free(c.keys);
    arena_free(c.unescaped);
    return c.reason;
}
