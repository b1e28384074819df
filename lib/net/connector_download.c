/* Answers that are files: fetched whole into a nameless temporary file, held against what the
 * system says of them, and only then given to who reads them. */
#include "core/fileio.h"
#include "core/log.h"
#include "format/archive.h"
#include "net/connector_internal.h"
#include "net/digest.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

bool connector_gives_file(const struct connector *c, const char *resource)
{
    struct error ignored = ERROR_INIT;
    const struct resource_spec *r = connector_resource(c, resource, &ignored);

    if (r && r->job && r->job->download[0] != '/')
        r = connector_resource(c, r->job->download, &ignored);
    return r && r->format == RESOURCE_FILE;
}

struct download {
    struct connector *c;
    const char *name; /* of the resource asked for */
    struct job_result job;
    struct arena *arena;
    struct http_sink sink;
};

static int download_error(const struct download *d, struct error *err)
{
    return error_context(err, "download '%s' of connector '%s'", d->name, d->c->name);
}

/* ---- hashes ---------------------------------------------------------------------------------- */

/* Of the file itself, or of what is packed in it. */
static int hash_compute(const struct download *d, const struct file_hash_spec *hash,
                        struct digest *ret, struct error *err)
{
    bool is_unpacked = hash->of != FILE_HASH_FILE;
    char magic[ARCHIVE_MAGIC_BYTES];
    ssize_t n = pread(d->sink.fd, magic, sizeof(magic), 0);

    if (is_unpacked && archive_kind_of(magic, n > 0 ? (size_t)n : 0) == ARCHIVE_ZIP) {
        error_set(err, ERR_SPEC, "its hash is of the content, and it is a zip");
        return error_hint(err, "a zip has checksums of its own: leave 'hash' out");
    }
    return digest_file(d->sink.fd, is_unpacked, (enum digest_algorithm)hash->algorithm, ret, err);
}

/* "SHA=..." and "sha-256=:...:" as headers write it: what stands behind the name. */
static const char *hash_value(const char *text, struct arena *arena)
{
    const char *equals = strchr(text, '=');

    if (!equals || equals[1] == '=' || equals[1] == '\0') /* none, or the padding of base64 */
        return text;
    text = equals + 1;
    size_t n = strlen(text);
    bool is_wrapped = n > 2 && text[0] == ':' && text[n - 1] == ':';
    return is_wrapped ? arena_strndup(arena, text + 1, n - 2) : text;
}

static int hash_check(const struct download *d, const struct file_hash_spec *hash,
                      const char *stated, struct error *err)
{
    AUTO_STRBUF struct strbuf hex = {0}, base64 = {0};
    struct digest found;

    TRY(hash_compute(d, hash, &found, err));
    const struct span bytes = {(const char *)found.bytes, found.len};
    stated = hash_value(stated, d->arena);
    strbuf_init(&hex, 0);
    strbuf_init(&base64, 0);
    digest_encode(DIGEST_HEX, bytes, &hex);
    digest_encode(DIGEST_BASE64, bytes, &base64);
    if (strcasecmp(hex.data, stated) == 0 || strcmp(base64.data, stated) == 0)
        return 0;
    error_set(err, ERR_REMOTE, "its %s is %s, and the system says %.128s",
              sign_algorithms[hash->algorithm + 1], hex.data, stated);
    return error_hint(err, "nothing of it was read; 'file.hash' of the resource says where the "
                           "hash stands and what it is of");
}

/* ---- fetching -------------------------------------------------------------------------------- */

/* Where a file should be, a page for people or an XML error is none. */
static int answer_check(const struct outgoing *r, const struct http_response *response,
                        struct error *err)
{
    const char *p = response->body.data;

    if (!p)
        return 0;
    if (strncmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    p += strspn(p, " \t\r\n");
    if (*p != '<')
        return 0;
    http_response_fail(&r->http, response, ERR_REMOTE, NULL, err);
    return error_hint(err, "HTML or XML came where a file was expected");
}

static const char *hash_stated(const struct download *d, const struct file_hash_spec *hash,
                               const struct http_response *response, struct error *err)
{
    AUTOFREE char *name = NULL;

    if (hash->from[0] == '/')
        return d->job.hash;
    name = mem_strdup(hash->from + strlen("header:"));
    for (char *p = name; *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
    const char *value = http_response_header(response, name);
    if (!value)
        error_set(err, ERR_REMOTE, "its answer has no header '%s' with its hash", name);
    return value;
}

static int answer_take(const struct download *d, const struct outgoing *r,
                       const struct http_response *response, struct error *err)
{
    const struct file_hash_spec *hash = d->job.resource->file.hash;
    const char *stated;

    TRY(answer_check(r, response, err));
    if (!hash)
        return 0;
    stated = hash_stated(d, hash, response, err);
    return stated ? hash_check(d, hash, stated, err) : (int)err->code;
}

static int request_build(struct download *d, struct outgoing *r, struct error *err)
{
    const struct outgoing_values values = {.params = d->job.params, .nparams = d->job.nparams};

    if (d->job.url)
        outgoing_download(r, d->job.url, d->job.is_foreign);
    else
        TRY(outgoing_build(r, &values, (struct span){0}, err));
    r->http.sink = &d->sink;
    r->http.timeout_ms = d->job.resource->file.timeout_ms;
    return 0;
}

static int fetch(struct download *d, bool *ret_ignored, struct error *err)
{
    struct outgoing r = {.arena = d->arena, .c = d->c, .resource = d->job.resource};
    struct http_response response = {0};

    TRY(request_build(d, &r, err));
    TRY(outgoing_send(&r, &response, ret_ignored, err));
    int code = *ret_ignored ? 0 : answer_take(d, &r, &response, err);
    http_response_release(&response);
    return code;
}

static int order(struct download *d, const struct connector_param *params, size_t nparams,
                 struct error *err)
{
    const struct resource_spec *r = connector_resource(d->c, d->name, err);

    if (!r)
        return (int)err->code;
    if (!connector_gives_file(d->c, d->name)) {
        error_set(err, ERR_SPEC, "it gives records, not a file");
        return error_hint(err, "leave 'format' and what goes with it out of the source, or say "
                               "format: file  in the connector");
    }
    if (d->c->tape) {
        error_set(err, ERR_SPEC, "a file is neither recorded nor played back");
        return error_hint(err, "give the test a file:  given: { file: ... }");
    }
    if (r->job)
        return job_run(d->c, d->name, r, params, nparams, d->arena, &d->job, err);
    d->job = (struct job_result){.resource = r, .nparams = nparams};
    d->job.params = arena_array(d->arena, nparams + 1, sizeof(*d->job.params));
    if (nparams > 0)
        memcpy(d->job.params, params, nparams * sizeof(*params));
    return 0;
}

static int download(struct download *d, struct connector_file *ret, struct error *err)
{
    bool ignored = d->job.is_nothing;
    int code = 0;

    if (!d->job.resource)
        return error_set(err, ERR_BUG, "nothing was ordered");
    d->sink.max_bytes = (uint64_t)d->job.resource->file.max_bytes;
    if (!ignored)
        TRY(file_open_unnamed(&d->sink.fd, err));
    if (!ignored)
        code = fetch(d, &ignored, err);
    if (code == 0 && !ignored && lseek(d->sink.fd, 0, SEEK_SET) != 0)
        code = error_set(err, ERR_IO, "cannot read a temporary file");
    if ((code != 0 || ignored) && d->sink.fd >= 0) {
        close(d->sink.fd);
        d->sink.fd = -1;
    }
    TRY(code);
    log_event(LOG_DEBUG, LOG_FIELDS(LOG_STR("connector", d->c->name)),
              "download '%s': %" PRIu64 " bytes", d->name, d->sink.bytes);
    *ret = (struct connector_file){.fd = d->sink.fd, .bytes = d->sink.bytes};
    return 0;
}

int connector_download(struct connector *c, const char *resource,
                       const struct connector_param *params, size_t nparams,
                       struct connector_file *ret, struct error *err)
{
    struct download d = {.c = c, .name = resource, .arena = arena_new(), .sink = {.fd = -1}};
    int code = order(&d, params, nparams, err);

    if (code == 0)
        code = download(&d, ret, err);
    arena_free(d.arena);
    return code == 0 ? 0 : download_error(&d, err);
}
