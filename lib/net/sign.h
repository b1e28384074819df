/* lib/net/sign.h - signatures of requests, declared: one string to sign out of named pieces, a
 * digest of it, and where that goes.
 *
 * A request is signed in four steps. What `put` declares without ${sign} is put into it (system
 * parameters, the time); the parameters that `params` names are chosen, sorted, written and joined
 * to ${params}; `text` is rendered and digested; what `put` declares with ${sign} is put in. All
 * texts are formulas (formula.h). Inside lib/net only. */
#ifndef DINER_NET_SIGN_H
#define DINER_NET_SIGN_H

#include "core/strbuf.h"
#include "schema/bind.h"

enum sign_sort { SIGN_SORT_KEY, SIGN_SORT_VALUE, SIGN_SORT_PAIR, SIGN_SORT_NONE };
enum sign_value { SIGN_VALUE_TEXT, SIGN_VALUE_JSON };
enum sign_encode { SIGN_ENCODE_NONE, SIGN_ENCODE_URL };
struct sign_params {
    struct field_strings from;   /* query, form, body or body:/pointer */
    struct field_string_map add; /* further ones by name */
    struct field_strings exclude;
    int sort, value, encode;
    const char *pair, *join; /* "k=v", "kv", "v" */
    bool skip_empty;
};
struct sign_put {
    struct field_string_map query, headers, form;
    struct field_string_map body; /* by JSON pointer */
};
enum { SIGN_NONE = 0 }; /* algorithm: else digest_algorithm + 1 */
struct sign_spec {
    int algorithm;
    const char *key, *text;
    int encoding;
    struct sign_params *params;
    const char *timestamp, *timezone;
    struct sign_put put;
};
extern const struct field_set sign_set;

/* How answers are signed by their system: `text` and `params` are made of the answer as they are of
 * a request. No answer is believed whose signature is not there, wrong, by an unknown key or too
 * old. Errors are not verified: they are believed in any case. */
struct verify_spec {
    struct sign_spec sign; /* algorithm, text, key, encoding, params; nothing is put anywhere */
    const char *signature; /* where it stands */
    const char *key_id;    /* which of the keys */
    struct field_string_map keys;
    const char *signed_at; /* seconds or milliseconds since 1970, or ISO 8601 */
    int64_t max_age_ms;
};
extern const struct field_set verify_set;
extern const char *const sign_algorithms[], *const sign_encodings[];

/* place: the node of the block. known: names of values, secrets, and what the login gives. */
struct formula_names;
void sign_check(const struct sign_spec *spec, const struct ynode *place,
                const struct formula_names *known, struct diagnostics *d);
void verify_check(const struct verify_spec *spec, const struct ynode *place,
                  const struct formula_names *known, struct diagnostics *d);

/* What a signature was made of, for people: no secret stands in it. Texts in the arena. */
#define SIGN_PIECES_MAX 64
struct sign_piece {
    const char *name, *value;
};
struct sign_trace {
    struct sign_piece pieces[SIGN_PIECES_MAX]; /* what names in text and key stand for */
    size_t npieces;
    const char *text; /* the string to sign */
    const char *signature;
    struct sign_piece places[SIGN_PIECES_MAX]; /* "query sig": where the signature stands */
    size_t nplaces;
};

struct outgoing;
struct auth_scope;
/* Signs r; names are those of its connector (masked: the signature is **** and no secret is
 * fetched). trace may be NULL. */
int sign_apply(struct outgoing *r, const struct sign_spec *spec, struct auth_scope *names,
               struct sign_trace *trace, struct error *err);
/* ${params}, kept in `params` and in names, and the string to sign of names->request. */
int sign_text(const struct sign_spec *spec, struct auth_scope *names, struct strbuf *params,
              struct strbuf *text, struct error *err);
/* The same without secrets, and what each name stands for. signature: as it is shown. */
int sign_explain(const struct sign_spec *spec, const struct auth_scope *names,
                 const char *signature, struct sign_trace *ret, struct error *err);
/* Whether the answer to r is signed as its resource or connector says; 0 when neither says how.
 * ERR_REMOTE. at_us: the time that it came, 0: now. trace may be NULL; it is filled as far as it
 * goes. */
struct http_response;
int verify_answer(const struct outgoing *r, const struct http_response *response, int64_t at_us,
                  struct sign_trace *trace, struct error *err);
/* How answers to r are verified; NULL: they are not. */
const struct verify_spec *verify_of(const struct outgoing *r);
/* ${params} of r. */
int sign_params_text(const struct outgoing *r, const struct sign_spec *spec,
                     struct auth_scope *names, struct strbuf *out, struct error *err);
/* The document with `value` (JSON) at an RFC 6901 pointer: replaced, or added with the objects on
 * its way. ERR_DATA when there is an array or text in the way. */
int sign_json_put(struct span document, const char *pointer, struct span value, struct strbuf *out,
                  struct error *err);
/* The time by spec->timestamp and timezone. */
int sign_time(const struct sign_spec *spec, int64_t us, struct strbuf *out, struct error *err);

#endif
