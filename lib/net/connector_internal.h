/* lib/net/connector_internal.h - an open connector and the making of one request. Inside lib/net
 * only. */
#ifndef DINER_NET_CONNECTOR_INTERNAL_H
#define DINER_NET_CONNECTOR_INTERNAL_H

#include "net/connector.h"
#include "net/connector_spec.h"
#include "net/formula.h"
#include "net/sign.h"

#define CONNECTOR_TEXT_MAX ((size_t)64 << 10) /* of one URL, header or parameter */

struct outgoing;
struct connector {
    struct arena *arena;
    struct connector_spec spec;
    const char *name;
    const struct config *config;
    struct tape *tape;      /* borrowed; NULL: none */
    const char *base_url;   /* the address in use, without a slash at its end */
    const char *identity;   /* the first address of the file: what caches know it by */
    const char **addresses; /* all that are tried in turn */
    size_t naddresses;
    bool is_discovered;
    struct http_client *http; /* made by the first request */
    bool is_isolated;         /* connector_renew */
    /* secrets, resolved when first needed */
    char *secret;                 /* token, value or password of auth */
    char *platform_password;      /* ${platform.password} */
    char **secrets;               /* values of spec.secrets, by place; NULL until needed */
    struct http_budget budget;    /* of its rate; take NULL: its own */
    const char *login_key;        /* the same for connectors that share a login */
    struct auth_session *session; /* borrowed; NULL: not logged in yet */
};

/* As connector_open, with a tape or NULL. */
int connector_open_taped(const char *name, const struct config *config,
                         const struct connector_builtin *builtins, struct tape *tape,
                         struct connector **ret, struct error *err);

/* A file as it is bound, with all that is wrong with it in d. */
struct connector_loaded {
    const char *name, *file;
    bool is_set_up; /* connector_look.h */
    struct connector_spec spec;
};
int connector_load(const char *name, const struct config *config,
                   const struct connector_builtin *builtins, struct arena *arena,
                   struct connector_loaded *ret, struct diagnostics *d, struct error *err);

/* Whether the environment has any of the variables that a file names, or it names none. */
bool connector_variables_any(const struct ynode *root);

/* ---- addresses ------------------------------------------------------------------------------- */

/* Reads the list of the file: base_url, several where ${platform.url} is, and addresses. */
int addresses_begin(struct connector *c, struct error *err);
/* Asks Consul, once and where the file says so, and remembers its answer. Before a request. */
void addresses_ready(struct connector *c);
/* The request goes to the address in use now. */
void addresses_rebase(struct outgoing *r);
/* Whether the request may be sent to the next address, after this came of it; it is in use then.
 * Never a write that the system would not recognise. */
bool addresses_next(struct outgoing *r, int code, const struct http_response *response);

/* ---- texts with ${name} ---------------------------------------------------------------------- */

/* A value that the connector itself has: ${page.offset} */
struct template_own {
    const char *name, *text;
    const char *json; /* what it is when it stands alone in a JSON body; NULL: the text, quoted */
};
struct template_scope {
    struct connector *c;
    const struct field_objects *specs; /* of struct param_spec: types of parameters, or NULL */
    const struct connector_param *params;
    size_t nparams;
    const struct template_own *own;
    size_t nown;
    bool *used;          /* nparams flags, set when a name was looked up */
    bool encode;         /* values are percent-encoded: a path */
    const char *missing; /* a name of the last text that had no value, or NULL */
    struct arena *arena; /* of converted values */
    struct strbuf scratch;
    struct error *failure; /* why a value could not be had; its code is 0 otherwise */
};
/* Appends the text with its values. *ret_missing: a name had no value and no default, nothing was
 * appended. */
int template_render(struct template_scope *s, const char *text, struct strbuf *out,
                    bool *ret_missing, struct error *err);
/* A YAML tree as JSON. Plain numbers, true, false and null are such; a text that is one ${name}
 * and nothing else is what the name's type says; all else are strings. A map's value or list's
 * item that is missing is left out. Nodes of `as_text` become strings that hold their JSON. */
int template_json(struct template_scope *s, const struct ynode *node,
                  const struct field_strings *as_text, struct strbuf *out, struct error *err);

/* The node at a JSON pointer into a tree; NULL when there is none. */
const struct ynode *template_node_at(const struct ynode *node, const char *pointer,
                                     struct arena *arena);

/* A parameter's value by its type (PARAM_...): the text it is in a path, query or form, and what it
 * is in JSON. part: behind the point of ${since.year}, or NULL. ERR_DATA for what is none. */
struct param_value {
    const char *text, *json;
};
/* *value by the declared words; ERR_DATA, and which there are, for another. */
int param_word(const struct param_spec *spec, const char *name, const char **value,
               struct arena *arena, struct error *err);
int param_convert(const struct param_spec *spec, const char *name, const char *part,
                  const char *value, struct arena *arena, struct param_value *ret,
                  struct error *err);
/* Problems of a declaration. */
void param_check(const char *name, const struct param_spec *spec, const struct ynode *place,
                 struct diagnostics *d);
/* The value of ${platform.url}, .user, .password for the file's own texts: the password as the
 * reference it is. */
const char *template_setting(const struct config *config, const char *name);

/* ---- one request ----------------------------------------------------------------------------- */

struct pair_list {
    struct http_header *items; /* also of query parameters */
    size_t count, capacity;
};
/* A request as its system sees it, without credentials: what tapes and caches know it by. */
struct exchange {
    const char *connector, *base_url;
    const char *method;
    const char *url; /* behind base_url, or whole when it is elsewhere at the host */
    struct span body;
};
struct outgoing {
    size_t addresses_tried;
    struct arena *arena; /* of all its texts; the caller's */
    struct connector *c;
    const struct resource_spec *resource; /* NULL: a login */
    const char *url;                      /* without `query` */
    const char *missing;                  /* a name of the path without value, or NULL */
    struct pair_list query, headers;
    struct pair_list form;     /* the body, when the resource has one of pairs */
    int64_t login_used;        /* number of the login that it carries */
    struct span unsigned_body; /* once is_signed */
    bool is_signed;
    struct http_request http;
    const struct rule_spec *rule;   /* that decided about the last answer, or NULL */
    struct tape *tape;              /* that it is recorded on or answered from; NULL: none */
    bool is_foreign;                /* at a host that gets no credentials */
    struct exchange exchange;       /* of a resource, since outgoing_begin */
    struct http_task *task;         /* under way */
    const struct login_spec *login; /* of a login that says itself what success is, else NULL */
};
/* URL, headers and body of r->resource for these parameters (r has arena, c and resource). A
 * parameter that nothing uses is ERR_SPEC; values of our own need not be used. body.ptr NULL: the
 * declared one. */
struct outgoing_values {
    const struct connector_param *params;
    size_t nparams;
    const struct template_own *own;
    size_t nown;
};
int outgoing_build(struct outgoing *r, const struct outgoing_values *values, struct span body,
                   struct error *err);
/* The names of a resource that declares `fields`: its own, or those of the parameter `fields`, with
 * commas between them. */
struct field_strings resource_fields(const struct resource_spec *r,
                                     const struct connector_param *params, size_t nparams,
                                     struct arena *arena);
/* Sets a header or query parameter, in place of one of the same name. Texts live as long as r. */
void outgoing_header(struct outgoing *r, const char *name, const char *value);
void outgoing_query(struct outgoing *r, const char *key, const char *value);
void outgoing_form(struct outgoing *r, const char *key, const char *value);
/* Sends it with credentials, renewing them once; errors by rules, then by status. *ret_ignored: a
 * rule says that this answer is nothing. */
int outgoing_send(struct outgoing *r, struct http_response *ret, bool *ret_ignored,
                  struct error *err);
/* The same in two steps; what was begun is awaited or dropped, once. */
int outgoing_begin(struct outgoing *r, struct error *err);
int outgoing_await(struct outgoing *r, struct http_response *ret, bool *ret_ignored,
                   struct error *err);
void outgoing_drop(struct outgoing *r);
/* The request for the next page: r has arena, c and resource. */
int connector_pages_build(const struct connector_pages *p, struct outgoing *r, struct error *err);
/* A GET of a URL that was not made of the resource, as it is; at another host without what the
 * system's own requests carry. */
void outgoing_download(struct outgoing *r, const char *url, bool is_foreign);
/* URL and body from their pairs, once these are all there. */
int outgoing_complete(struct outgoing *r, struct error *err);
int connector_http(struct connector *c, struct http_client **ret, struct error *err);
const struct resource_spec *connector_resource(const struct connector *c, const char *name,
                                               struct error *err); /* NULL: ERR_SPEC */

/* ---- jobs ------------------------------------------------------------------------------------ */

/* What was ordered and is ready: the resource to read with these parameters, or a URL. */
struct job_result {
    const struct resource_spec *resource; /* to read; the ordered one itself when there is a url */
    const char *url;                      /* or NULL */
    bool is_foreign;
    const char *hash; /* of the file, as the last answer states it; NULL: that is not asked for */
    bool is_nothing;  /* a rule says so of the order: there is nothing to read */
    struct connector_param *params;
    size_t nparams;
};
/* Orders, and waits until it is ready: ERR_REMOTE when it failed, ERR_UNAVAILABLE when it took too
 * long. All of ret is of the arena. */
int job_run(struct connector *c, const char *name, const struct resource_spec *r,
            const struct connector_param *params, size_t nparams, struct arena *arena,
            struct job_result *ret, struct error *err);

/* ---- tapes ----------------------------------------------------------------------------------- */

/* Answers for a cache; exact: as they are, persons and all, for one that nobody shows. */
int tape_open_cache(const char *path, size_t max_bytes, bool is_exact, struct tape **ret,
                    struct error *err);
bool tape_is_replayed(const struct tape *t);
/* Where the connector's system was when it was recorded; NULL: the tape has nothing of it. */
const char *tape_base_url(const struct tape *t, const char *connector);
/* A connector's file is read: notes its ${NAME}s; in replay they become the texts NAME. */
void tape_adopt(struct tape *t, struct ynode *root, struct arena *arena);
/* personal: names of members, further to those of the tape. */
void tape_record(struct tape *t, const struct exchange *e, const struct field_strings *personal,
                 const struct http_response *response);
int tape_answer(struct tape *t, const struct exchange *e, const struct field_strings *personal,
                struct http_response *ret, struct error *err);

/* ---- caches ---------------------------------------------------------------------------------- */

/* The file of a list's answers: one for each resource and its parameters. In the arena. */
const char *cache_path(const struct connector *c, const char *resource,
                       const struct connector_param *params, size_t nparams, struct arena *arena);
/* Begins to keep answers; NULL when that cannot be, which is logged. */
struct tape *cache_begin(const char *path, const struct cache_spec *spec);
/* The list came to its end: what was kept is the last good one. Frees. */
void cache_commit(struct tape *t, const char *path, const struct cache_spec *spec);
/* The last good answers if they are young enough, else NULL; why they are used, in the arena, and
 * how old they are. */
struct tape *cache_open(const char *path, const struct cache_spec *spec, const struct error *cause,
                        struct arena *arena, const char **ret_why, int64_t *ret_age_ms);

/* ---- disguises ------------------------------------------------------------------------------- */

/* Personal data made into other data of the same shape, the same for equal values: what is personal
 * by its name, and what looks like a mobile number or an identity card's wherever it stands in a
 * text. */
struct disguise {
    unsigned char salt[16];
    const char *const *names; /* of members */
    size_t nnames;
    bool is_exact;  /* nothing is changed but what is personal by its name */
    bool is_masked; /* it becomes **** instead: of requests, which are compared */
};
bool disguise_wants(const struct disguise *d, struct span name);
/* A text that is not personal as a whole: a URL with its parameters, or whatever people write. */
void disguise_loose(const struct disguise *d, struct span text, struct strbuf *out);
struct jwriter;
/* Writes the document with the values of personal members disguised, numbers with their text.
 * ERR_DATA when it is not one JSON value, or too deep. */
int disguise_json(const struct disguise *d, struct span document, struct jwriter *w,
                  struct error *err);
/* "a=1&b=2", percent-encoded. */
void disguise_pairs(const struct disguise *d, struct span pairs, struct strbuf *out);

/* ---- rules ----------------------------------------------------------------------------------- */

bool rule_when_matches(const struct rule_when *w, const struct http_response *response);
/* The part of it about the body. */
bool rule_body_matches(const struct rule_when *w, struct span body);
/* The values of message_from that are there, joined. */
void rules_reason(const struct field_strings *message_from, const struct http_response *response,
                  struct strbuf *out);
enum http_verdict rules_judge(void *request, const struct http_response *response);
/* What the answer is after all attempts: 0 or an error. */
int rules_check(const struct outgoing *r, const struct http_response *response, bool *ret_ignored,
                struct error *err);

/* ---- auth ------------------------------------------------------------------------------------ */

int auth_apply(struct outgoing *r, struct error *err); /* may log in */
/* The same with **** for all that is secret; fetches nothing, sends nothing. */
int auth_apply_masked(struct outgoing *r, struct error *err);
int session_apply_masked(struct outgoing *r, struct error *err);
int auth_sign(struct outgoing *r, struct error *err); /* as its resource or connector says */
bool auth_is_renewable(const struct connector *c);
void auth_forget(const struct outgoing *r); /* the login that r carried */
void auth_release(struct connector *c);
/* The secret of the file's auth, fetched once from where it is kept. Borrowed. */
int auth_secret(struct connector *c, const char *reference, const char **ret, struct error *err);

/* What a login gave. Kept for the whole process: connectors of the same file share one. */
struct auth_session {
    struct auth_session *next;
    char *key;
    bool is_live;
    int64_t number;      /* of logins so far */
    int64_t expires_ns;  /* INT64_MAX: it did not say */
    char *token;         /* jwt_login, oauth2, jwt */
    char *refresh_token; /* oauth2: outlives the token */
    char *cookies;       /* "a=1; b=2", or NULL */
    char **names, **values;
    size_t count;             /* of what was taken */
    int64_t refused_until_ns; /* a refused login is not repeated before: accounts get locked */
    struct error refusal;
    struct connector *parked; /* closed by its user, kept to log out */
    int pid;
};
/* The session of c, logged in: at once when it is, else by calling login. */
int auth_session_get(struct outgoing *r,
                     int (*login)(struct connector *, struct auth_session *, struct error *),
                     struct auth_session **ret, struct error *err);
void auth_session_clear(struct auth_session *s); /* what the last login gave */
/* Sets its end; life_s <= 0: unknown. A life shorter than twice the margin keeps nine tenths. */
void auth_session_expires(struct auth_session *s, int64_t life_s, int64_t margin_ms);
/* Takes c over when its session has to be ended at the end of the process. */
bool auth_session_park(struct connector *c);
/* All cookies that an answer sets. */
int auth_cookies_keep(struct auth_session *s, const struct http_response *response,
                      struct error *err);
int session_apply(struct outgoing *r, struct error *err);
int token_apply(struct outgoing *r, struct error *err);

/* Names in texts of auth and sign: values, secrets, what a login gave, the time. */
struct auth_scope {
    struct connector *c;
    const struct auth_session *session; /* NULL: none */
    int64_t now_us;
    char nonce[65];
    bool is_masked; /* secrets are **** */
    /* of a request being signed, else NULL */
    struct outgoing *request;
    const struct sign_spec *sign;
    const char *params, *signature;
};
int connector_named_secrets(struct connector *c, struct error *err); /* fetches all */
void auth_scope_init(struct auth_scope *s, struct connector *c);
struct formula_scope auth_scope_formula(struct auth_scope *s);
/* For tests: every nonce is this one; NULL: random again. Borrowed. */
void auth_nonce_inject(const char *nonce);

/* ---- links ----------------------------------------------------------------------------------- */

/* The target of rel="next" in a Link header's value (RFC 8288), borrowed; ptr NULL when there is
 * none. */
struct span link_next(const char *header);

#endif
