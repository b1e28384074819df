/* lib/net/connector_spec.h - a connector file as bound from YAML, and what its keys must agree on.
 * Inside lib/net only. */
#ifndef DINER_NET_CONNECTOR_SPEC_H
#define DINER_NET_CONNECTOR_SPEC_H

#include "net/connector.h"
#include "net/sign.h"

enum rule_exists { RULE_EXISTS_ANY, RULE_EXISTS_TRUE, RULE_EXISTS_FALSE };
struct rule_when {
    struct field_strings status; /* "404", "5xx" */
    const char *pointer;
    struct field_strings equals, not_equals;
    int exists;
};

/* The login of a session and its end. All texts are formulas (formula.h). */
struct login_spec {
    int method;
    const char *path;
    struct field_string_map query, headers, form;
    const struct ynode *body;
    struct rule_when *ok;
    struct field_strings message_from;
    struct field_string_map take; /* name: JSON pointer, header:NAME or cookie:NAME */
    const char *expires_from;
    bool keep_cookies;
    struct sign_spec *sign;
};
/* What a request of a session carries. */
struct send_spec {
    struct field_string_map headers, query, cookies;
};

enum auth_type {
    AUTH_NONE,
    AUTH_BEARER,
    AUTH_BASIC,
    AUTH_KEY,
    AUTH_JWT_LOGIN,
    AUTH_SESSION,
    AUTH_OAUTH2,
    AUTH_JWT,
};
enum auth_credentials { AUTH_CREDENTIALS_HEADER, AUTH_CREDENTIALS_BODY };
enum auth_jwt { AUTH_HS256, AUTH_RS256 };
enum auth_place { AUTH_IN_HEADER, AUTH_IN_QUERY };
struct auth_spec {
    int type;
    const char *token;           /* bearer: a secret reference */
    const char *user, *password; /* basic, jwt_login; the password a secret reference */
    const char *name, *value;    /* key: header or parameter, and a secret reference */
    int in;
    const char *path; /* jwt_login */
    const char *user_key, *password_key;
    const char *token_from, *expires_from;
    int64_t margin_ms;
    struct login_spec *login; /* session */
    struct send_spec *send;
    struct login_spec *logout;
    /* oauth2 */
    const char *token_url, *client_id, *client_secret, *scope, *refresh_from;
    int credentials;
    struct field_string_map extra;
    /* jwt */
    int algorithm;
    const char *key, *key_id;
    const struct ynode *claims;
    int64_t lifetime_ms;
};
static inline bool auth_gives_token(const struct auth_spec *a)
{
    return a->type == AUTH_JWT_LOGIN || a->type == AUTH_OAUTH2 || a->type == AUTH_JWT;
}
enum rule_action { RULE_FAIL, RULE_RETRY, RULE_RATE_LIMITED, RULE_REFRESH_AUTH, RULE_IGNORE };
struct rule_spec {
    struct rule_when when;
    int action;
    struct field_strings message_from;
};

enum paginate_type {
    PAGINATE_NONE,
    PAGINATE_PAGE,
    PAGINATE_OFFSET,
    PAGINATE_CURSOR,
    PAGINATE_LAST_ID,
    PAGINATE_LINK_HEADER,
    PAGINATE_NEXT_URL,
};
enum paginate_end { PAGINATE_END_EMPTY, PAGINATE_END_SHORT };
struct paginate_spec {
    int type;
    const char *param, *size_param;
    int64_t size;
    const char *from, *header, *more, *pages;
    int64_t start;             /* -1: 1 for page, 0 for offset */
    const struct ynode *first; /* the cursor or last id of the first page, or NULL */
    int end;
    int64_t max_pages;
    int64_t cap_rows; /* the system gives no more than so many; 0: no cap is known */
};

enum param_type {
    PARAM_TEXT,
    PARAM_NUMBER,
    PARAM_BOOLEAN,
    PARAM_JSON,
    PARAM_LIST,
    PARAM_NUMBERS,
    PARAM_TIME
};
struct param_spec {
    int type;
    const struct ynode *def; /* NULL: none; a null is one: JSON null, or left out */
    bool required;
    const char *format, *timezone; /* of a time */
    struct field_string_map words; /* what its values are called there */
    const char *help;
};

/* A member of a record as the commands know it. */
enum map_type { MAP_TEXT, MAP_MINOR_UNITS, MAP_TIME, MAP_BUSINESS_DATE, MAP_INDEX };
struct map_case {
    struct rule_when when;
    const char *is;
};
struct map_spec {
    const char *from, *value;
    struct field_objects cases; /* of struct map_case: the first that holds */
    struct field_string_map words;
    const char *otherwise;
    int type;
    const char *currency, *format;
    struct field_objects each; /* of struct map_spec, named: of the records of a list */
};

struct write_spec {
    int64_t batch;
    const char *records, *results, *result_ok, *result_error;
    bool resend;
};

/* An export: the resource's own request orders it, another asks how far it is, a third fetches it.
 */
struct job_spec {
    struct field_string_map take; /* name: JSON pointer into the answers */
    const char *poll;             /* a resource; NULL: it is ready with the first answer */
    struct rule_when until, failed;
    struct field_strings message_from;
    int64_t interval_ms, timeout_ms;
    const char *download;       /* a resource, or a pointer to a URL in the last answer */
    struct field_strings hosts; /* others that a download may come from, without credentials */
};

/* The last good answers, for when there are none. */
enum cache_on { CACHE_ON_UNAVAILABLE };
enum cache_deletes { CACHE_DELETES_REFUSE, CACHE_DELETES_ALLOW };
struct cache_spec {
    int64_t for_ms;
    int on, deletes;
    int64_t max_bytes;
    bool is_disguised; /* what the connector calls personal is not kept as it is */
};

/* Of an answer that is a file: how large it may be, how long it may take, what proves it whole. */
enum file_hash_of { FILE_HASH_FILE, FILE_HASH_CONTENT };
struct file_hash_spec {
    const char *from; /* JSON pointer into the last answer of its job, or header:NAME of its own */
    int algorithm;    /* enum digest_algorithm, plain ones */
    int of;
};
struct file_spec {
    int64_t max_bytes, timeout_ms;
    struct file_hash_spec *hash;
};

enum no_records { NO_RECORDS_ERROR, NO_RECORDS_EMPTY };
enum resource_format { RESOURCE_JSON, RESOURCE_JSONL, RESOURCE_FILE };
struct resource_spec {
    int method;
    const char *path;
    struct field_objects params; /* of struct param_spec, named */
    const struct ynode *query;   /* a map: texts, or trees sent as JSON text */
    struct field_string_map headers;
    const struct ynode *body, *form; /* at most one */
    struct field_strings json_text;  /* pointers into the body: sent as a string of JSON */
    int format;
    struct file_spec file;
    struct job_spec *job;
    struct cache_spec *cache;
    const char *records;         /* pointer; "" is the document */
    int no_records;              /* enum no_records: when there is nothing at it */
    struct field_strings fields; /* of records that are arrays: what stands where */
    bool single;                 /* one record, not a list of them */
    const char *map_as;          /* a resource whose map comes first, or NULL */
    struct field_objects map;    /* of struct map_spec, named; none: records are as they come */
    struct paginate_spec *paginate;
    const char *expect_total;
    struct write_spec *write;
    bool repeatable;
    struct sign_spec *sign;     /* NULL: the connector's */
    struct verify_spec *verify; /* likewise */
};

struct discover_spec {
    const char *consul, *service, *tag, *token;
    int64_t max_age_ms;
};

struct retry_spec {
    int64_t max; /* repeats; -1: as the settings say. So do zeros of the times below */
    int64_t base_ms, cap_ms, budget_ms;
};

struct connector_spec {
    int64_t version;
    const char *name, *description, *base_url;
    struct field_strings addresses;          /* further base URLs */
    struct discover_spec *discover;          /* NULL: they stand here */
    struct field_string_map values, secrets; /* names for the texts of auth and sign */
    struct auth_spec auth;
    struct sign_spec *sign;
    struct verify_spec *verify;
    struct field_rate rate;
    const char *concurrency_text; /* "8", "adaptive" */
    int64_t concurrency;          /* the most */
    bool adaptive;
    int64_t timeout_ms, idle_timeout_ms;
    int64_t body_max_bytes;
    struct retry_spec retry;
    struct {
        int64_t failures, open_ms;
    } breaker;
    struct field_string_map headers;
    struct field_objects rules; /* of struct rule_spec */
    struct field_strings personal;
    struct field_objects resources; /* of struct resource_spec, named */
    const char *ca_file;
};

extern const char *const connector_methods[];     /* by resource_spec.method */
extern const struct field_set connector_auth_set; /* struct auth_spec */
extern const struct field_set connector_when_set; /* struct rule_when */

/* Whether ${name} stands in what a request of the resource is made of. */
bool resource_mentions(const struct resource_spec *r, const char *name);
/* Calls `note` with each of these names. */
void resource_names(const struct resource_spec *r,
                    void (*note)(void *self, const char *name, size_t offset), void *self);

/* concurrency_text read; false when it is neither a number nor `adaptive`. */
bool connector_spec_concurrency(struct connector_spec *spec);
/* What no single field can tell: keys that a type of auth or pagination needs, pointers, paths. */
void connector_spec_check(const struct connector_spec *spec, const struct ynode *root,
                          struct diagnostics *d);
/* The part of it about who sends the requests (connector_auth_check.c). */
void connector_auth_check(const struct connector_spec *spec, const struct ynode *root,
                          struct diagnostics *d);
/* Shared checks: keys that a choice needs and may have; RFC 6901; "404" or "5xx". */
struct key_use {
    const char *key;
    unsigned needed, allowed; /* bits of the choice */
};
void spec_check_keys(const struct ynode *map, const char *what, const char *choice, int chosen,
                     const struct key_use *uses, struct diagnostics *d);
void spec_check_pointer(const char *pointer, const struct ynode *place, const char *key,
                        struct diagnostics *d);
void spec_check_when(const struct rule_when *w, const struct ynode *when, struct diagnostics *d);
void record_map_check(const struct field_objects *map, struct diagnostics *d);

static inline const struct resource_spec *resource_at(const struct connector_spec *spec, size_t i)
{
    return (const struct resource_spec *)spec->resources.items + i;
}

#endif
