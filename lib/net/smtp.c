/* lib/net/smtp.c - e-mail through libcurl. */
#include "net/smtp.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct smtp {
    CURL *easy;
    char *url, *user, *password, *ca_file;
    bool plain;
    int64_t connect_timeout_ms, timeout_ms;
};

/* ---- the server's address ------------------------------------------------------------------ */

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

static bool part_is_empty(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    CURLUcode code = curl_url_get(u, part, &text, 0);
    bool is_empty = code != CURLUE_OK || *text == '\0' || strcmp(text, "/") == 0;
    curl_free(text);
    return is_empty;
}

static bool part_is(CURLU *u, CURLUPart part, bool (*test)(const char *text))
{
    char *text = NULL;
    bool is = curl_url_get(u, part, &text, 0) == CURLUE_OK && test(text);
    curl_free(text);
    return is;
}

static bool is_smtp_scheme(const char *text)
{
    return strcmp(text, "smtp") == 0 || strcmp(text, "smtps") == 0;
}

static int url_check(const struct smtp_options *o, struct error *err)
{
    CURLU *u = curl_url();
    bool is_good = u != NULL && curl_url_set(u, CURLUPART_URL, o->url, 0) == CURLUE_OK &&
                   part_is(u, CURLUPART_SCHEME, is_smtp_scheme) &&
                   part_is_empty(u, CURLUPART_USER) && part_is_empty(u, CURLUPART_PASSWORD) &&
                   part_is_empty(u, CURLUPART_PATH) && part_is_empty(u, CURLUPART_QUERY);
    bool is_here = is_good && part_is(u, CURLUPART_HOST, is_loopback);
    curl_url_cleanup(u);
    if (!is_good) {
        error_set(err, ERR_CONFIG, "the address of the mail server is not smtp:// or smtps://");
        return error_hint(err, "write smtps://HOST:465, or smtp://HOST:587 for STARTTLS; user and "
                               "password are settings of their own");
    }
    if (o->plain && o->user != NULL && !is_here) {
        error_set(err, ERR_CONFIG,
                  "the login at the mail server would go over the net unprotected");
        return error_hint(err, "leave out notify.smtp_plain, or the user");
    }
    return ERR_OK;
}

int smtp_new(const struct smtp_options *options, struct smtp **ret, struct error *err)
{
    TRY(url_check(options, err));
    struct smtp *s = mem_alloc(sizeof *s);
    *s = (struct smtp){.url = mem_strdup(options->url),
                       .user = mem_strdup(options->user),
                       .password = mem_strdup(options->password),
                       .ca_file = mem_strdup(options->ca_file),
                       .plain = options->plain,
                       .connect_timeout_ms = options->connect_timeout_ms,
                       .timeout_ms = options->timeout_ms};
    s->easy = curl_easy_init();
    if (s->easy == NULL) {
        smtp_free(s);
        return error_set(err, ERR_FAILED, "libcurl gave no handle");
    }
    *ret = s;
    return ERR_OK;
}

void smtp_free(struct smtp *s)
{
    if (s == NULL)
        return;
    curl_easy_cleanup(s->easy);
    if (s->password != NULL)
        explicit_bzero(s->password, strlen(s->password));
    free(s->url);
    free(s->user);
    free(s->password);
    free(s->ca_file);
    free(s);
}

/* ---- one message --------------------------------------------------------------------------- */

struct upload {
    struct span left;
    bool is_over; /* libcurl has seen its end: from here on the server may have all of it */
};

static size_t on_read(char *buffer, size_t size, size_t n, void *self)
{
    struct upload *u = self;
    size_t room = size * n, take = u->left.len < room ? u->left.len : room;
    memcpy(buffer, u->left.ptr, take);
    u->left.ptr += take;
    u->left.len -= take;
    /* With the last bytes, not only after them: how soon the end is asked for is libcurl's. */
    u->is_over = u->left.len == 0;
    return take;
}

static void setup(struct smtp *s, struct upload *u, char *text)
{
    CURL *e = s->easy;
    curl_easy_reset(e); /* keeps the connection */
    curl_easy_setopt(e, CURLOPT_URL, s->url);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(e, CURLOPT_USE_SSL, (long)(s->plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    if (s->ca_file != NULL)
        curl_easy_setopt(e, CURLOPT_CAINFO, s->ca_file);
    if (s->user != NULL) {
        curl_easy_setopt(e, CURLOPT_USERNAME, s->user);
        curl_easy_setopt(e, CURLOPT_PASSWORD, s->password != NULL ? s->password : "");
    }
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)s->connect_timeout_ms);
    curl_easy_setopt(e, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(s->timeout_ms / 1000 + 1));
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)s->timeout_ms);
    curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(e, CURLOPT_READDATA, u);
    curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)u->left.len);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, text);
}

/* The last answer's class decides, when there was one about this message. */
static enum smtp_outcome outcome_of(CURLcode result, long answer, bool is_over)
{
    if (result == CURLE_OK)
        return SMTP_ACCEPTED;
    if (is_over && answer < 400)
        return SMTP_UNKNOWN;
    bool is_about_it = is_over || result == CURLE_SEND_ERROR; /* so libcurl tells of MAIL, RCPT */
    return answer >= 500 && is_about_it ? SMTP_REFUSED : SMTP_LATER;
}

static enum error_code code_of(CURLcode result, enum smtp_outcome outcome)
{
    if (outcome == SMTP_REFUSED)
        return ERR_REMOTE;
    return result == CURLE_LOGIN_DENIED ? ERR_AUTH : ERR_UNAVAILABLE;
}

static int explain(const struct smtp *s, CURLcode result, enum smtp_outcome outcome,
                   const char *text, long answer, struct error *err)
{
    if (*text == '\0')
        text = curl_easy_strerror(result);
    int len = (int)strcspn(text, "\r\n");
    if (outcome == SMTP_UNKNOWN)
        return error_set(err, ERR_UNAVAILABLE,
                         "%s: the whole message was sent, and no answer came: %.*s", s->url, len,
                         text);
    if (outcome == SMTP_REFUSED)
        return error_set(err, ERR_REMOTE, "%s: refused with %ld: %.*s", s->url, answer, len, text);
    if (answer >= 400)
        error_set(err, code_of(result, outcome), "%s: answered %ld: %.*s", s->url, answer, len,
                  text);
    else
        error_set(err, code_of(result, outcome), "%s: %.*s", s->url, len, text);
    if (result == CURLE_USE_SSL_FAILED)
        error_hint(err, "the server offers no TLS; notify.smtp_plain sends without");
    return (int)err->code;
}

int smtp_send(struct smtp *s, const char *from, const char *const *to, size_t to_count,
              struct span message, enum smtp_outcome *ret, struct error *err)
{
    struct upload upload = {.left = message};
    struct curl_slist *list = NULL;
    char text[CURL_ERROR_SIZE] = "", sender[320];
    long answer = 0;
    *ret = SMTP_LATER;
    for (size_t i = 0; i < to_count; i++) {
        struct curl_slist *longer = curl_slist_append(list, to[i]);
        if (longer == NULL) {
            curl_slist_free_all(list);
            return error_set(err, ERR_FAILED, "out of memory");
        }
        list = longer;
    }
    setup(s, &upload, text);
    (void)snprintf(sender, sizeof sender, "<%s>", from);
    curl_easy_setopt(s->easy, CURLOPT_MAIL_FROM, sender);
    curl_easy_setopt(s->easy, CURLOPT_MAIL_RCPT, list);
    CURLcode result = curl_easy_perform(s->easy);
    curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &answer);
    curl_easy_reset(s->easy); /* nothing of this call is pointed at any more */
    curl_slist_free_all(list);
    *ret = outcome_of(result, answer, upload.is_over);
    return result == CURLE_OK ? ERR_OK : explain(s, result, *ret, text, answer, err);
}
