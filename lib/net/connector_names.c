/* What the names in texts of auth and sign stand for. */
#include "core/clock.h"
#include "core/secret.h"
#include "net/connector_internal.h"
#include <inttypes.h>

static const char *injected_nonce;

void auth_nonce_inject(const char *nonce)
{
    injected_nonce = nonce;
}

void auth_scope_init(struct auth_scope *s, struct connector *c)
{
    char uuid[37];
    size_t n = 0;

    *s = (struct auth_scope){.c = c, .session = c->session, .now_us = clock_wall_us()};
    if (injected_nonce) {
        strncpy(s->nonce, injected_nonce, sizeof(s->nonce) - 1);
        return;
    }
    clock_random_uuid(uuid);
    for (const char *p = uuid; *p && n + 1 < sizeof(s->nonce); p++)
        if (*p != '-')
            s->nonce[n++] = *p;
}

static int secret_value(struct connector *c, size_t i, struct strbuf *out, struct error *err)
{
    const struct field_string_map *map = &c->spec.secrets;

    if (!map->values[i])
        return error_set(err, ERR_CONFIG, "secret '%s' of connector '%s' is empty", map->keys[i],
                         c->name);
    if (!c->secrets)
        c->secrets = mem_array(map->count, sizeof(*c->secrets));
    if (!c->secrets[i] && secret_resolve(map->values[i], &c->secrets[i], err) != 0)
        return error_context(err, "secret '%s' of connector '%s'", map->keys[i], c->name);
    strbuf_adds(out, c->secrets[i]);
    return 0;
}

/* Time, nonce: what is there without being declared. */
static bool ready_value(const struct auth_scope *s, const char *name, struct strbuf *out)
{
    const char *n = s->nonce;

    if (strcmp(name, "timestamp") == 0)
        strbuf_addf(out, "%" PRId64, s->now_us / 1000000);
    else if (strcmp(name, "timestamp_ms") == 0)
        strbuf_addf(out, "%" PRId64, s->now_us / 1000);
    else if (strcmp(name, "nonce") == 0)
        strbuf_adds(out, n);
    else if (strcmp(name, "uuid") == 0 && strlen(n) == 32)
        strbuf_addf(out, "%.8s-%.4s-%.4s-%.4s-%.12s", n, n + 8, n + 12, n + 16, n + 20);
    else if (strcmp(name, "uuid") == 0)
        strbuf_adds(out, n);
    else
        return false;
    return true;
}

static int scope_value(void *self, const char *name, const struct span *argument,
                       struct strbuf *out, bool *ret_found, struct error *err)
{
    struct auth_scope *s = self;
    const struct connector_spec *spec = &s->c->spec;

    *ret_found = true;
    if (argument) {
        *ret_found = false;
        return 0;
    }
    for (size_t i = 0; s->session && i < s->session->count; i++)
        if (strcmp(s->session->names[i], name) == 0) {
            strbuf_adds(out, s->session->values[i]);
            return 0;
        }
    for (size_t i = 0; i < spec->secrets.count; i++)
        if (strcmp(spec->secrets.keys[i], name) == 0)
            return secret_value(s->c, i, out, err);
    for (size_t i = 0; i < spec->values.count; i++)
        if (strcmp(spec->values.keys[i], name) == 0) {
            strbuf_adds(out, spec->values.values[i] ? spec->values.values[i] : "");
            return 0;
        }
    *ret_found = ready_value(s, name, out);
    return 0;
}

struct formula_scope auth_scope_formula(struct auth_scope *s)
{
    return (struct formula_scope){.value = scope_value, .self = s};
}
