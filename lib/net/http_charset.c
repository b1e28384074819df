/* Answers in another character set than UTF-8: decoded as they come, by what their head states. */
#include "format/encoding.h"
#include "net/http_internal.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_good(const struct http_task *t)
{
    return t->response.status >= 200 && t->response.status <= 299;
}

static void charset_stop(struct http_task *t, enum error_code code, const char *hint)
{
    t->stopped = t->charset_text;
    t->stopped_code = code;
    t->stopped_hint = hint;
}

/* The charset of `application/json; charset="GBK"`, empty when it states none. */
static void charset_stated(const struct http_response *r, char *ret, size_t size)
{
    const char *type = http_response_header(r, "content-type");

    ret[0] = '\0';
    for (const char *at = type ? strchr(type, ';') : NULL; at; at = strchr(at, ';')) {
        at += 1 + strspn(at + 1, " \t");
        if (strncasecmp(at, "charset=", 8) != 0)
            continue;
        at += 8 + (at[8] == '"');
        snprintf(ret, size, "%.*s", (int)strcspn(at, "\"; \t"), at);
        return;
    }
}

/* A byte order mark says more than the head. What is unknown is looked at when all is there. */
static void charset_begin(struct http_task *t, const char *bytes, size_t n)
{
    struct encoding encoding;
    struct error ignored = ERROR_INIT;

    t->charset_is_read = true;
    t->charset_unknown = false;
    charset_stated(&t->response, t->charset, sizeof(t->charset));
    if (!t->charset[0] || (n >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0))
        return;
    t->charset_unknown = encoding_named(t->charset, &encoding, &ignored) != 0;
    if (t->charset_unknown || strcmp(encoding.name, "UTF-8") == 0)
        return;
    t->charset_unknown = decoder_new(&encoding, &t->decoder, &ignored) != 0;
}

/* Only the first fault counts, so that no list of them grows. */
static bool charset_decode(struct http_task *t, const char *bytes, size_t n, bool last)
{
    struct error why = ERROR_INIT;
    size_t faults = 0;

    int code = decoder_feed(t->decoder, bytes, n, last, &t->response.body, &why);
    const struct decode_fault *fault = decoder_faults(t->decoder, &faults);
    if (faults > 0 && t->charset_fault == 0)
        t->charset_fault = fault->input_offset + 1;
    decoder_clear_faults(t->decoder, faults);
    return code == 0 && !t->response.body.overflow;
}

bool http_charset_add(struct http_task *t, const char *bytes, size_t n)
{
    if (t->req->is_text && !t->charset_is_read)
        charset_begin(t, bytes, n);
    return t->decoder ? charset_decode(t, bytes, n, false)
                      : strbuf_add(&t->response.body, bytes, n);
}

static bool is_ascii(const struct strbuf *body)
{
    for (size_t i = 0; i < body->len; i++)
        if ((unsigned char)body->data[i] >= 0x80)
            return false;
    return true;
}

/* Of an answer that is an error anyway its status says more. */
void http_charset_end(struct http_task *t)
{
    struct strbuf *body = &t->response.body;

    if (t->decoder && !charset_decode(t, "", 0, true) && is_good(t)) {
        snprintf(t->charset_text, sizeof(t->charset_text), "%s",
                 message_text("the answer is over the limit"));
        charset_stop(t, ERR_LIMIT, NULL);
    } else if (t->charset_fault > 0 && is_good(t)) {
        snprintf(t->charset_text, sizeof(t->charset_text),
                 message_text("byte %llu of the answer is not %s, the charset that it states"),
                 (unsigned long long)t->charset_fault, t->charset);
        charset_stop(t, ERR_REMOTE, NULL);
    } else if (t->charset_unknown && is_good(t) && !is_ascii(body)) {
        snprintf(t->charset_text, sizeof(t->charset_text),
                 message_text("the answer is in a charset that is not known, '%s'"), t->charset);
        charset_stop(t, ERR_REMOTE,
                     message_text("known are UTF-8, GB18030 (GBK, GB2312) and the names "
                                  "of `iconv -l`"));
    }
    if (t->req->is_text && body->len >= 3 && memcmp(body->data, "\xEF\xBB\xBF", 3) == 0) {
        memmove(body->data, body->data + 3, body->len - 3);
        strbuf_truncate(body, body->len - 3);
    }
    http_charset_clear(t);
}

void http_charset_clear(struct http_task *t)
{
    decoder_free(t->decoder);
    t->decoder = NULL;
    t->charset_is_read = t->charset_unknown = false;
    t->charset_fault = 0;
}
