/* Answers that claim to be signed: heads and bodies of any bytes. One is believed exactly when its
 * header holds the keyed hash of its body; and what was encoded decodes again. */
#include "format/ynode.h"
#include "net/connector_internal.h"
#include "net/connector_look.h"
#include "net/digest.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char yaml[] =
    "version: 1\n"
    "base_url: http://h/v1\n"
    "secrets: { key: literal:fuzz-secret }\n"
    "verify: { algorithm: hmac_sha256, key: '${key}', text: '${body}', encoding: base64,\n"
    "          signature: '${header:X-Signature}' }\n"
    "resources:\n"
    "  header: { path: /h }\n"
    "  members:\n"
    "    path: /m\n"
    "    verify: { algorithm: md5, text: '${params}${key}', signature: '${body:/sign}',\n"
    "              params: { from: body, exclude: [sign] } }\n";

static void check(bool good)
{
    if (!good)
        abort();
}

static void connector_make(struct connector *c)
{
    struct error err = ERROR_INIT;
    struct diagnostics d;
    struct ynode *root = NULL;

    *c = (struct connector){.arena = arena_new(), .name = "fuzz", .base_url = "http://h/v1"};
    diagnostics_init(&d, c->arena);
    check(ynode_parse(yaml, strlen(yaml), "fuzz.yaml", c->arena, &root, &err) == 0);
    bind_yaml(&connector_fields, root, &c->spec, c->arena, &d);
    connector_spec_check(&c->spec, root, &d);
    check(d.errors == 0);
}

static void fuzz_digest(struct span text)
{
    static const enum digest_encoding encodings[] = {DIGEST_HEX, DIGEST_HEX_UPPER, DIGEST_BASE64,
                                                     DIGEST_BASE64URL};
    for (size_t i = 0; i < 4; i++) {
        AUTO_STRBUF struct strbuf out = {0};
        struct digest d = {0};
        strbuf_init(&out, 0);
        (void)digest_decode(encodings[i], text, &d);
        if (text.len > sizeof(d.bytes))
            continue;
        digest_encode(encodings[i], text, &out);
        check(digest_decode(encodings[i], (struct span){out.data, out.len}, &d));
        check(d.len == text.len && (d.len == 0 || memcmp(d.bytes, text.ptr, d.len) == 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct connector c;
    struct connector_signature s;
    struct error err = ERROR_INIT;
    const struct span text = {(const char *)bytes, n};
    const struct connector_moment now = {.at_us = 1};

    fuzz_digest(text);
    connector_make(&c);
    struct arena *arena = arena_new();
    if (connector_verify(&c, "header", NULL, 0, text, &now, arena, &s, &err) == 0) {
        struct digest own, stated;
        const char *body = NULL;
        for (size_t i = 0; i < s.npieces; i++)
            if (strcmp(s.pieces[i].name, "body") == 0)
                body = s.pieces[i].value;
        check(body && digest_decode(DIGEST_BASE64, span_of(s.signature), &stated));
        if (!memchr(bytes, '\0', n) && !strstr(body, "****"))
            check(digest_compute(DIGEST_HMAC_SHA256, SPAN("fuzz-secret"), span_of(body), &own,
                                 &err) == 0 &&
                  own.len == stated.len && memcmp(own.bytes, stated.bytes, own.len) == 0);
    }
    error_clear(&err);
    (void)connector_verify(&c, "members", NULL, 0, text, &now, arena, &s, &err);
    arena_free(arena);
    auth_release(&c);
    arena_free(c.arena);
    return 0;
}
