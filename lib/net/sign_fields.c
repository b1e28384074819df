/* The grammar of `sign`, and what must agree in it. */
#include "core/datetime.h"
#include "core/message.h"
#include "net/connector_spec.h"
#include "net/digest.h"
#include "net/formula.h"
#include "net/sign.h"
#include <string.h>

#define PARAMS(m) .offset = offsetof(struct sign_params, m)
static const char *const sorts[] = {"key", "value", "pair", "none", NULL};
static const char *const values[] = {"text", "json", NULL};
static const char *const encodes[] = {"none", "url", NULL};
static const struct field params_fields[] = {
    {"from", FIELD_STRINGS, PARAMS(from),
     .help = "where they are: query, form, body (members of the JSON body) or body:/pointer"},
    {"add", FIELD_STRING_MAP, PARAMS(add), .flags = FIELD_LATE,
     .help = "further ones that are only signed"},
    {"exclude", FIELD_STRINGS, PARAMS(exclude),
     .help = "names that are left out; those put in with ${sign} always are"},
    {"sort", FIELD_CHOICE, PARAMS(sort), .choices = sorts, .def = "key",
     .help = "by the bytes of the key, of the value, of the written pair, or as they come"},
    {"pair", FIELD_STRING, PARAMS(pair), .def = "k=v",
     .help = "how one is written: k and v with any text between them, or v alone"},
    {"join", FIELD_STRING, PARAMS(join), .def = "&", .help = "what stands between two"},
    {"value", FIELD_CHOICE, PARAMS(value), .choices = values, .def = "text",
     .help = "values as text, or as JSON (texts in quotes)"},
    {"encode", FIELD_CHOICE, PARAMS(encode), .choices = encodes, .def = "none",
     .help = "url: keys and values percent-encoded (RFC 3986)"},
    {"skip_empty", FIELD_BOOL, PARAMS(skip_empty), .def = "false",
     .help = "those with an empty value are left out"},
    {0},
};
static const struct field_set params_set = {
    .name = "params",
    .help = "The parameters that are signed: ${params} in text",
    .struct_size = sizeof(struct sign_params),
    .fields = params_fields,
};

#define PUT(m) .offset = offsetof(struct sign_put, m)
static const struct field put_fields[] = {
    {"query", FIELD_STRING_MAP, PUT(query), .flags = FIELD_LATE, .help = "query parameters"},
    {"headers", FIELD_STRING_MAP, PUT(headers), .flags = FIELD_LATE, .help = "headers"},
    {"form", FIELD_STRING_MAP, PUT(form), .flags = FIELD_LATE, .help = "parameters of the form"},
    {"body", FIELD_STRING_MAP, PUT(body), .flags = FIELD_LATE,
     .help = "members of the JSON body by JSON pointer; ${raw:...} as a whole without quotes"},
    {0},
};
static const struct field_set put_set = {
    .name = "put",
    .help = "What is put into the request: without ${sign} before it is signed, with it after",
    .struct_size = sizeof(struct sign_put),
    .fields = put_fields,
};

#define SIGN(m) .offset = offsetof(struct sign_spec, m)
const char *const sign_algorithms[] = {"none",      "md5",         "sha1", "sha256", "hmac_md5",
                                       "hmac_sha1", "hmac_sha256", "rsa2", NULL};
const char *const sign_encodings[] = {"hex", "hex_upper", "base64", "base64url", NULL};
static const struct field fields[] = {
    {"algorithm", FIELD_CHOICE, SIGN(algorithm), .choices = sign_algorithms, .def = "none",
     .help = "rsa2: RSA with SHA-256; none: no signature, for one resource"},
    {"text", FIELD_STRING, SIGN(text), .def = "${params}", .flags = FIELD_LATE,
     .help = "the string to sign"},
    {"key", FIELD_STRING, SIGN(key), .flags = FIELD_LATE,
     .help = "hmac_*: the key; rsa2: the private key, PEM or its bare base64"},
    {"encoding", FIELD_CHOICE, SIGN(encoding), .choices = sign_encodings, .def = "hex",
     .help = "how the signature is written"},
    {"params", FIELD_OBJECT_PTR, SIGN(params), .sub = &params_set,
     .help = "which parameters are signed"},
    {"timestamp", FIELD_STRING, SIGN(timestamp), .def = "s",
     .help = "what ${timestamp} is: s, ms, or letters such as %Y-%m-%d %H:%M:%S"},
    {"timezone", FIELD_STRING, SIGN(timezone), .def = "UTC", .help = "zone of such a timestamp"},
    {"put", FIELD_OBJECT, SIGN(put), .sub = &put_set, .help = "where signature and time go"},
    {0},
};
const struct field_set sign_set = {
    .name = "sign",
    .help = "How requests are signed: a digest of one text, put into the request",
    .struct_size = sizeof(struct sign_spec),
    .fields = fields,
    .scalar = "algorithm",
};

#define VERIFY(m)      .offset = offsetof(struct verify_spec, m)
#define VERIFY_SIGN(m) .offset = offsetof(struct verify_spec, sign.m)
static const struct field verify_fields[] = {
    {"algorithm", FIELD_CHOICE, VERIFY_SIGN(algorithm), .choices = sign_algorithms, .def = "none",
     .help = "rsa2: RSA with SHA-256; none: answers carry no signature, of one resource"},
    {"text", FIELD_STRING, VERIFY_SIGN(text), .def = "${params}", .flags = FIELD_LATE,
     .help = "the string that was signed: ${body}, ${header:NAME} and all else of the answer"},
    {"signature", FIELD_STRING, VERIFY(signature), .flags = FIELD_LATE,
     .help = "the signature, such as ${header:Wechatpay-Signature} or ${body:/sign}"},
    {"encoding", FIELD_CHOICE, VERIFY_SIGN(encoding), .choices = sign_encodings, .def = "hex",
     .help = "how it is written"},
    {"key", FIELD_STRING, VERIFY_SIGN(key), .flags = FIELD_LATE,
     .help = "hmac_*: the key; rsa2: the system's public key or certificate, PEM or bare base64"},
    {"keys", FIELD_STRING_MAP, VERIFY(keys), .flags = FIELD_LATE,
     .help = "several, by their id, while one takes the place of the other"},
    {"key_id", FIELD_STRING, VERIFY(key_id), .flags = FIELD_LATE,
     .help = "the id of the one it is signed with, such as ${header:Wechatpay-Serial}"},
    {"params", FIELD_OBJECT_PTR, VERIFY_SIGN(params), .sub = &params_set,
     .help = "which members of the answer are signed"},
    {"signed_at", FIELD_STRING, VERIFY(signed_at), .flags = FIELD_LATE,
     .help = "when it was signed: seconds or milliseconds since 1970, or ISO 8601"},
    {"max_age", FIELD_DURATION, VERIFY(max_age_ms), .def = "5m", .min = 1000,
     .max = INT64_C(24) * 3600 * 1000,
     .help = "an answer signed longer ago, or later than now by as much, is an old one sent again"},
    {0},
};
const struct field_set verify_set = {
    .name = "verify",
    .help = "How answers are signed: one without its signature, or with a wrong one, is an error",
    .struct_size = sizeof(struct verify_spec),
    .fields = verify_fields,
    .scalar = "algorithm",
};

/* ---- checks ---------------------------------------------------------------------------------- */

struct names {
    const struct formula_names *outer;
    bool has_params, has_sign;
};

static bool known(void *self, const char *name, bool is_function)
{
    static const char *const functions[] = {"body", "query", "form", "header", "raw"};
    static const char *const own[] = {"method",     "url",  "path", "query",
                                      "path_query", "host", "body", NULL};
    const struct names *n = self;

    for (size_t i = 0; is_function && i < sizeof(functions) / sizeof(functions[0]); i++)
        if (strcmp(name, functions[i]) == 0)
            return true;
    for (size_t i = 0; !is_function && own[i]; i++)
        if (strcmp(name, own[i]) == 0)
            return true;
    if (!is_function && strcmp(name, "params") == 0)
        return n->has_params;
    if (!is_function && strcmp(name, "sign") == 0)
        return n->has_sign;
    return n->outer->known(n->outer->self, name, is_function);
}

static void text_check(const char *text, const struct ynode *node, struct names *names,
                       struct diagnostics *d)
{
    struct error err = ERROR_INIT;

    if (text && formula_check(text, &(struct formula_names){known, names}, &err) != 0)
        diagnostics_add_error(d, node, &err);
}

/* Returns how many of the texts hold ${sign}. */
static size_t map_check(const struct field_string_map *map, const struct ynode *node,
                        struct names *names, struct diagnostics *d)
{
    size_t n = 0;

    for (size_t i = 0; i < map->count; i++) {
        text_check(map->values[i], ynode_get(node, map->keys[i]), names, d);
        n += map->values[i] && formula_uses(map->values[i], "sign");
    }
    return n;
}

static bool pair_is_good(const char *pair)
{
    size_t n = strlen(pair);

    return strcmp(pair, "v") == 0 || (n >= 2 && pair[0] == 'k' && pair[n - 1] == 'v');
}

static void params_check(const struct sign_params *p, const struct ynode *map, struct names *names,
                         struct diagnostics *d)
{
    const struct ynode *from = ynode_get(map, "from"), *pair = ynode_get(map, "pair");

    if (p->from.count == 0 && p->add.count == 0)
        diagnostics_add(d, map, NULL, "params: expected 'from' or 'add'");
    for (size_t i = 0; i < p->from.count; i++) {
        const char *source = p->from.items[i];
        const struct ynode *node = from && from->kind == YNODE_LIST ? from->items[i] : from;
        if (strncmp(source, "body:", 5) == 0)
            spec_check_pointer(source + 5, node ? node : map, "from", d);
        else if (strcmp(source, "query") != 0 && strcmp(source, "form") != 0 &&
                 strcmp(source, "body") != 0)
            diagnostics_add(d, node, NULL,
                            "from: expected query, form, body or body:/pointer, "
                            "found '%s'",
                            source);
    }
    map_check(&p->add, ynode_get(map, "add"), names, d);
    if (p->pair && !pair_is_good(p->pair))
        diagnostics_add(d, pair, NULL, "pair: expected v, or k and v such as k=v, found '%s'",
                        p->pair);
}

static void put_check(const struct sign_spec *s, const struct ynode *place, struct names *names,
                      struct diagnostics *d)
{
    const struct ynode *put = ynode_get(place, "put"), *body = ynode_get(put, "body");
    size_t n = map_check(&s->put.query, ynode_get(put, "query"), names, d);

    n += map_check(&s->put.headers, ynode_get(put, "headers"), names, d);
    n += map_check(&s->put.form, ynode_get(put, "form"), names, d);
    n += map_check(&s->put.body, body, names, d);
    for (size_t i = 0; i < s->put.body.count; i++)
        if (s->put.body.keys[i][0] != '/')
            diagnostics_add(d, ynode_key(body, s->put.body.keys[i]), "such as /sign",
                            "body: '%s' is not a JSON pointer to a member", s->put.body.keys[i]);
    if (n == 0)
        diagnostics_add(d, put ? put : place, "a text with ${sign} under 'put'",
                        "sign: the signature is never sent");
}

static void time_check(const struct sign_spec *s, const struct ynode *place, struct diagnostics *d)
{
    const struct ynode *zone_node = ynode_get(place, "timezone");
    const struct ynode *node = ynode_get(place, "timestamp");
    const struct zone *zone;
    struct error err = ERROR_INIT;
    const char *t = s->timestamp;

    if (zone_node && s->timezone && zone_load(s->timezone, &zone, &err) != 0)
        diagnostics_add_error(d, zone_node, &err);
    if (strcmp(t, "s") == 0 || strcmp(t, "ms") == 0)
        return;
    for (const char *p = strchr(t, '%'); p; p = p[1] ? strchr(p + 2, '%') : NULL)
        if (!p[1] || !strchr("YmdHMS%", p[1])) {
            diagnostics_add(d, node, "%Y %m %d %H %M %S", "timestamp: unknown letter in '%s'", t);
            return;
        }
    if (!strchr(t, '%'))
        diagnostics_add(d, node, NULL,
                        "timestamp: expected s, ms or letters such as %%Y%%m%%d, "
                        "found '%s'",
                        t);
}

void sign_check(const struct sign_spec *s, const struct ynode *place,
                const struct formula_names *outer, struct diagnostics *d)
{
    struct names names = {.outer = outer};
    const struct ynode *text = ynode_get(place, "text"), *key = ynode_get(place, "key");

    if (s->algorithm == SIGN_NONE || !place || place->kind != YNODE_MAP)
        return;
    if (digest_wants_key(s->algorithm - 1) && !s->key)
        diagnostics_add(d, place, NULL, "sign with %s needs 'key'", sign_algorithms[s->algorithm]);
    if (!digest_wants_key(s->algorithm - 1) && s->key)
        diagnostics_add(d, ynode_key(place, "key"), "put it into 'text'", "sign with %s has no key",
                        sign_algorithms[s->algorithm]);
    text_check(s->key, key, &names, d);
    if (s->params)
        params_check(s->params, ynode_get(place, "params"), &names, d);
    names.has_params = s->params != NULL;
    text_check(s->text, text ? text : place, &names, d);
    if (s->params && s->text && !formula_uses(s->text, "params"))
        diagnostics_add(d, ynode_key(place, "params"), "write ${params} into 'text'",
                        "sign: 'params' is not used");
    names.has_sign = true;
    put_check(s, place, &names, d);
    time_check(s, place, d);
}

static void verify_key_check(const struct verify_spec *v, const struct ynode *place,
                             struct diagnostics *d)
{
    const char *algorithm = sign_algorithms[v->sign.algorithm];
    bool wants_key = digest_wants_key(v->sign.algorithm - 1);
    bool has_key = v->sign.key || v->keys.count > 0;

    if (wants_key != has_key)
        diagnostics_add(d, place, wants_key ? NULL : "put it into 'text'",
                        wants_key ? MESSAGE("verify with %s needs 'key', or 'keys'")
                                  : MESSAGE("verify with %s has no key"),
                        algorithm);
    if (v->sign.key && v->keys.count > 0)
        diagnostics_add(d, ynode_key(place, "keys"), NULL, "verify: either 'key' or 'keys'");
    if ((v->keys.count > 0) != (v->key_id != NULL))
        diagnostics_add(d, place, NULL, "verify: 'keys' and 'key_id' go together");
}

void verify_check(const struct verify_spec *v, const struct ynode *place,
                  const struct formula_names *outer, struct diagnostics *d)
{
    struct names names = {.outer = outer};
    const struct ynode *text = ynode_get(place, "text");

    if (v->sign.algorithm == SIGN_NONE || !place || place->kind != YNODE_MAP)
        return;
    verify_key_check(v, place, d);
    if (!v->signature)
        diagnostics_add(d, place, "such as  signature: \"${header:X-Signature}\"",
                        "verify needs 'signature', where it stands");
    text_check(v->signature, ynode_get(place, "signature"), &names, d);
    text_check(v->sign.key, ynode_get(place, "key"), &names, d);
    text_check(v->key_id, ynode_get(place, "key_id"), &names, d);
    text_check(v->signed_at, ynode_get(place, "signed_at"), &names, d);
    map_check(&v->keys, ynode_get(place, "keys"), &names, d);
    if (v->sign.params)
        params_check(v->sign.params, ynode_get(place, "params"), &names, d);
    names.has_params = v->sign.params != NULL;
    text_check(v->sign.text, text ? text : place, &names, d);
    if (v->sign.params && v->sign.text && !formula_uses(v->sign.text, "params"))
        diagnostics_add(d, ynode_key(place, "params"), "write ${params} into 'text'",
                        "verify: 'params' is not used");
    if (ynode_key(place, "max_age") && !v->signed_at)
        diagnostics_add(d, ynode_key(place, "max_age"), NULL,
                        "verify: 'max_age' needs 'signed_at'");
}
