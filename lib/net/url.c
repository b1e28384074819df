#include "net/url.h"
#include "core/mem.h"
#include "net/http.h"
#include <curl/curl.h>
#include <stdlib.h>

struct url_parts {
    char *scheme, *host, *port, *user;
};

static char *url_part(CURLU *u, CURLUPart what, unsigned flags)
{
    char *text = NULL;

    if (curl_url_get(u, what, &text, flags) != CURLUE_OK)
        return NULL;
    char *copy = mem_strdup(text);
    curl_free(text);
    return copy;
}

static bool url_split(const char *url, struct url_parts *ret)
{
    CURLU *u = curl_url();
    bool ok = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK;

    *ret = (struct url_parts){0};
    if (ok) {
        ret->scheme = url_part(u, CURLUPART_SCHEME, 0);
        ret->host = url_part(u, CURLUPART_HOST, 0);
        ret->port = url_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
        ret->user = url_part(u, CURLUPART_USER, 0);
    }
    curl_url_cleanup(u);
    return ok && ret->scheme && ret->host && ret->port &&
           (strcmp(ret->scheme, "http") == 0 || strcmp(ret->scheme, "https") == 0);
}

static void url_parts_release(struct url_parts *p)
{
    free(p->scheme);
    free(p->host);
    free(p->port);
    free(p->user);
    *p = (struct url_parts){0};
}

int url_origin(const char *url, char **ret_origin, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct url_parts p;
    int code = 0;

    strbuf_init(&text, 0);
    if (!url_split(url, &p)) {
        url_shown(url, &text);
        code = error_set(err, ERR_CONFIG, "'%s' is not an http or https URL", text.data);
    } else if (p.user) {
        code = error_set(err, ERR_CONFIG, "a URL of '%s' carries a user name", p.host);
        error_hint(err, "give user and password as settings, they would show in logs here");
    } else {
        strbuf_addf(&text, "%s://%s:%s", p.scheme, p.host, p.port);
        *ret_origin = strbuf_detach(&text, NULL);
    }
    url_parts_release(&p);
    return code;
}

char *url_host(const char *url)
{
    struct url_parts p;
    char *host = url_split(url, &p) ? mem_strdup(p.host) : NULL;

    url_parts_release(&p);
    return host;
}

void url_shown(const char *url, struct strbuf *out)
{
    const char *end = url + strcspn(url, "?#");
    const char *host = strstr(url, "://");
    const char *begin = url;

    if (host && host < end) {
        host += 3;
        size_t authority = strcspn(host, "/?#");
        const char *at = memrchr(host, '@', authority);
        strbuf_add(out, url, (size_t)(host - url));
        begin = at ? at + 1 : host;
    }
    strbuf_add(out, begin, (size_t)(end - begin));
}

bool url_may_follow(const char *from, const char *to)
{
    struct url_parts a, b;
    bool both = url_split(from, &a);
    both = url_split(to, &b) && both;
    bool ok = false;

    if (both && strcasecmp(a.host, b.host) == 0) {
        bool same = strcmp(a.scheme, b.scheme) == 0 && strcmp(a.port, b.port) == 0;
        bool upgrade = strcmp(a.scheme, "http") == 0 && strcmp(a.port, "80") == 0 &&
                       strcmp(b.scheme, "https") == 0 && strcmp(b.port, "443") == 0;
        ok = same || upgrade;
    }
    url_parts_release(&a);
    url_parts_release(&b);
    return ok;
}

int url_resolve(const char *base, const char *reference, char **ret_url, struct error *err)
{
    CURLU *u = curl_url();
    char *text = NULL;

    if (u && curl_url_set(u, CURLUPART_URL, base, 0) == CURLUE_OK &&
        curl_url_set(u, CURLUPART_URL, reference, 0) == CURLUE_OK)
        curl_url_get(u, CURLUPART_URL, &text, 0);
    curl_url_cleanup(u);
    if (!text)
        return error_set(err, ERR_REMOTE, "'%.200s' is not a URL", reference);
    *ret_url = mem_strdup(text);
    curl_free(text);
    return 0;
}

void url_encode(struct strbuf *out, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        bool plain = (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= 'a' && *p <= 'z') || strchr("-._~", *p) != NULL;
        if (plain) {
            strbuf_addch(out, (char)*p);
        } else {
            char escaped[3] = {'%', hex[*p >> 4], hex[*p & 15]};
            strbuf_add(out, escaped, sizeof(escaped));
        }
    }
}

void http_encode_param(struct strbuf *out, const char *key, const char *value, bool first)
{
    if (!first)
        strbuf_addch(out, '&');
    url_encode(out, key);
    strbuf_addch(out, '=');
    url_encode(out, value);
}
