/* Personal data as other data of the same shape, so that what is kept of it still works as data. */
#include "core/sha256.h"
#include "format/encoding.h"
#include "format/jpull.h"
#include "format/jsonx.h"
#include "net/connector_internal.h"
#include "net/url.h"
#include <ctype.h>
#include <string.h>

#define DEPTH_MAX 48 /* of the writer, whose document this becomes a part of */

bool disguise_wants(const struct disguise *d, struct span name)
{
    for (size_t i = 0; i < d->nnames; i++)
        if (span_equal(span_of(d->names[i]), name))
            return true;
    return false;
}

/* Numbers that follow from the salt and the text: equal texts get equal ones. */
struct dice {
    uint64_t state;
};

static struct dice dice_of(const struct disguise *d, struct span text)
{
    char hex[65];
    struct dice dice = {0};
    struct sha256 *h = sha256_new();

    sha256_add(h, d->salt, sizeof(d->salt));
    sha256_add(h, text.ptr, text.len);
    sha256_finish(h, hex);
    for (int i = 0; i < 16; i++)
        dice.state = dice.state << 4 | (uint64_t)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);
    return dice;
}

/* splitmix64 */
static unsigned dice_throw(struct dice *dice, unsigned sides)
{
    uint64_t z = dice->state += 0x9E3779B97F4A7C15ULL;

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return (unsigned)((z ^ (z >> 31)) % sides);
}

static void disguise_text(const struct disguise *d, struct span text, struct strbuf *out)
{
    static const char *const others[] = {"甲", "乙", "丙", "丁", "戊", "己", "庚", "辛"};
    struct dice dice = dice_of(d, text);
    bool first = true;

    if (d->is_masked) {
        strbuf_adds(out, "****");
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char b = (unsigned char)text.ptr[i];
        if (isdigit(b)) {
            /* A first digit that is not zero stays so: a number stays one. */
            bool leads = first && b != '0';
            strbuf_addch(out,
                         (char)('0' + (leads ? 1 + dice_throw(&dice, 9) : dice_throw(&dice, 10))));
        } else if (isalpha(b)) {
            strbuf_addch(out, (char)((isupper(b) ? 'A' : 'a') + (int)dice_throw(&dice, 26)));
        } else if (b >= 0xC0) {
            strbuf_adds(out, others[dice_throw(&dice, 8)]);
        } else if (b < 0x80) {
            strbuf_addch(out, (char)b);
        }
        first = first && !isdigit(b);
    }
}

/* ---- what looks personal ------------------------------------------------------------------- */

/* Digits of a mobile number of mainland China, with 86 or without. */
static bool is_mobile(struct span run)
{
    const char *p = run.ptr;
    if (run.len == 13 && p[0] == '8' && p[1] == '6')
        p += 2;
    else if (run.len != 11)
        return false;
    return p[0] == '1' && p[1] >= '3';
}

/* 6 digits of a place, a date of birth, 3 digits, and a check digit or X. */
static bool is_identity_card(struct span run)
{
    const char *p = run.ptr;
    if (run.len != 18 || p[0] == '0')
        return false;
    return ((p[6] == '1' && p[7] == '9') || (p[6] == '2' && p[7] == '0')) && p[10] <= '1' &&
           p[12] <= '3';
}

/* Stays what it looked like: the head of a mobile number, the year of a card. */
static void disguise_run(const struct disguise *d, struct span run, struct strbuf *out)
{
    struct dice dice = dice_of(d, run);
    size_t kept = run.len == 18 ? 0 : run.len - 9;

    if (d->is_masked) {
        strbuf_adds(out, "****");
        return;
    }
    for (size_t i = 0; i < run.len; i++) {
        bool stays = i < kept || (run.len == 18 && (i == 0 || (i >= 6 && i < 14)));
        strbuf_addch(out, stays || !isdigit((unsigned char)run.ptr[i])
                              ? run.ptr[i]
                              : (char)('0' + dice_throw(&dice, 10)));
    }
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void disguise_prose(const struct disguise *d, struct span text, struct strbuf *out)
{
    for (size_t i = 0, n; i < text.len; i += n) {
        for (n = 0; i + n < text.len && isdigit((unsigned char)text.ptr[i + n]);)
            n++;
        if (n == 17 && i + n < text.len && (text.ptr[i + n] | 0x20) == 'x')
            n++;
        struct span run = {text.ptr + i, n};
        bool is_apart = (i == 0 || !is_word(text.ptr[i - 1])) &&
                        (i + n == text.len || !is_word(text.ptr[i + n]));
        if (n == 0)
            strbuf_add(out, text.ptr + i, n = 1);
        else if (is_apart && (is_mobile(run) || is_identity_card(run)))
            disguise_run(d, run, out);
        else
            strbuf_add(out, run.ptr, run.len);
    }
}

void disguise_loose(const struct disguise *d, struct span text, struct strbuf *out)
{
    const char *query = text.len > 0 ? memchr(text.ptr, '?', text.len) : NULL;
    bool is_url =
        query && (text.ptr[0] == '/' || (text.len > 4 && memcmp(text.ptr, "http", 4) == 0));

    if (d->is_exact) {
        strbuf_add(out, text.ptr, text.len);
    } else if (is_url) {
        disguise_prose(d, (struct span){text.ptr, (size_t)(query - text.ptr) + 1}, out);
        disguise_pairs(d, (struct span){query + 1, text.len - (size_t)(query - text.ptr) - 1}, out);
    } else {
        disguise_prose(d, text, out);
    }
}

/* ---- JSON ---------------------------------------------------------------------------------- */

struct walk {
    const struct disguise *d;
    struct jwriter *w;
    struct strbuf scratch, key;
};

static int walk_value(struct walk *k, struct span raw, bool hidden, int depth, struct error *err);

static int walk_array(struct walk *k, struct span raw, bool hidden, int depth, struct error *err)
{
    struct jpull_array array;
    struct span element;
    bool end = false;

    jwriter_array(k->w);
    TRY(jpull_array_begin(raw, &array, err));
    for (;;) {
        TRY(jpull_array_next(&array, &element, &end, err));
        if (end)
            break;
        TRY(walk_value(k, element, hidden, depth + 1, err));
    }
    jwriter_end(k->w);
    return 0;
}

static int walk_object(struct walk *k, struct span raw, bool hidden, int depth, struct error *err)
{
    struct jpull_array object;
    struct span key, value;
    bool end = false;

    jwriter_object(k->w);
    TRY(jpull_object_begin(raw, &object, err));
    for (;;) {
        strbuf_clear(&k->scratch);
        TRY(jpull_object_next(&object, &key, &value, &end, &k->scratch, err));
        if (end)
            break;
        strbuf_clear(&k->key);
        strbuf_add(&k->key, key.ptr, key.len);
        if (memchr(key.ptr, '\0', key.len))
            return error_set(err, ERR_DATA, "a key with a NUL");
        jwriter_key(k->w, k->key.data);
        TRY(walk_value(k, value, hidden || disguise_wants(k->d, key), depth + 1, err));
    }
    jwriter_end(k->w);
    return 0;
}

static int walk_value(struct walk *k, struct span raw, bool hidden, int depth, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct jpull_value v;

    if (depth > DEPTH_MAX)
        return error_set(err, ERR_DATA, "nested deeper than %d levels", DEPTH_MAX);
    strbuf_clear(&k->scratch);
    TRY(jpull_value_of(raw, &v, &k->scratch, err));
    if (v.kind == JPULL_ARRAY)
        return walk_array(k, raw, hidden, depth, err);
    if (v.kind == JPULL_OBJECT)
        return walk_object(k, raw, hidden, depth, err);
    strbuf_init(&text, 0);
    bool is_hidden = hidden && (v.kind == JPULL_STRING || v.kind == JPULL_NUMBER);
    if (is_hidden)
        disguise_text(k->d, v.text, &text);
    else if (v.kind == JPULL_STRING)
        disguise_loose(k->d, v.text, &text);
    else
        strbuf_add(&text, v.text.ptr, v.text.len);
    if (text.overflow)
        return error_set(err, ERR_LIMIT, "a text over the limit");
    if (v.kind == JPULL_STRING || (is_hidden && k->d->is_masked))
        jwriter_span(k->w, (struct span){text.data, text.len});
    else
        jwriter_raw(k->w, (struct span){text.data, text.len});
    return 0;
}

int disguise_json(const struct disguise *d, struct span document, struct jwriter *w,
                  struct error *err)
{
    struct walk k = {.d = d, .w = w};

    TRY(jpull_check(document, false, err));
    strbuf_init(&k.scratch, 0);
    strbuf_init(&k.key, 0);
    int code = walk_value(&k, document, false, 0, err);
    strbuf_release(&k.scratch);
    strbuf_release(&k.key);
    return code;
}

/* ---- pairs --------------------------------------------------------------------------------- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : -1;
}

static void percent_decode(struct span text, struct strbuf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        bool escape = text.ptr[i] == '%' && i + 2 < text.len && hex_value(text.ptr[i + 1]) >= 0 &&
                      hex_value(text.ptr[i + 2]) >= 0;
        if (escape) {
            int byte = hex_value(text.ptr[i + 1]) * 16 + hex_value(text.ptr[i + 2]);
            strbuf_addch(out, (char)byte);
            i += 2;
        } else {
            strbuf_addch(out, text.ptr[i] == '+' ? ' ' : text.ptr[i]);
        }
    }
}

static void disguise_pair(const struct disguise *d, struct span pair, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf name = {0}, value = {0}, hidden = {0};
    const char *equals = memchr(pair.ptr, '=', pair.len);
    size_t len = equals ? (size_t)(equals - pair.ptr) : pair.len;

    strbuf_init(&name, 0);
    percent_decode((struct span){pair.ptr, len}, &name);
    if (!equals || !disguise_wants(d, (struct span){name.data, name.len})) {
        if (d->is_exact)
            strbuf_add(out, pair.ptr, pair.len);
        else
            disguise_prose(d, pair, out);
        return;
    }
    strbuf_init(&value, 0);
    strbuf_init(&hidden, 0);
    percent_decode((struct span){equals + 1, pair.len - len - 1}, &value);
    disguise_text(d, (struct span){value.data, value.len}, &hidden);
    strbuf_add(out, pair.ptr, len + 1);
    if (d->is_masked)
        strbuf_adds(out, hidden.data);
    else
        url_encode(out, hidden.data);
}

void disguise_pairs(const struct disguise *d, struct span pairs, struct strbuf *out)
{
    while (pairs.len > 0) {
        const char *amp = memchr(pairs.ptr, '&', pairs.len);
        size_t len = amp ? (size_t)(amp - pairs.ptr) : pairs.len;
        disguise_pair(d, (struct span){pairs.ptr, len}, out);
        if (!amp)
            return;
        strbuf_addch(out, '&');
        pairs = (struct span){amp + 1, pairs.len - len - 1};
    }
}
