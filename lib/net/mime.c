/* lib/net/mime.c - e-mail messages. */
#include "net/mime.h"
#include "format/encoding.h"
#include "net/digest.h"
#include <ctype.h>
#include <string.h>
#include <time.h>

#define LINE_MAX_CHARS  76
#define WORD_FRAME      12  /* =?UTF-8?B?...?= */
#define BODY_LINE_BYTES 57  /* 76 characters of base64 */
#define ADDRESS_MAX     254 /* RFC 5321 4.5.3.1.3, without the brackets */
#define REPLACEMENT     "\xEF\xBF\xBD"

/* ---- texts --------------------------------------------------------------------------------- */

static void add_valid(struct strbuf *out, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        uint64_t multibyte = 0;
        size_t good = utf8_valid_prefix(text, left, &multibyte);
        strbuf_add(out, text, good);
        if (good == left)
            return;
        strbuf_adds(out, REPLACEMENT);
        text += good + 1;
        left -= good + 1;
    }
}

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

static bool is_plain(const struct strbuf *text)
{
    for (size_t i = 0; i < text->len; i++)
        if ((unsigned char)text->data[i] >= 0x80)
            return false;
    return strstr(text->data, "=?") == NULL;
}

static size_t code_point_bytes(const char *p)
{
    size_t n = 1;
    while (((unsigned char)p[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* As many whole code points as fit into `room` bytes, at least one. */
static size_t piece_bytes(const char *text, size_t room)
{
    size_t n = code_point_bytes(text);
    while (text[n] != '\0' && n + code_point_bytes(text + n) <= room)
        n += code_point_bytes(text + n);
    return n;
}

/* The text after `column` characters of its line. */
static void add_words(struct strbuf *out, const char *text, size_t column)
{
    while (*text != '\0') {
        size_t room = column + WORD_FRAME + 4 < LINE_MAX_CHARS
                          ? (LINE_MAX_CHARS - WORD_FRAME - column) / 4 * 3
                          : 3;
        size_t n = piece_bytes(text, room);
        strbuf_adds(out, "=?UTF-8?B?");
        digest_encode(DIGEST_BASE64, (struct span){text, n}, out);
        strbuf_adds(out, "?=");
        text += n;
        if (*text != '\0')
            strbuf_adds(out, "\r\n ");
        column = 1;
    }
}

static void clean_header_text(struct strbuf *out, const char *text)
{
    add_valid(out, text);
    for (size_t i = 0; i < out->len; i++)
        if (is_control((unsigned char)out->data[i]))
            out->data[i] = ' ';
}

void mime_header_add(struct strbuf *out, const char *name, const char *text)
{
    AUTO_STRBUF struct strbuf clean = {0};
    size_t column = strlen(name) + 2;
    strbuf_init(&clean, 0);
    clean_header_text(&clean, text);
    strbuf_addf(out, "%s: ", name);
    if (is_plain(&clean) && column + clean.len <= LINE_MAX_CHARS)
        strbuf_adds(out, clean.data);
    else
        add_words(out, clean.data, column);
    strbuf_adds(out, "\r\n");
}

static void body_add(struct strbuf *out, const char *text)
{
    AUTO_STRBUF struct strbuf clean = {0}, lines = {0};
    strbuf_init(&clean, out->max);
    strbuf_init(&lines, out->max);
    add_valid(&clean, text);
    for (size_t i = 0; i < clean.len; i++) {
        if (clean.data[i] == '\r')
            continue;
        if (clean.data[i] == '\n')
            strbuf_addch(&lines, '\r');
        strbuf_addch(&lines, clean.data[i]);
    }
    for (size_t at = 0; at < lines.len; at += BODY_LINE_BYTES) {
        size_t left = lines.len - at;
        digest_encode(
            DIGEST_BASE64,
            (struct span){lines.data + at, left < BODY_LINE_BYTES ? left : BODY_LINE_BYTES}, out);
        strbuf_adds(out, "\r\n");
    }
}

/* ---- addresses ----------------------------------------------------------------------------- */

/* The forms in use, not all that RFC 5322 knows: no quotes, no comments, no blanks. */
static bool is_address(const char *text, size_t len)
{
    const char *at = memchr(text, '@', len);
    if (at == NULL || at == text || at + 1 == text + len || len > ADDRESS_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= 0x20 || c >= 0x7f || strchr("<>()[],;:\\\"", c) != NULL ||
            (c == '@' && text + i != at))
            return false;
    }
    return at[1] != '.' && at[1] != '-';
}

int mime_address_parse(struct arena *arena, const char *text, struct mime_address *ret,
                       struct error *err)
{
    const char *open = strchr(text, '<'), *address = open != NULL ? open + 1 : text;
    size_t len = strlen(address), name_len = open != NULL ? (size_t)(open - text) : 0;
    bool is_closed = open == NULL || (len > 0 && address[len - 1] == '>');
    if (open != NULL && is_closed)
        len--;
    while (name_len > 0 && text[name_len - 1] == ' ')
        name_len--;
    if (!is_closed || !is_address(address, len)) {
        error_set(err, ERR_CONFIG, "'%s' is not an e-mail address", text);
        return error_hint(err, "write shop@example.com, or 餐厅 <shop@example.com>");
    }
    ret->name = name_len > 0 ? arena_strndup(arena, text, name_len) : NULL;
    ret->address = arena_strndup(arena, address, len);
    return ERR_OK;
}

static void add_mailbox(struct strbuf *out, const struct mime_address *a, size_t column)
{
    AUTO_STRBUF struct strbuf name = {0};
    if (a->name == NULL) {
        strbuf_adds(out, a->address);
        return;
    }
    strbuf_init(&name, 0);
    clean_header_text(&name, a->name);
    add_words(out, name.data, column);
    strbuf_addf(out, "\r\n <%s>", a->address);
}

/* ---- messages ------------------------------------------------------------------------------ */

static void add_date(struct strbuf *out, int64_t date_s)
{
    static const char days[] = "SunMonTueWedThuFriSat",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t t = (time_t)date_s;
    struct tm tm;
    if (gmtime_r(&t, &tm) == NULL)
        return;
    strbuf_addf(out, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", days + (3 * tm.tm_wday),
                tm.tm_mday, months + (3 * tm.tm_mon), tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
                tm.tm_sec);
}

void mime_mail_add(struct strbuf *out, const struct mime_mail *mail)
{
    add_date(out, mail->date_s);
    strbuf_adds(out, "From: ");
    add_mailbox(out, &mail->from, 6);
    strbuf_adds(out, "\r\nTo: ");
    for (size_t i = 0; i < mail->to_count; i++) {
        strbuf_adds(out, i > 0 ? ",\r\n " : "");
        add_mailbox(out, &mail->to[i], i > 0 ? 1 : 4);
    }
    strbuf_adds(out, "\r\n");
    mime_header_add(out, "Subject", mail->subject);
    strbuf_addf(out, "Message-ID: <%s%s>\r\n", mail->id, strchr(mail->from.address, '@'));
    strbuf_adds(out, "Auto-Submitted: auto-generated\r\n"
                     "MIME-Version: 1.0\r\n"
                     "Content-Type: text/plain; charset=utf-8\r\n"
                     "Content-Transfer-Encoding: base64\r\n\r\n");
    body_add(out, mail->text);
}
