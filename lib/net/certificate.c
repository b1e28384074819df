#include "net/certificate.h"
#include "core/fileio.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

#define FILE_BYTES_MAX ((size_t)16 << 20)
#define URL_BYTES_MAX  ((size_t)8 << 10)

static int64_t ends_s_of(const X509 *certificate)
{
    struct tm tm;
    bool is_read = ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) == 1;
    return is_read ? (int64_t)timegm(&tm) : 0;
}

/* ---- a host --------------------------------------------------------------------------------- */

struct address {
    struct span scheme, authority; /* without a user */
    const char *port;              /* where the authority says none; NULL: the scheme's own */
};

/* Of the broker curl knows nothing but that it listens: its scheme stands for TCP, or TLS. */
static struct address address_of(const char *url)
{
    struct address a = {.scheme = {"http", 4}};
    const char *start = strstr(url, "://");
    size_t n = start != NULL ? (size_t)(start - url) : 0;
    start = start != NULL ? start + 3 : url;
    size_t end = strcspn(start, "/?#");
    const char *at = memrchr(start, '@', end);
    const char *host = at != NULL ? at + 1 : start;
    a.authority = (struct span){host, (size_t)(start + end - host)};
    bool is_broker = n >= 4 && strncmp(url, "amqp", 4) == 0;
    bool has_port = memchr(host, ':', a.authority.len) != NULL &&
                    (*host != '[' || host[a.authority.len - 1] != ']');
    if (is_broker && !has_port)
        a.port = n == 5 ? "5671" : "5672";
    if (is_broker && n == 5)
        a.scheme = (struct span){"https", 5};
    else if (!is_broker && n > 0)
        a.scheme = (struct span){url, n};
    return a;
}

void certificate_host_name(const char *url, char *ret, size_t size)
{
    struct address a = address_of(url);
    snprintf(ret, size, "%.*s%s%s", (int)a.authority.len, a.authority.ptr, a.port ? ":" : "",
             a.port ? a.port : "");
}

/* The first certificate of the chain is the host's own. */
static int64_t ends_s_of_peer(CURL *easy)
{
    struct curl_certinfo *chain = NULL;
    int64_t ends_s = 0;
    if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == NULL ||
        chain->num_of_certs < 1)
        return 0;
    for (const struct curl_slist *l = chain->certinfo[0]; l != NULL; l = l->next) {
        if (strncmp(l->data, "Cert:", 5) != 0)
            continue;
        BIO *bio = BIO_new_mem_buf(l->data + 5, -1);
        X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        ends_s = certificate != NULL ? ends_s_of(certificate) : 0;
        X509_free(certificate);
        BIO_free(bio);
    }
    return ends_s;
}

static int fail(const char *host, CURLcode code, const char *text, struct error *err)
{
    error_set(err, ERR_UNAVAILABLE, "'%s' does not answer: %s", host,
              *text ? text : curl_easy_strerror(code));
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR)
        return error_hint(err, "its certificate must be valid for this host and its authority "
                               "trusted");
    return err->code;
}

int certificate_of_host(const char *url, bool is_plain, const char *ca_file, int64_t timeout_ms,
                        struct certificate_host *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf target = {0};
    struct address a = address_of(url);
    char host[256], text[CURL_ERROR_SIZE] = "";
    certificate_host_name(url, host, sizeof host);
    strbuf_init(&target, URL_BYTES_MAX);
    strbuf_addf(&target, "%.*s://%s/", (int)a.scheme.len, a.scheme.ptr, host);
    CURL *easy = a.authority.len > 0 ? curl_easy_init() : NULL;
    if (easy == NULL)
        return error_set(err, ERR_CONFIG, "'%s' is no address", host);
    curl_easy_setopt(easy, CURLOPT_URL, target.data);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https,smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
    curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)(is_plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, text);
    if (ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
    CURLcode code = curl_easy_perform(easy);
    int64_t ends_s = code == CURLE_OK ? ends_s_of_peer(easy) : 0;
    curl_easy_cleanup(easy);
    if (code != CURLE_OK)
        return fail(host, code, text, err);
    *ret = (struct certificate_host){.has_tls = ends_s != 0, .ends_s = ends_s};
    return ERR_OK;
}

/* ---- a file --------------------------------------------------------------------------------- */

int certificate_of_file(const char *path, struct certificate_file *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct certificate_file found = {0};
    strbuf_init(&text, FILE_BYTES_MAX);
    TRY(file_read(path, FILE_BYTES_MAX, &text, err));
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
    for (X509 *c; (c = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL; X509_free(c)) {
        int64_t ends_s = ends_s_of(c);
        found.ends_s = ends_s > found.ends_s ? ends_s : found.ends_s;
        found.count++;
    }
    ERR_clear_error(); /* its end is one to the library */
    BIO_free(bio);
    if (found.count == 0)
        return error_set(err, ERR_DATA, "'%s' holds no certificates that can be read", path);
    *ret = found;
    return ERR_OK;
}
