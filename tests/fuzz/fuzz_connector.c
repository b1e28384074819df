/* What comes from outside into lib/net by text: connector files, Link headers, Retry-After, URLs.
 */
#include "format/ynode.h"
#include "net/connector_internal.h"
#include "net/retry.h"
#include "net/url.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void fuzz_file(const char *text, size_t n)
{
    struct arena *arena = arena_new();
    struct error err = ERROR_INIT;
    struct diagnostics d;
    struct ynode *root = NULL;

    if (ynode_parse(text, n, "fuzz.yaml", arena, &root, &err) == 0) {
        diagnostics_init(&d, arena);
        connector_lint(root, arena, &d);
    }
    arena_free(arena);
}

static void fuzz_texts(const char *text)
{
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;
    char *url = NULL;

    struct span next = link_next(text);
    if (next.ptr && (next.ptr < text || next.ptr + next.len > text + strlen(text)))
        abort();
    if (retry_after_ms(text, INT64_C(1792512000000000)) < 0)
        abort();
    strbuf_init(&out, 0);
    url_shown(text, &out);
    strbuf_clear(&out);
    http_encode_param(&out, text, text, false);
    if (url_resolve("http://h/a/b?c", text, &url, &err) == 0) {
        /* What may be followed is at the host, however it is spelt. */
        if (url_may_follow("http://h/", url) && strncasecmp(url, "http", 4) != 0)
            abort();
        free(url);
    }
    url = NULL;
    if (url_origin(text, &url, &err) == 0)
        free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char *text = mem_strndup((const char *)bytes, n);

    fuzz_file(text, n);
    fuzz_texts(text);
    free(text);
    return 0;
}
