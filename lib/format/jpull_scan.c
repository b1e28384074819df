#include "format/jpull_scan.h"
#include "core/message.h"
#include "format/encoding.h"
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct jscan jscan_of(struct span document)
{
    const char *text = document.ptr ? document.ptr : "";
    return (struct jscan){text, text, text + document.len};
}

int jscan_error(const struct jscan *s, const char *at, struct error *err, const char *format, ...)
{
    size_t line = 1;
    const char *start = s->begin;
    for (const char *nl; start < at && (nl = memchr(start, '\n', (size_t)(at - start))) != NULL;
         start = nl + 1)
        line++;
    va_list args;
    va_start(args, format);
    error_setv(err, ERR_DATA, format, args);
    va_end(args);
    return error_context(err, "line %zu, column %zu", line, (size_t)(at - start) + 1);
}

void jscan_space(struct jscan *s)
{
    const char *p = s->p;
    while (p < s->end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    s->p = p;
}

static bool is_digit(const struct jscan *s, const char *p)
{
    return p < s->end && *p >= '0' && *p <= '9';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* ---- strings ------------------------------------------------------------------------------- */

/* The first quote, backslash or control character. */
static const char *string_stop(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i slash = _mm_set1_epi8('\\');
    const __m128i limit = _mm_set1_epi8(0x1F);
    for (; end - p >= 16; p += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash));
        stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_min_epu8(x, limit), x));
        int mask = _mm_movemask_epi8(stop);
        if (mask != 0)
            return p + __builtin_ctz((unsigned)mask);
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
        p++;
    return p;
}

static int skip_escape(struct jscan *s, struct error *err)
{
    const char *p = s->p + 1;
    if (p < s->end && *p == 'u') {
        for (int i = 1; i <= 4; i++)
            if (p + i >= s->end || hex_digit(p[i]) < 0)
                return jscan_error(s, s->p, err, "expected four hex digits after \\u");
        s->p = p + 5;
        return 0;
    }
    if (p >= s->end || *p == '\0' || !strchr("\"\\/bfnrt", *p))
        return jscan_error(s, s->p, err, "not an escape of JSON");
    s->p = p + 1;
    return 0;
}

int jscan_string(struct jscan *s, struct span *ret_text, bool *ret_escaped, struct error *err)
{
    const char *open = s->p;
    bool escaped = false;
    if (s->p >= s->end || *s->p != '"')
        return jscan_error(s, s->p, err, "expected a string");
    s->p++;
    for (;;) {
        s->p = string_stop(s->p, s->end);
        if (s->p == s->end)
            return jscan_error(s, open, err, "a string that does not end");
        if (*s->p == '"')
            break;
        if (*s->p != '\\')
            return jscan_error(s, s->p, err, "an unescaped control character in a string");
        escaped = true;
        TRY(skip_escape(s, err));
    }
    *ret_text = (struct span){open + 1, (size_t)(s->p - open - 1)};
    *ret_escaped = escaped;
    s->p++;
    return 0;
}

static unsigned hex4(const char *p)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++)
        value = value << 4 | (unsigned)hex_digit(p[i]);
    return value;
}

static size_t put_utf8(unsigned code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* Decodes the escape at p (known to be well-formed); returns its length in the source, 0 for what
 * no text can hold: a NUL, or half of a surrogate pair. */
static size_t decode_escape(const char *p, const char *end, char out[4], size_t *ret_made)
{
    static const char FROM[] = "\"\\/bfnrt";
    static const char TO[] = "\"\\/\b\f\n\r\t";
    if (p[1] != 'u') {
        const char *at = memchr(FROM, p[1], sizeof(FROM) - 1);
        out[0] = at ? TO[at - FROM] : p[1];
        *ret_made = 1;
        return 2;
    }
    unsigned code = hex4(p + 2);
    size_t used = 6;
    if (code >= 0xD800 && code <= 0xDBFF && end - p >= 12 && p[6] == '\\' && p[7] == 'u') {
        unsigned low = hex4(p + 8);
        if (low < 0xDC00 || low > 0xDFFF)
            return 0;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        used = 12;
    } else if (code == 0 || (code >= 0xD800 && code <= 0xDFFF)) {
        return 0;
    }
    *ret_made = put_utf8(code, out);
    return used;
}

int jscan_unescape(const struct jscan *s, struct span text, struct strbuf *out, struct error *err)
{
    const char *p = text.ptr;
    const char *end = text.ptr + text.len;
    if (!strbuf_reserve(out, text.len))
        return error_set(err, ERR_LIMIT, "a string of %zu bytes exceeds the limit", text.len);
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        const char *stop = slash ? slash : end;
        strbuf_add(out, p, (size_t)(stop - p));
        p = stop;
        if (!slash)
            break;
        char made[4];
        size_t n = 0;
        size_t used = decode_escape(p, end, made, &n);
        if (used == 0)
            return jscan_error(s, p, err, "%.6s is no character of a text", p);
        strbuf_add(out, made, n);
        p += used;
    }
    return 0;
}

bool jscan_key_is(struct span key, bool escaped, struct span wanted)
{
    if (!escaped)
        return key.len == wanted.len && memcmp(key.ptr, wanted.ptr, key.len) == 0;
    const char *p = key.ptr;
    const char *end = key.ptr + key.len;
    size_t at = 0;
    while (p < end) {
        char made[4] = {*p};
        size_t n = 1;
        size_t used = *p == '\\' ? decode_escape(p, end, made, &n) : 1;
        if (used == 0 || wanted.len - at < n || memcmp(wanted.ptr + at, made, n) != 0)
            return false;
        p += used;
        at += n;
    }
    return at == wanted.len;
}

/* ---- values -------------------------------------------------------------------------------- */

static int skip_number(struct jscan *s, struct error *err)
{
    const char *p = s->p;
    p += *p == '-' ? 1 : 0;
    if (!is_digit(s, p))
        return jscan_error(s, s->p, err, "expected a digit");
    if (*p == '0' && is_digit(s, p + 1))
        return jscan_error(s, s->p, err, "a number with a leading zero");
    while (is_digit(s, p))
        p++;
    if (p < s->end && *p == '.') {
        if (!is_digit(s, ++p))
            return jscan_error(s, p, err, "expected a digit after the point");
        while (is_digit(s, p))
            p++;
    }
    if (p < s->end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < s->end && (*p == '+' || *p == '-') ? 1 : 0;
        if (!is_digit(s, p))
            return jscan_error(s, p, err, "expected a digit in the exponent");
        while (is_digit(s, p))
            p++;
    }
    s->p = p;
    return 0;
}

static int skip_word(struct jscan *s, const char *word, size_t n, struct error *err)
{
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
        return jscan_error(s, s->p, err, "expected a value");
    s->p += n;
    return 0;
}

int jscan_key(struct jscan *s, bool first, struct span *ret_key, bool *ret_escaped, bool *ret_end,
              struct error *err)
{
    jscan_space(s);
    bool closes = s->p < s->end && *s->p == '}';
    if (closes) {
        s->p++;
        *ret_end = true;
        return 0;
    }
    if (!first) {
        if (s->p >= s->end || *s->p != ',')
            return jscan_error(s, s->p, err, "expected ',' or '}'");
        s->p++;
        jscan_space(s);
    }
    if (s->p >= s->end || *s->p != '"')
        return jscan_error(s, s->p, err,
                           first ? MESSAGE("expected a key or '}'") : MESSAGE("expected a key"));
    TRY(jscan_string(s, ret_key, ret_escaped, err));
    jscan_space(s);
    if (s->p >= s->end || *s->p != ':')
        return jscan_error(s, s->p, err, "expected ':'");
    s->p++;
    jscan_space(s);
    *ret_end = false;
    return 0;
}

int jscan_element(struct jscan *s, bool first, bool *ret_end, struct error *err)
{
    jscan_space(s);
    if (s->p < s->end && *s->p == ']') {
        s->p++;
        *ret_end = true;
        return 0;
    }
    if (!first) {
        if (s->p >= s->end || *s->p != ',')
            return jscan_error(s, s->p, err, "expected ',' or ']'");
        s->p++;
        jscan_space(s);
    }
    *ret_end = false;
    return 0;
}

static int skip_object(struct jscan *s, int depth, struct error *err)
{
    s->p++;
    for (bool first = true;; first = false) {
        struct span key;
        bool escaped;
        bool end = false;
        TRY(jscan_key(s, first, &key, &escaped, &end, err));
        if (end)
            return 0;
        TRY(jscan_value(s, depth + 1, err));
    }
}

static int skip_array(struct jscan *s, int depth, struct error *err)
{
    s->p++;
    for (bool first = true;; first = false) {
        bool end = false;
        TRY(jscan_element(s, first, &end, err));
        if (end)
            return 0;
        TRY(jscan_value(s, depth + 1, err));
    }
}

int jscan_value(struct jscan *s, int depth, struct error *err)
{
    struct span text;
    bool escaped;
    if (s->p >= s->end)
        return jscan_error(s, s->p, err, "expected a value, not the end");
    switch (*s->p) {
    case '"': return jscan_string(s, &text, &escaped, err);
    case 't': return skip_word(s, "true", 4, err);
    case 'f': return skip_word(s, "false", 5, err);
    case 'n': return skip_word(s, "null", 4, err);
    case '{':
    case '[':
        if (depth >= JPULL_DEPTH_MAX)
            return jscan_error(s, s->p, err, "nested deeper than %d levels", JPULL_DEPTH_MAX);
        return *s->p == '{' ? skip_object(s, depth, err) : skip_array(s, depth, err);
    default:
        if (*s->p == '-' || is_digit(s, s->p))
            return skip_number(s, err);
        return jscan_error(s, s->p, err, "expected a value");
    }
}

int jscan_finish(struct jscan *s, struct error *err)
{
    jscan_space(s);
    if (s->p < s->end)
        return jscan_error(s, s->p, err, "something after the end of the value");
    return 0;
}
