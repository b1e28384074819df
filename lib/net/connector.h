/* lib/net/connector.h - how one outside system is reached, from YAML: base_url, auth, rate, retry,
 * breaker, rules, and resources with their pagination. One writer of requests for everything that
 * talks to a platform. */
#ifndef DINER_NET_CONNECTOR_H
#define DINER_NET_CONNECTOR_H

#include "net/http.h"
#include "schema/bind.h"
#include "schema/config.h"

extern const struct field_set connector_fields; /* the file's grammar */

/* The YAML of a connector shipped inside the program. */
struct connector_builtin {
    const char *name; /* NULL ends */
    const char *yaml;
};
/* Looks for NAME.yaml in settings.connector_path, then among the built-ins. `platform` takes
 * url, user and password from the settings platform.*: in any connector ${platform.url},
 * ${platform.user} and ${platform.password} are these. */
struct connector;
int connector_open(const char *name, const struct config *config,
                   const struct connector_builtin *builtins, struct connector **ret,
                   struct error *err);
void connector_close(struct connector *c);
/* Logins outlive their connectors, so that the next one of the same file needs none. Once at the
 * end of the program, and between tests: forgets them all, those that have one by their logout. */
void connector_sessions_end(void);
const char *connector_name(const struct connector *c);
/* Lint only: problems of a connector file. */
void connector_lint(const struct ynode *root, struct arena *arena, struct diagnostics *d);
bool connector_has_resource(const struct connector *c, const char *resource);

/* Named values for ${...} in a resource's path, query and body. */
struct connector_param {
    const char *name, *value; /* value NULL: the query parameter is left out */
    bool is_optional;         /* a resource that has no ${name} does without */
};

/* One request of a resource: auth (login and refresh once on 401), rate, rules, retries. The body
 * (JSON) may be NULL when the resource declares its own. Errors by the connector's rules first
 * (an HTTP 200 with an error body is an error), then by status. */
int connector_call(struct connector *c, const char *resource, const struct connector_param *params,
                   size_t nparams, struct span body, const char *idempotency_key,
                   struct http_response *ret, struct error *err);

/* Names of what stands where in records that are arrays (`fields` of the resource); count 0: none
 * are declared. A parameter `fields` takes their place. In the arena, or borrowed from the
 * connector. */
int connector_fields_of(const struct connector *c, const char *resource,
                        const struct connector_param *params, size_t nparams, struct arena *arena,
                        struct field_strings *ret, struct error *err);

/* All pages of a resource. Loop and cap detection: a repeated cursor or next URL, or an identical
 * page twice, is ERR_REMOTE; max_pages reached is an error, never a silent end. */
struct connector_pages;
struct connector_page {
    struct span body;            /* whole document */
    struct span records;         /* the raw array at the records pointer */
    const struct span *elements; /* its elements, raw */
    size_t count;
    int number;           /* from 1 */
    int64_t expect_total; /* what the source says it has in all; -1 when it does not say */
    const char *degraded; /* why this is an old answer out of the cache, and how old; else NULL */
    int64_t age_ms;       /* then */
};
int connector_pages_open(struct connector *c, const char *resource,
                         const struct connector_param *params, size_t nparams,
                         struct connector_pages **ret, struct error *err);
/* From now on pages are asked for before they are wanted: the next one as soon as it is known, and
 * several of those with numbers or offsets when the source says how many records there are, as many
 * as the connector's concurrency and memory allow. They still come in order. For who reads to the
 * end. */
void connector_pages_ahead(struct connector_pages *p);
/* A line of `format: jsonl` that is no JSON comes as an element all the same, for who rejects it by
 * itself; without this it is the error of its page. */
void connector_pages_take_faulty(struct connector_pages *p);
/* The list may come from the resource's cache, if it has one, when its system cannot be reached:
 * all of it or nothing. deletes: rows that are not in it are removed somewhere, which the cache
 * must allow. */
void connector_pages_may_degrade(struct connector_pages *p, bool deletes);
/* The list is kept whether or not its resource has a cache, with what the connector calls personal
 * disguised, and may come from what was kept at most so long ago. For who shows it to a person. */
void connector_pages_keep(struct connector_pages *p, int64_t for_ms);
/* No more pages are wanted: what was read is kept as the whole. */
void connector_pages_enough(struct connector_pages *p);
/* Moves on what was asked for, without waiting; to be called now and then by who works long on a
 * page. */
void connector_pages_poll(struct connector_pages *p);
/* Borrowed until the next call. */
int connector_pages_next(struct connector_pages *p, struct connector_page *ret, bool *ret_end,
                         struct error *err);
void connector_pages_close(struct connector_pages *p);

/* ---- records as the commands know them --------------------------------------------------------
 */

/* Makes of a record what the `map` of its resource says; without one it stays as it is. */
struct connector_mapper;
int connector_mapper_new(const struct connector *c, const char *resource,
                         struct connector_mapper **ret, struct error *err);
/* *ret is borrowed until the next call, or is the record. ERR_REMOTE for what does not fit. */
int connector_map(struct connector_mapper *m, struct span record, struct span *ret,
                  struct error *err);
/* Whether a mapped record is one that the parameters ask for: of one whose values have `words` it
 * is looked at again. */
bool connector_map_wanted(struct connector_mapper *m, struct span mapped,
                          const struct connector_param *params, size_t nparams);
void connector_mapper_free(struct connector_mapper *m); /* NULL-safe */

/* ---- files ------------------------------------------------------------------------------------
 */

/* Whether reading the resource, or its export, ends in a file (`format: file`): it has no pages. */
bool connector_gives_file(const struct connector *c, const char *resource);
/* Fetches it whole, an export being ordered first, into a file without a name below TMPDIR: memory
 * is flat, and nothing is read of what came cut off, over its bounds, or with another hash than the
 * system states. fd stands at its first byte; its owner closes it. fd -1: a rule says that there is
 * nothing. ERR_LIMIT, ERR_REMOTE, ERR_UNAVAILABLE. Blocks. */
struct connector_file {
    int fd;
    uint64_t bytes;
};
int connector_download(struct connector *c, const char *resource,
                       const struct connector_param *params, size_t nparams,
                       struct connector_file *ret, struct error *err);

/* What is asked from now on belongs to another part of the work, as http_client_renew has it: what
 * failed before, by answers of the system, does not keep it from being asked. */
void connector_renew(struct connector *c, bool is_isolated);

/* ---- connectors shared by the streams of a run -------------------------------------------------
 */

/* One open connector a name, so that logins, breakers, rates and connections serve all streams,
 * children and windows of a run. Owned by the run, passed down in stream_context. Strings and
 * settings are borrowed for its life. */
struct connector_pool;
struct tape;
struct connector_pool *connector_pool_new(const struct config *config,
                                          const struct connector_builtin *builtins);
/* Borrowed until the pool is freed: never to be closed by who gets it. */
int connector_pool_get(struct connector_pool *pool, const char *name, struct connector **ret,
                       struct error *err);
/* All connectors opened from now on record on the tape, or answer from it. The tape is borrowed
 * and outlives the pool. NULL: neither. */
void connector_pool_tape(struct connector_pool *pool, struct tape *tape);
/* This process is one of `parts` that read the same systems: it keeps to its share of their rates.
 * Before the first connector is got. */
void connector_pool_share(struct connector_pool *pool, int64_t parts);
/* Rates are kept together with other processes, each under its connector's name. Before the first
 * connector is got. */
void connector_pool_budget(struct connector_pool *pool, struct http_budget budget);
void connector_pool_free(struct connector_pool *pool); /* NULL-safe */

/* ---- tapes: real answers kept for tests without a network --------------------------------------
 */

/* A tape is a readable JSON file of requests and their answers, in order:
 *   { "version": 1, "recorded_at", "connectors": { NAME: its base_url }, "exchanges": [ {
 * "connector", "method", "url" (path and query), "sha256" (of the request's body; "" without one),
 * "request" (the body), "status", "headers", "body" (JSON as it came, numbers with their text) or
 * "text" } ] } Recording goes through to the system and keeps what a resource was answered after
 * all retries; logins are not kept. Registered secrets are replaced by ****; members named
 * personal, by their connector's `personal` or by tape_personal, get other letters and digits of
 * the same shape in requests and answers alike, the same for equal values, so that keys still join.
 * Replaying sends nothing: a request is answered by the first exchange not yet used with the same
 * connector, method, url and body; an unknown one is ERR_NOT_FOUND naming it and the next that the
 * tape has. Needs neither credentials nor environment: auth is left out, and an unset ${NAME} of
 * the connector's file stands for the text "NAME". One thread. */
enum tape_mode { TAPE_RECORD, TAPE_REPLAY };
/* Replay reads the file: ERR_NOT_FOUND, ERR_DATA with its place. Record touches no file yet. */
int tape_open(const char *path, enum tape_mode mode, struct tape **ret, struct error *err);
/* A tape of one answer, JSON, to whatever GET or listing is asked first; a second request finds
 * nothing. name is for messages; body is copied. */
struct tape *tape_of_body(const char *name, struct span body);
/* Record: writes the file, whole or not at all, readable by its owner only. */
int tape_save(struct tape *t, struct error *err);
/* Exchanges: all of the tape; those that replay was not asked for (a page no longer read). */
size_t tape_count(const struct tape *t);
size_t tape_unused(const struct tape *t);
/* When it was recorded: for who wants to play it with the same windows of time. */
int64_t tape_time_us(const struct tape *t);
void tape_free(struct tape *t); /* NULL-safe; forgets what was not saved */

/* Writing resources: how many records a request takes, where they go, where results are. */
struct connector_write {
    int64_t batch_rows;       /* 1: one request per record */
    const char *records;      /* pointer of the array in the body, "/items" */
    const char *results;      /* pointer of per-record results in the answer, or NULL */
    const char *result_ok;    /* key of a result that is true or "ok" when accepted, or NULL */
    const char *result_error; /* key with the reason */
    bool has_body;            /* the resource's own body takes them in */
    bool resend;              /* the system recognises the idempotency key of a request */
};
int connector_write_of(const struct connector *c, const char *resource, struct connector_write *ret,
                       struct error *err);
/* Appends the body of the request that writes these records, a JSON array of nrecords objects: the
 * resource's own body with ${records} put in, and for one record ${record} and ${record.NAME}; or,
 * without one, what write.records says. Sends nothing. */
int connector_write_body(struct connector *c, const char *resource, struct span records,
                         int64_t nrecords, struct strbuf *out, struct error *err);

#endif
