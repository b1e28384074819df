/* lib/net/connector_look.h - connectors as people look at them: which there are, what each is, what
 * a request of theirs would be and how it is signed. No secret stands in any text. */
#ifndef DINER_NET_CONNECTOR_LOOK_H
#define DINER_NET_CONNECTOR_LOOK_H

#include "net/connector.h"

/* Names of all connectors in settings.connector_path and of the built-in ones, sorted. */
size_t connector_names(const struct config *config, const struct connector_builtin *builtins,
                       struct arena *arena, const char ***ret);

/* One connector without opening it. What cannot be told is NULL. */
struct connector_spec;
struct connector_summary {
    const char *name, *description;
    const char *file; /* "(built in)/NAME.yaml" when it is not a file */
    const char *base_url;
    const char *host; /* with its port when that is not the usual one */
    const char *auth; /* type */
    const char *sign; /* algorithm, or NULL */
    const char *const *resources;
    size_t nresources;
    const struct connector_spec *spec;
    bool is_set_up; /* the environment has some of what the file names there, or it names nothing */
};
/* name: of a connector, or the path of a file (it has a slash or ends in .yaml). All that is wrong
 * goes to d. Fails when there is none of that name (ERR_CONFIG), or it is no YAML (ERR_SPEC). */
int connector_describe(const char *name, const struct config *config,
                       const struct connector_builtin *builtins, struct arena *arena,
                       struct connector_summary *ret, struct diagnostics *d, struct error *err);

/* The names that `params` for one of its resources may have, in the arena: what a request asks for
 * by ${NAME}, and `fields` where the resource declares them. */
size_t connector_param_names(const struct connector_summary *s, const char *resource,
                             struct arena *arena, const char *const **ret);

/* ---- an open one ----------------------------------------------------------------------------- */

const char *connector_auth_name(const struct connector *c);
/* Fetches all its secrets from where they are kept. */
int connector_secrets_resolve(struct connector *c, size_t *ret_count, struct error *err);
/* Logs in, unless that is done already; *ret_sent: its type of auth has a login. */
int connector_login(struct connector *c, bool *ret_sent, struct error *err);

struct connector_resource_info {
    const char *method;
    bool writes; /* neither a GET nor repeatable */
    bool is_paged, is_signed;
    bool is_file;        /* of itself or by its export: connector_download */
    const char *records; /* pointer */
};
int connector_resource_of(const struct connector *c, const char *resource,
                          struct connector_resource_info *ret, struct error *err);

/* ---- requests that are not sent -------------------------------------------------------------- */

struct connector_request {
    const char *method, *url;
    const struct http_header *headers;
    size_t nheaders;
    struct span body; /* ptr NULL: none */
};
/* The request with secrets as ****, what a login would give and signatures too; no login is sent.
 * Texts in the arena. */
int connector_preview(struct connector *c, const char *resource,
                      const struct connector_param *params, size_t nparams, struct span body,
                      const char *idempotency_key, struct arena *arena,
                      struct connector_request *ret, struct error *err);

struct connector_piece {
    const char *name, *value;
};
struct connector_signature {
    const char *algorithm, *encoding;
    const char *template;                 /* how the string to sign is written */
    const char *key;                      /* likewise; NULL: none */
    const struct connector_piece *pieces; /* what the names in it stand for */
    size_t npieces;
    const char *text; /* the string to sign */
    const char *signature;
    const struct connector_piece *places; /* "query sig" and what is put there */
    size_t nplaces;
};
struct connector_moment {
    int64_t at_us;     /* 0: now */
    const char *nonce; /* NULL: random */
};
/* Signs a request and says how; logs in first when the connector has a login. ERR_SPEC when the
 * resource is not signed. */
int connector_sign(struct connector *c, const char *resource, const struct connector_param *params,
                   size_t nparams, struct span body, const struct connector_moment *moment,
                   struct arena *arena, struct connector_signature *ret, struct error *err);
/* The same of an answer that is at hand, as `curl -i` prints it: head, an empty line, body. at_us
 * of moment is when it came. ret is filled as far as it is understood, its algorithm NULL before
 * that. ERR_SPEC when answers to the resource are not verified, ERR_DATA when the text is no
 * answer, ERR_REMOTE when it is not to be believed. Sends nothing. */
int connector_verify(struct connector *c, const char *resource,
                     const struct connector_param *params, size_t nparams, struct span answer,
                     const struct connector_moment *moment, struct arena *arena,
                     struct connector_signature *ret, struct error *err);

#endif
