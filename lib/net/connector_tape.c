/* Tapes: requests and their answers, kept and played back. */
#include "core/clock.h"
#include "core/datetime.h"
#include "core/fileio.h"
#include "core/hashmap.h"
#include "core/message.h"
#include "core/secret.h"
#include "core/sha256.h"
#include "format/encoding.h"
#include "format/jpull.h"
#include "format/jsonx.h"
#include "net/connector_internal.h"
#include "net/url.h"
#include "schema/interpolate.h"
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#define TAPE_MAX      ((size_t)256 << 20)
#define TAPE_VERSION  1
#define PERSONAL_MAX  256
#define REQUEST_SHOWN 200

/* One request and its answer, of a tape that is played. Texts are of its arena or file. */
struct take {
    const char *connector, *method, *url, *sha256;
    int status;
    struct http_header *headers;
    size_t nheaders;
    struct span body;
    bool is_used;
    bool is_any; /* answers whatever is asked */
};

struct tape {
    enum tape_mode mode;
    bool is_exact; /* answers are not changed */
    struct arena *arena;
    const char *path;
    int64_t recorded_us;
    struct strbuf file;    /* played: the file; recorded: what will be one */
    struct hashmap *bases; /* base_url by connector */
    struct take *takes;
    size_t count, capacity, used;
    struct jwriter w;
    struct disguise disguise;
    const char *personal[PERSONAL_MAX];
    struct hashmap *names; /* of the environment, in texts of connectors */
};

/* ---- recording ----------------------------------------------------------------------------- */

static void record_begin(struct tape *t)
{
    for (size_t i = 0; i < sizeof(t->disguise.salt); i += 8) {
        uint64_t random = clock_random_u64();
        memcpy(t->disguise.salt + i, &random, 8);
    }
    t->recorded_us = clock_wall_us();
    t->w = (struct jwriter){.out = &t->file, .indent = 1};
}

/* Record: JSON members of this name, at any depth, are personal. Before the first request. */
static void tape_personal(struct tape *t, const char *member)
{
    if (t->is_exact || disguise_wants(&t->disguise, span_of(member)) ||
        t->disguise.nnames == PERSONAL_MAX)
        return;
    t->personal[t->disguise.nnames++] = arena_strdup(t->arena, member);
}

/* ---- the environment ------------------------------------------------------------------------- */

struct names_walk {
    struct tape *t;
    struct ynode *node;
    struct strbuf out;
    size_t from; /* what of the text is in out already */
};

/* ${NAME} without a default: on a tape it is the text NAME, whatever it is here. */
static void name_note(void *self, const char *name, size_t offset)
{
    struct names_walk *k = self;
    size_t len = strlen(name);
    bool upper = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == len;

    if (!upper || k->node->text[offset + 2 + len] != '}')
        return;
    hashmap_puts(k->t->names, name, k->t);
    strbuf_add(&k->out, k->node->text + k->from, offset - k->from);
    strbuf_adds(&k->out, name);
    k->from = offset + len + 3;
}

void tape_adopt(struct tape *t, struct ynode *node, struct arena *arena)
{
    struct names_walk k = {.t = t, .node = node};
    struct error ignored;

    for (size_t i = 0; i < node->count; i++)
        tape_adopt(t, node->items[i], arena);
    if (node->kind != YNODE_SCALAR || !strstr(node->text, "${"))
        return;
    strbuf_init(&k.out, 0);
    if (interpolate_names(node->text, name_note, &k, &ignored) == 0 && k.from > 0 &&
        t->mode == TAPE_REPLAY) {
        strbuf_adds(&k.out, node->text + k.from);
        node->text = arena_strndup(arena, k.out.data, k.out.len);
    }
    strbuf_release(&k.out);
}

static void replace_all(struct strbuf *text, const char *from, const char *to)
{
    AUTO_STRBUF struct strbuf out = {0};
    const char *p = text->data, *at;
    size_t len = strlen(from);

    if (len < 4 || !strstr(p, from)) /* a shorter one stands everywhere by chance */
        return;
    strbuf_init(&out, text->max);
    for (; (at = strstr(p, from)); p = at + len) {
        strbuf_add(&out, p, (size_t)(at - p));
        strbuf_adds(&out, to);
    }
    strbuf_adds(&out, p);
    strbuf_clear(text);
    strbuf_add(text, out.data, out.len);
}

static void names_restore(struct tape *t, struct strbuf *text)
{
    AUTO_STRBUF struct strbuf encoded = {0};

    strbuf_init(&encoded, 0);
    for (size_t i = 0; i < hashmap_count(t->names) && t->mode == TAPE_RECORD; i++) {
        const char *name = NULL, *value;
        hashmap_at(t->names, i, &name);
        if (!(value = getenv(name)))
            continue;
        replace_all(text, value, name);
        strbuf_clear(&encoded);
        url_encode(&encoded, value);
        replace_all(text, encoded.data, name);
    }
}

/* ---- recording ----------------------------------------------------------------------------- */

/* What is personal of a request is **** in it, when it is recorded and when it is asked for again:
 * so it is known whoever it is about. */
static struct disguise mask_of(const struct tape *t)
{
    struct disguise mask = t->disguise;
    mask.is_masked = true;
    return mask;
}

/* The request's body without secrets and persons, and its hash. */
static void request_body(struct tape *t, struct span body, const struct disguise *mask,
                         struct strbuf *out, char ret_hex[65])
{
    AUTO_STRBUF struct strbuf plain = {0};
    struct jwriter w;
    struct error ignored = ERROR_INIT;

    strbuf_clear(out);
    ret_hex[0] = '\0';
    if (!body.ptr || body.len == 0)
        return;
    strbuf_init(&plain, TAPE_MAX);
    strbuf_add(&plain, body.ptr, body.len);
    names_restore(t, &plain);
    secret_redact(&plain);
    struct span text = {plain.data, plain.len};
    jwriter_init(&w, out);
    if (disguise_json(mask, text, &w, &ignored) != 0) {
        strbuf_clear(out);
        disguise_pairs(mask, text, out);
    }
    struct sha256 *h = sha256_new();
    sha256_add(h, out->data, out->len);
    sha256_finish(h, ret_hex);
}

static void request_url(struct tape *t, const char *url, const struct disguise *mask,
                        struct strbuf *out)
{
    AUTO_STRBUF struct strbuf plain = {0};

    strbuf_init(&plain, 0);
    strbuf_adds(&plain, url);
    names_restore(t, &plain);
    secret_redact(&plain);
    disguise_loose(mask, (struct span){plain.data, plain.len}, out);
}

static bool header_is_kept(const char *name)
{
    static const char *const dropped[] = {
        "connection", "content-encoding", "content-length", "date",         "keep-alive",
        "server",     "set-cookie",       "authorization",  "x-csrf-token", "transfer-encoding",
        "vary"};

    for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
        if (strcmp(name, dropped[i]) == 0)
            return false;
    return true;
}

static void record_headers(struct tape *t, const struct http_response *response)
{
    AUTO_STRBUF struct strbuf value = {0}, loose = {0};

    strbuf_init(&value, 0);
    strbuf_init(&loose, 0);
    jwriter_key(&t->w, "headers");
    jwriter_object(&t->w);
    for (size_t i = 0; i < response->nheaders; i++) {
        if (!header_is_kept(response->headers[i].name))
            continue;
        strbuf_clear(&value);
        strbuf_adds(&value, response->headers[i].value);
        if (!t->is_exact)
            secret_redact(&value);
        strbuf_clear(&loose);
        disguise_loose(&t->disguise, (struct span){value.data, value.len}, &loose);
        jwriter_kstring(&t->w, response->headers[i].name, loose.data);
    }
    jwriter_end(&t->w);
}

static void record_body(struct tape *t, const struct http_response *response)
{
    AUTO_STRBUF struct strbuf plain = {0}, loose = {0};
    struct error ignored = ERROR_INIT;
    struct jwriter before = t->w;
    size_t len = t->file.len;

    strbuf_init(&plain, TAPE_MAX);
    strbuf_add(&plain, response->body.data ? response->body.data : "", response->body.len);
    if (!t->is_exact)
        secret_redact(&plain);
    struct span text = {plain.data, plain.len};
    jwriter_key(&t->w, "body");
    if (disguise_json(&t->disguise, text, &t->w, &ignored) == 0)
        return;
    strbuf_truncate(&t->file, len);
    t->w = before;
    strbuf_init(&loose, TAPE_MAX);
    disguise_loose(&t->disguise, text, &loose);
    jwriter_key(&t->w, "text");
    jwriter_span(&t->w, (struct span){loose.data, loose.len});
}

void tape_record(struct tape *t, const struct exchange *e, const struct field_strings *personal,
                 const struct http_response *response)
{
    AUTO_STRBUF struct strbuf url = {0}, body = {0};
    char hex[65];

    for (size_t i = 0; i < personal->count; i++)
        tape_personal(t, personal->items[i]);
    strbuf_init(&url, 0);
    strbuf_init(&body, TAPE_MAX);
    const struct disguise mask = mask_of(t);
    request_url(t, e->url, &mask, &url);
    request_body(t, e->body, &mask, &body, hex);
    if (!hashmap_gets(t->bases, e->connector))
        hashmap_puts(t->bases, e->connector, arena_strdup(t->arena, e->base_url));
    if (t->count == 0) { /* as the array of a document that tape_save completes */
        t->w.depth = 1;
        jwriter_array(&t->w);
    }
    t->count++;
    jwriter_object(&t->w);
    jwriter_kstring(&t->w, "connector", e->connector);
    jwriter_kstring(&t->w, "method", e->method);
    jwriter_kstring(&t->w, "url", url.data);
    if (hex[0]) {
        jwriter_kstring(&t->w, "sha256", hex);
        jwriter_key(&t->w, "request");
        jwriter_span(&t->w, (struct span){body.data, body.len});
    }
    jwriter_kint(&t->w, "status", response->status);
    record_headers(t, response);
    record_body(t, response);
    jwriter_end(&t->w);
}

static void head_write(struct tape *t, struct strbuf *out)
{
    char now[DATETIME_ISO_MAX];
    struct jwriter w;

    jwriter_init(&w, out);
    w.indent = 1;
    jwriter_object(&w);
    jwriter_kint(&w, "version", TAPE_VERSION);
    datetime_print(t->recorded_us, NULL, now);
    jwriter_kstring(&w, "recorded_at", now);
    jwriter_key(&w, "connectors");
    jwriter_object(&w);
    for (size_t i = 0; i < hashmap_count(t->bases); i++) {
        const char *name = NULL;
        const char *base = hashmap_at(t->bases, i, &name);
        jwriter_kstring(&w, name, base);
    }
    jwriter_end(&w);
    jwriter_key(&w, "exchanges");
}

int tape_save(struct tape *t, struct error *err)
{
    AUTO_STRBUF struct strbuf head = {0};
    struct atomic_file *file = NULL;
    const char *tail = t->count > 0 ? "\n ]\n}\n" : " []\n}\n";

    if (t->file.overflow)
        return error_set(err, ERR_LIMIT, "'%s': more was answered than it may hold, %zu KiB",
                         t->path, t->file.max >> 10);
    strbuf_init(&head, 0);
    head_write(t, &head);
    mode_t mask = umask(077);
    int code = atomic_file_open(t->path, &file, err);
    umask(mask);
    TRY(code);
    code = atomic_file_write(file, head.data, head.len, err);
    if (code == 0)
        code = atomic_file_write(file, t->file.data, t->file.len, err);
    if (code == 0)
        code = atomic_file_write(file, tail, strlen(tail), err);
    if (code != 0) {
        atomic_file_discard(file);
        return code;
    }
    return atomic_file_commit(file, err);
}

/* ---- playing ------------------------------------------------------------------------------- */

struct take_reader {
    struct tape *t;
    struct strbuf scratch;
};

static int text_of(struct take_reader *k, struct span raw, const char *what, struct span *ret,
                   struct error *err)
{
    struct jpull_value v;

    strbuf_clear(&k->scratch);
    TRY(jpull_value_of(raw, &v, &k->scratch, err));
    if (v.kind != JPULL_STRING && v.kind != JPULL_NUMBER)
        return error_set(err, ERR_DATA, "'%s' is no text", what);
    *ret = (struct span){arena_strndup(k->t->arena, v.text.ptr, v.text.len), v.text.len};
    return 0;
}

static int headers_of(struct take_reader *k, struct span raw, struct take *take, struct error *err)
{
    struct jpull_array object;
    struct span key = {0}, value = {0}, text = {0};
    bool end = false;

    take->headers = arena_array(k->t->arena, 64, sizeof(*take->headers));
    TRY(jpull_object_begin(raw, &object, err));
    for (;;) {
        strbuf_clear(&k->scratch);
        TRY(jpull_object_next(&object, &key, &value, &end, &k->scratch, err));
        if (end)
            return 0;
        if (take->nheaders == 64)
            return error_set(err, ERR_DATA, "an answer with more than 64 headers");
        struct http_header *h = &take->headers[take->nheaders++];
        h->name = arena_strndup(k->t->arena, key.ptr, key.len);
        TRY(text_of(k, value, "headers", &text, err));
        h->value = text.ptr;
    }
}

static int member_of(struct take_reader *k, const char *key, struct span value, struct take *take,
                     struct error *err)
{
    const struct {
        const char *key, **to;
    } texts[] = {{"connector", &take->connector},
                 {"method", &take->method},
                 {"url", &take->url},
                 {"sha256", &take->sha256}};
    struct span text = {0};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(key, texts[i].key) != 0)
            continue;
        TRY(text_of(k, value, key, &text, err));
        *texts[i].to = text.ptr;
        return 0;
    }
    if (strcmp(key, "status") == 0) {
        TRY(text_of(k, value, key, &text, err));
        take->status = atoi(text.ptr);
    } else if (strcmp(key, "headers") == 0) {
        TRY(headers_of(k, value, take, err));
    } else if (strcmp(key, "body") == 0) {
        take->body = value;
    } else if (strcmp(key, "text") == 0) {
        TRY(text_of(k, value, key, &take->body, err));
    } else if (strcmp(key, "request") != 0) {
        return error_set(err, ERR_DATA, "unknown member '%s'", key);
    }
    return 0;
}

static int take_read(struct take_reader *k, struct span raw, struct error *err)
{
    struct tape *t = k->t;
    struct take take = {.sha256 = ""};
    struct jpull_array object;
    struct span key = {0}, value = {0};
    bool end = false;

    TRY(jpull_object_begin(raw, &object, err));
    for (;;) {
        strbuf_clear(&k->scratch);
        TRY(jpull_object_next(&object, &key, &value, &end, &k->scratch, err));
        if (end)
            break;
        AUTOFREE char *name = mem_strndup(key.ptr, key.len);
        TRY(member_of(k, name, value, &take, err));
    }
    if (!take.connector || !take.method || !take.url || take.status < 100 || take.status > 599)
        return error_set(err, ERR_DATA, "expected connector, method, url and status");
    t->takes = mem_grow(t->takes, &t->capacity, t->count + 1, sizeof(*t->takes));
    t->takes[t->count++] = take;
    return 0;
}

static int bases_read(struct take_reader *k, struct span document, struct error *err)
{
    struct jpull_value connectors;
    struct jpull_array object;
    struct span key = {0}, value = {0}, text = {0};
    bool end = false;

    TRY(jpull_find(document, "/connectors", &connectors, &k->scratch, err));
    TRY(jpull_object_begin(connectors.text, &object, err));
    for (;;) {
        strbuf_clear(&k->scratch);
        TRY(jpull_object_next(&object, &key, &value, &end, &k->scratch, err));
        if (end)
            return 0;
        char *name = arena_strndup(k->t->arena, key.ptr, key.len);
        TRY(text_of(k, value, name, &text, err));
        hashmap_puts(k->t->bases, name, arena_strdup(k->t->arena, text.ptr));
    }
}

static int head_read(struct take_reader *k, struct span document, struct error *err)
{
    struct jpull_value version, at;
    struct datetime time = {0};

    TRY(jpull_check(document, false, err));
    TRY(jpull_find(document, "/version", &version, &k->scratch, err));
    if (version.kind != JPULL_NUMBER || !span_equal(version.text, SPAN("1")))
        return error_set(err, ERR_DATA, "it is no tape of version %d", TAPE_VERSION);
    TRY(jpull_find(document, "/recorded_at", &at, &k->scratch, err));
    if (at.kind == JPULL_STRING && datetime_parse_iso(at.text.ptr, at.text.len, &time))
        k->t->recorded_us = time.us;
    return bases_read(k, document, err);
}

static int takes_read(struct take_reader *k, struct span document, struct error *err)
{
    struct jpull_value list;
    struct jpull_array array;
    struct span element;
    bool end = false;

    TRY(head_read(k, document, err));
    strbuf_clear(&k->scratch);
    TRY(jpull_find(document, "/exchanges", &list, &k->scratch, err));
    TRY(jpull_array_begin(list.text, &array, err));
    for (;;) {
        TRY(jpull_array_next(&array, &element, &end, err));
        if (end)
            return 0;
        if (take_read(k, element, err) != 0)
            return error_context(err, "exchange %zu", k->t->count + 1);
    }
}

static int tape_load(struct tape *t, struct error *err)
{
    struct take_reader k = {.t = t};

    TRY(file_read(t->path, TAPE_MAX, &t->file, err));
    strbuf_init(&k.scratch, TAPE_MAX);
    int code = takes_read(&k, (struct span){t->file.data, t->file.len}, err);
    strbuf_release(&k.scratch);
    return code == 0 ? 0 : error_context(err, "tape '%s'", t->path);
}

bool tape_is_replayed(const struct tape *t)
{
    return t->mode == TAPE_REPLAY;
}

const char *tape_base_url(const struct tape *t, const char *connector)
{
    if (t->count > 0 && t->takes[0].is_any)
        return "http://tape.invalid";
    return hashmap_gets(t->bases, connector);
}

/* What was asked, and what the tape would have had next. */
static int unknown_request(struct tape *t, const struct exchange *e, const struct strbuf *body,
                           bool other_body, struct error *err)
{
    const struct take *next = NULL;
    size_t shown = utf8_cut(body->data, body->len, REQUEST_SHOWN);

    for (size_t i = 0; i < t->count && !next; i++)
        if (!t->takes[i].is_used)
            next = &t->takes[i];
    error_set(err, ERR_NOT_FOUND, "tape '%s' has no answer to %s %.300s of connector '%s'%s%.*s",
              t->path, e->method, e->url, e->connector,
              other_body ? message_text(" with this body: ") : "", other_body ? (int)shown : 0,
              body->data);
    if (!next)
        return error_hint(err, "all of its %zu answers were used: record it again", t->count);
    return error_hint(err, "the next that it has is to %s %.300s of '%s': record it again",
                      next->method, next->url, next->connector);
}

static void take_play(struct take *take, struct http_response *ret)
{
    *ret = (struct http_response){.status = take->status, .attempts = 1};
    strbuf_init(&ret->body, TAPE_MAX);
    strbuf_add(&ret->body, take->body.ptr ? take->body.ptr : "", take->body.len);
    for (size_t i = 0; i < take->nheaders; i++)
        http_response_add_header(ret, take->headers[i].name, take->headers[i].value);
    take->is_used = true;
}

int tape_answer(struct tape *t, const struct exchange *e, const struct field_strings *personal,
                struct http_response *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf body = {0}, url = {0};
    static const struct disguise as_is = {.is_exact = true}; /* as the tape of a cache has it */
    bool other_body = false;
    char hex[65], exact[65];

    for (size_t i = 0; i < personal->count; i++)
        tape_personal(t, personal->items[i]);
    strbuf_init(&body, TAPE_MAX);
    strbuf_init(&url, 0);
    const struct disguise mask = mask_of(t);
    request_url(t, e->url, &mask, &url);
    request_body(t, e->body, &as_is, &body, exact);
    request_body(t, e->body, &mask, &body, hex);
    for (size_t i = 0; i < t->count; i++) {
        struct take *take = &t->takes[i];
        bool same = !take->is_used && !take->is_any && strcmp(take->connector, e->connector) == 0 &&
                    strcmp(take->method, e->method) == 0 &&
                    (strcmp(take->url, e->url) == 0 || strcmp(take->url, url.data) == 0);
        bool same_body = strcmp(take->sha256, hex) == 0 || strcmp(take->sha256, exact) == 0;
        if ((take->is_any && !take->is_used) || (same && same_body)) {
            take_play(take, ret);
            t->used++;
            return 0;
        }
        other_body = other_body || same;
    }
    return unknown_request(t, e, &body, other_body, err);
}

/* ---- both ---------------------------------------------------------------------------------- */

int tape_open(const char *path, enum tape_mode mode, struct tape **ret, struct error *err)
{
    struct tape *t = mem_alloc(sizeof(*t));

    t->mode = mode;
    t->arena = arena_new();
    t->disguise.names = t->personal;
    t->path = arena_strdup(t->arena, path);
    t->bases = hashmap_new();
    t->names = hashmap_new();
    strbuf_init(&t->file, TAPE_MAX);
    int code = 0;
    if (mode == TAPE_REPLAY)
        code = tape_load(t, err);
    else
        record_begin(t);
    if (code != 0) {
        tape_free(t);
        return code;
    }
    *ret = t;
    return 0;
}

struct tape *tape_of_body(const char *name, struct span body)
{
    struct tape *t = mem_alloc(sizeof(*t));

    t->mode = TAPE_REPLAY;
    t->arena = arena_new();
    t->disguise.names = t->personal;
    t->path = arena_strdup(t->arena, name);
    t->bases = hashmap_new();
    t->names = hashmap_new();
    strbuf_init(&t->file, TAPE_MAX);
    strbuf_add(&t->file, body.ptr, body.len);
    t->takes = mem_grow(t->takes, &t->capacity, 1, sizeof(*t->takes));
    t->takes[t->count++] = (struct take){.connector = "",
                                         .method = "GET",
                                         .url = "",
                                         .sha256 = "",
                                         .status = 200,
                                         .body = {t->file.data, t->file.len},
                                         .is_any = true};
    return t;
}

int tape_open_cache(const char *path, size_t max_bytes, bool is_exact, struct tape **ret,
                    struct error *err)
{
    TRY(tape_open(path, TAPE_RECORD, ret, err));
    (*ret)->is_exact = (*ret)->disguise.is_exact = is_exact;
    (*ret)->file.max = max_bytes;
    return 0;
}

size_t tape_count(const struct tape *t)
{
    return t->count;
}

size_t tape_unused(const struct tape *t)
{
    return t->count - t->used;
}

int64_t tape_time_us(const struct tape *t)
{
    return t->recorded_us;
}

void tape_free(struct tape *t)
{
    if (!t)
        return;
    strbuf_release(&t->file);
    hashmap_free(t->bases);
    hashmap_free(t->names);
    free(t->takes);
    arena_free(t->arena);
    free(t);
}
