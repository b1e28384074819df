/* Texts of auth and sign: formulas of any bytes, values put into JSON of any bytes, and requests
 * signed by connector files of any bytes. */
#include "core/clock.h"
#include "format/encoding.h"
#include "format/jpretty.h"
#include "format/jpull.h"
#include "format/ynode.h"
#include "net/connector_internal.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int value(void *self, const char *name, const struct span *argument, struct strbuf *out,
                 bool *ret_found, struct error *err)
{
    (void)self, (void)err;
    *ret_found = name[0] != 'x';
    strbuf_adds(out, argument ? argument->ptr : name);
    return 0;
}

static void check(bool good)
{
    if (!good)
        abort();
}

/* What renders is known to be well-formed, and the other way round; a failure leaves nothing. */
static void fuzz_formula(const char *text)
{
    AUTO_STRBUF struct strbuf out = {0};
    const struct formula_scope scope = {.value = value};
    struct error err = ERROR_INIT;

    strbuf_init(&out, 4096);
    int code = formula_render(text, &scope, &out, &err);
    check((code == 0) == (err.code == 0) && (code == 0 || out.len == 0));
    check(out.len == strlen(out.data));
    (void)formula_uses(text, "sign");
    strbuf_clear(&out);
    struct error json_err = ERROR_INIT;
    if (formula_json_text(text, &scope, &out, &json_err) == 0 && !out.overflow)
        check(jpull_check((struct span){out.data, out.len}, false, &json_err) == 0 ||
              strstr(text, "${") != NULL); /* names that are no UTF-8 */
}

/* A value put into a document is found there, and all else is still JSON. */
static void fuzz_put(const char *pointer, const char *document)
{
    AUTO_STRBUF struct strbuf out = {0}, scratch = {0};
    struct error err = ERROR_INIT;
    struct jpull_value found = {0};

    strbuf_init(&out, 0);
    strbuf_init(&scratch, 0);
    if (pointer[0] != '/' || !utf8_is_valid(pointer, strlen(pointer)) || /* YAML is UTF-8 */
        sign_json_put(span_of(document), pointer, SPAN("4711"), &out, &err) != 0)
        return;
    check(jpull_check((struct span){out.data, out.len}, false, &err) == 0);
    if (jpull_find((struct span){out.data, out.len}, pointer, &found, &scratch, &err) == 0)
        check(found.kind == JPULL_NUMBER && span_equal(found.text, SPAN("4711")));
    strbuf_clear(&scratch);
    check(jpretty((struct span){out.data, out.len}, 0, &scratch, &err) == 0);
    check(jpull_check((struct span){scratch.data, scratch.len}, false, &err) == 0);
}

static int64_t wall_us(void *self)
{
    (void)self;
    return INT64_C(1700000000000000);
}

static int64_t monotonic_ns(void *self)
{
    (void)self;
    return 1;
}

/* A file that is without fault signs, or says why not. */
static void fuzz_file(const char *text, size_t n)
{
    static struct config *config;
    struct arena *arena = arena_new();
    struct error err = ERROR_INIT;
    struct diagnostics d;
    struct ynode *root = NULL;
    if (!config)
        check(config_load("/dev/null", &config, &err) == 0);
    struct connector c = {
        .arena = arena, .config = config, .name = "fuzz", .base_url = "http://h/v1"};

    diagnostics_init(&d, arena);
    if (ynode_parse(text, n, "fuzz.yaml", arena, &root, &err) == 0 && root) {
        bind_yaml(&connector_fields, root, &c.spec, arena, &d);
        connector_spec_check(&c.spec, root, &d);
    }
    for (size_t i = 0; d.errors == 0 && i < c.spec.secrets.count; i++)
        if (c.spec.secrets.values[i]) /* nothing of this machine is read */
            c.spec.secrets.values[i] = "literal:fuzz-secret";
    for (size_t i = 0; root && d.errors == 0 && i < c.spec.resources.count; i++) {
        struct outgoing r = {.arena = arena, .c = &c, .resource = resource_at(&c.spec, i)};
        const struct outgoing_values values = {0};
        struct sign_trace trace = {0};
        struct auth_scope names;
        auth_scope_init(&names, &c);
        const struct sign_spec *spec = r.resource->sign ? r.resource->sign : c.spec.sign;
        if (outgoing_build(&r, &values, (struct span){0}, &err) == 0 &&
            sign_apply(&r, spec, &names, &trace, &err) == 0 && spec && spec->algorithm != SIGN_NONE)
            check(trace.text && trace.signature && !strstr(trace.text, "fuzz-secret"));
    }
    auth_release(&c);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const struct clock_source clock = {.wall_us = wall_us, .monotonic_ns = monotonic_ns};
    char *text = mem_strndup((const char *)bytes, n);
    char *half = strchr(text, '\n');

    clock_inject(&clock);
    auth_nonce_inject("nonce");
    fuzz_formula(text);
    if (half) {
        *half = '\0';
        fuzz_put(text, half + 1);
        *half = '\n';
    }
    fuzz_file(text, n);
    free(text);
    return 0;
}
