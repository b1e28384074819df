/* lib/core/secret_forms.c - spellings of a secret; the passwords inside a DSN. */
#include "core/secret_forms.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define BASE64_INNER_MIN 8 /* shorter parts occur by chance */

/* ---- URL encoding and base64 --------------------------------------------------------------- */

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void url_encode(const char *value, size_t n, bool upper, bool form, struct strbuf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (is_unreserved(value[i])) {
            strbuf_addch(out, value[i]);
        } else if (form && value[i] == ' ') {
            strbuf_addch(out, '+');
        } else {
            strbuf_addf(out, upper ? "%%%02X" : "%%%02x", (unsigned)(unsigned char)value[i]);
        }
    }
}

static void base64_encode(const char *value, size_t n, bool url, struct strbuf *out)
{
    const char *letters = url ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                              : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t bits = 0;
        size_t have = n - i < 3 ? n - i : 3;
        for (size_t k = 0; k < 3; k++) {
            bits = bits << 8 | (k < have ? (unsigned char)value[i + k] : 0U);
        }
        for (size_t k = 0; k < 4; k++) {
            strbuf_addch(out, k <= have ? letters[bits >> (18 - 6 * k) & 63] : '=');
        }
    }
}

/* A secret that starts at byte `offset` of a group of three gives the same letters whatever stands
 * around it, apart from those it shares with its neighbours. */
static void base64_inner(const char *value, size_t n, size_t offset, bool url, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf padded = {0};
    AUTO_STRBUF struct strbuf letters = {0};
    strbuf_init(&padded, 0);
    strbuf_init(&letters, 0);
    strbuf_add(&padded, "\0\0", offset);
    strbuf_add(&padded, value, n);
    base64_encode(padded.data, padded.len, url, &letters);
    size_t first = (offset * 8 + 5) / 6;
    size_t end = padded.len * 8 / 6;
    if (end > first) {
        strbuf_add(out, letters.data + first, end - first);
    }
}

void secret_forms(const char *value, size_t n, void (*add)(const char *form, size_t n))
{
    AUTO_STRBUF struct strbuf form = {0};
    strbuf_init(&form, 0);
    add(value, n);
    for (int i = 0; i < 4; i++) {
        strbuf_clear(&form);
        url_encode(value, n, (i & 1) != 0, (i & 2) != 0, &form);
        add(form.data, form.len);
    }
    for (int url = 0; url < 2; url++) {
        strbuf_clear(&form);
        base64_encode(value, n, url != 0, &form);
        add(form.data, form.len);
        size_t padding = (3 - n % 3) % 3;
        add(form.data, form.len - padding);
        for (size_t offset = 0; offset < 3; offset++) {
            strbuf_clear(&form);
            base64_inner(value, n, offset, url != 0, &form);
            if (form.len >= BASE64_INNER_MIN) {
                add(form.data, form.len);
            }
        }
    }
}

/* ---- DSN ----------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static char *percent_decode(const char *s, size_t n)
{
    char *decoded = mem_alloc(n + 1);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        int high = s[i] == '%' && i + 2 < n ? hex_digit(s[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(s[i + 2]) : -1;
        if (low >= 0) {
            decoded[len++] = (char)(high * 16 + low);
            i += 2;
        } else {
            decoded[len++] = s[i];
        }
    }
    return decoded;
}

static bool is_password_key(const char *key, size_t n)
{
    return span_equal((struct span){key, n}, SPAN("password")) ||
           span_equal((struct span){key, n}, SPAN("sslpassword"));
}

static size_t dsn_add_url_part(const char *dsn, size_t start, size_t len, size_t count,
                               struct dsn_password *ret)
{
    if (len == 0 || count == DSN_PASSWORDS_MAX) {
        return count;
    }
    ret[count] = (struct dsn_password){start, len, percent_decode(dsn + start, len)};
    return count + 1;
}

static size_t dsn_url_passwords(const char *dsn, size_t after_scheme, struct dsn_password *ret)
{
    size_t count = 0;
    size_t query = after_scheme + strcspn(dsn + after_scheme, "?");
    /* The last @ counts, so that a password with an @ or a / that ought to have been encoded is
     * still hidden as a whole. */
    size_t at = query;
    while (at > after_scheme && dsn[at] != '@') {
        at--;
    }
    const char *colon = memchr(dsn + after_scheme, ':', at - after_scheme);
    if (dsn[at] == '@' && colon != NULL) {
        size_t start = (size_t)(colon - dsn) + 1;
        count = dsn_add_url_part(dsn, start, at - start, count, ret);
    }
    while (dsn[query] != '\0') {
        size_t key = query + 1;
        size_t key_len = strcspn(dsn + key, "=&");
        size_t value = key + key_len + (dsn[key + key_len] == '=' ? 1 : 0);
        size_t value_len = strcspn(dsn + value, "&");
        if (is_password_key(dsn + key, key_len)) {
            count = dsn_add_url_part(dsn, value, value_len, count, ret);
        }
        query = value + value_len;
    }
    return count;
}

/* Reads one value of key=value at s (libpq: '...' with \ escapes, or up to a blank); returns its
 * length in the text, the decoded value in *ret. */
static size_t dsn_keyword_value(const char *s, char **ret)
{
    char *decoded = mem_alloc(strlen(s) + 1);
    size_t len = 0;
    bool quoted = *s == '\'';
    size_t i = quoted ? 1 : 0;
    while (s[i] != '\0' && (quoted ? s[i] != '\'' : strchr(" \t\r\n\f\v", s[i]) == NULL)) {
        if (s[i] == '\\' && s[i + 1] != '\0') {
            i++;
        }
        decoded[len++] = s[i++];
    }
    *ret = decoded;
    return i + (quoted && s[i] == '\'' ? 1 : 0);
}

static size_t dsn_keyword_passwords(const char *dsn, struct dsn_password *ret)
{
    static const char blanks[] = " \t\r\n\f\v";
    size_t count = 0;
    size_t i = strspn(dsn, blanks);
    while (dsn[i] != '\0') {
        size_t key = i;
        size_t key_len = strcspn(dsn + key, "= \t\r\n\f\v");
        i = key + key_len;
        i += strspn(dsn + i, blanks);
        if (dsn[i] == '=') {
            i++;
            i += strspn(dsn + i, blanks);
            char *value = NULL;
            size_t len = dsn_keyword_value(dsn + i, &value);
            if (is_password_key(dsn + key, key_len) && *value != '\0' &&
                count < DSN_PASSWORDS_MAX) {
                ret[count++] = (struct dsn_password){i, len, value};
            } else {
                free(value);
            }
            i += len;
        }
        i += strspn(dsn + i, blanks);
    }
    return count;
}

size_t dsn_passwords(const char *dsn, struct dsn_password ret[DSN_PASSWORDS_MAX])
{
    const char *scheme = strstr(dsn, "://");
    size_t name = strspn(dsn, "abcdefghijklmnopqrstuvwxyz0123456789+-.");
    if (scheme != NULL && name > 0 && scheme == dsn + name) {
        return dsn_url_passwords(dsn, name + 3, ret);
    }
    return dsn_keyword_passwords(dsn, ret);
}
