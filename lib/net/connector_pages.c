#include "core/hashmap.h"
#include "core/sha256.h"
#include "format/jpull.h"
#include "format/jsonx.h"
#include "net/connector_internal.h"
#include "net/url.h"
#include <inttypes.h>
#include <stdlib.h>

struct connector_pages {
    struct connector *c;
    const struct resource_spec *resource;
    const char *name; /* of the resource */
    struct paginate_spec paginate;
    struct arena *arena;            /* parameters, cursors */
    struct arena *page_arena;       /* of one request */
    struct connector_param *params; /* the caller's, then a place for ours */
    size_t nparams;
    struct hashmap *seen; /* cursors, URLs and hashes of pages */
    /* where the next page is */
    const char *asked;  /* the URL of the last request */
    int64_t at;         /* page number or offset */
    const char *cursor; /* cursor, last id or URL; NULL at first */
    bool cursor_is_number, next_is_number;
    bool is_over;
    int64_t read_rows, total;
    int number;
    struct http_response response;
    struct strbuf scratch, single; /* single: its one record as a list */
};

/* What one answer says. */
struct page_facts {
    struct span body, records;
    int64_t count;
    int64_t total;    /* -1 unknown */
    struct span last; /* record */
};

static int page_error(const struct connector_pages *p, enum error_code code, struct error *err,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));

static int page_error(const struct connector_pages *p, enum error_code code, struct error *err,
                      const char *format, ...)
{
    va_list args;

    va_start(args, format);
    error_setv(err, code, format, args);
    va_end(args);
    return error_context(err, "page %d of '%s' at connector '%s'", p->number + 1, p->name,
                         p->c->name);
}

static bool is_json_number(const char *text)
{
    struct error ignored;

    return (*text == '-' || (*text >= '0' && *text <= '9')) &&
           jpull_check(span_of(text), false, &ignored) == 0;
}

int connector_pages_open(struct connector *c, const char *resource,
                         const struct connector_param *params, size_t nparams,
                         struct connector_pages **ret, struct error *err)
{
    static const struct paginate_spec one_page = {.type = PAGINATE_NONE, .max_pages = 1};
    const struct resource_spec *r = connector_resource(c, resource, err);

    if (!r)
        return (int)err->code;
    struct connector_pages *p = mem_alloc(sizeof(*p));
    p->c = c;
    p->resource = r;
    p->paginate = r->paginate ? *r->paginate : one_page;
    p->arena = arena_new();
    p->page_arena = arena_new();
    p->name = arena_strdup(p->arena, resource);
    p->params = arena_array(p->arena, nparams + 1, sizeof(*p->params));
    for (size_t i = 0; i < nparams; i++)
        p->params[i] = (struct connector_param){arena_strdup(p->arena, params[i].name),
                                                arena_strdup(p->arena, params[i].value)};
    p->nparams = nparams;
    p->seen = hashmap_new();
    p->at = p->paginate.start;
    if (p->at < 0)
        p->at = p->paginate.type == PAGINATE_PAGE ? 1 : 0;
    p->total = -1;
    if (p->paginate.first && !p->paginate.first->is_null) {
        p->cursor = p->paginate.first->text;
        p->cursor_is_number = p->paginate.first->is_plain && is_json_number(p->cursor);
    }
    strbuf_init(&p->scratch, 0);
    strbuf_init(&p->single, 0);
    *ret = p;
    return 0;
}

void connector_pages_close(struct connector_pages *p)
{
    if (!p)
        return;
    http_response_release(&p->response);
    strbuf_release(&p->scratch);
    strbuf_release(&p->single);
    hashmap_free(p->seen);
    arena_free(p->page_arena);
    arena_free(p->arena);
    free(p);
}

/* ---- asking -------------------------------------------------------------------------------- */

/* The cursor or last id as it stands in JSON: a number stays one. */
static const char *cursor_json(struct connector_pages *p)
{
    AUTO_STRBUF struct strbuf quoted = {0};

    if (p->cursor_is_number)
        return p->cursor;
    strbuf_init(&quoted, 0);
    jsonx_quote(&quoted, span_of(p->cursor));
    return arena_strndup(p->page_arena, quoted.data, quoted.len);
}

/* Where the next page is told: the query parameter, and the names for those that want it in the
 * path, a body or a form. */
struct position {
    const char *text; /* NULL: not told */
    struct template_own own[4];
    size_t nown;
};

static void position_add(struct position *at, const char *name, const char *text, const char *json)
{
    at->own[at->nown++] = (struct template_own){name, text, json};
}

static void position_fill(struct connector_pages *p, struct position *ret)
{
    const struct paginate_spec *paginate = &p->paginate;
    const char *number = arena_printf(p->page_arena, "%" PRId64, p->at);
    bool last_id = paginate->type == PAGINATE_LAST_ID;

    *ret = (struct position){0};
    if (paginate->size > 0) {
        const char *size = arena_printf(p->page_arena, "%" PRId64, paginate->size);
        position_add(ret, "page.size", size, size);
    }
    switch ((enum paginate_type)paginate->type) {
    case PAGINATE_PAGE:
        position_add(ret, "page.number", number, number);
        ret->text = number;
        return;
    case PAGINATE_OFFSET:
        position_add(ret, "page.offset", number, number);
        ret->text = number;
        return;
    case PAGINATE_CURSOR:
    case PAGINATE_LAST_ID:
        if (!p->cursor)
            return;
        position_add(ret, last_id ? "page.last_id" : "page.cursor", p->cursor, cursor_json(p));
        position_add(ret, "cursor", p->cursor, NULL); /* its name in older files */
        ret->text = p->cursor;
        return;
    case PAGINATE_NONE:
    case PAGINATE_LINK_HEADER:
    case PAGINATE_NEXT_URL: return;
    }
}

static bool follows_urls(const struct connector_pages *p)
{
    return p->paginate.type == PAGINATE_LINK_HEADER || p->paginate.type == PAGINATE_NEXT_URL;
}

static int page_request(struct connector_pages *p, struct outgoing *r, struct error *err)
{
    const struct paginate_spec *paginate = &p->paginate;
    struct position at;

    position_fill(p, &at);
    const struct outgoing_values values = {
        .params = p->params, .nparams = p->nparams, .own = at.own, .nown = at.nown};
    TRY(outgoing_build(r, &values, (struct span){0}, err));
    if (follows_urls(p) && p->cursor) { /* a URL is followed as it was given */
        r->url = p->cursor;
        r->query.count = 0;
        return 0;
    }
    if (paginate->param && at.text)
        outgoing_query(r, paginate->param, at.text);
    if (paginate->size_param && paginate->size > 0)
        outgoing_query(r, paginate->size_param,
                       arena_printf(p->page_arena, "%" PRId64, paginate->size));
    return 0;
}

static int page_fetch(struct connector_pages *p, bool *ret_ignored, struct error *err)
{
    struct outgoing r = {.arena = p->page_arena, .c = p->c, .resource = p->resource};
    struct http_response response = {0};

    arena_clear(p->page_arena);
    if (page_request(p, &r, err) != 0)
        return error_context(err, "resource '%s' of connector '%s'", p->name, p->c->name);
    TRY(outgoing_send(&r, &response, ret_ignored, err));
    http_response_release(&p->response);
    p->response = response;
    p->asked = r.http.url;
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------- */

static int records_count(struct connector_pages *p, struct page_facts *f, struct error *err)
{
    struct jpull_array array;
    struct span element;
    struct error why = ERROR_INIT;
    bool end = false;

    if (jpull_array_begin(f->records, &array, &why) != 0)
        return page_error(p, ERR_REMOTE, err, "%s", why.message);
    for (;;) {
        if (jpull_array_next(&array, &element, &end, &why) != 0)
            return page_error(p, ERR_REMOTE, err, "%s", why.message);
        if (end)
            return 0;
        f->last = element;
        f->count++;
    }
}

/* Counts are numbers, or numbers as text. */
static int64_t body_count(struct connector_pages *p, struct span body, const char *pointer)
{
    struct jpull_value value;
    struct error ignored;
    char text[24] = "", *end;

    strbuf_clear(&p->scratch);
    if (!pointer || jpull_find(body, pointer, &value, &p->scratch, &ignored) != 0 ||
        (value.kind != JPULL_NUMBER && value.kind != JPULL_STRING) || value.text.len == 0 ||
        value.text.len >= sizeof(text) - 4)
        return -1;
    memcpy(text, value.text.ptr, value.text.len);
    long long n = strtoll(text, &end, 10);
    return *end == '\0' && n >= 0 ? n : -1;
}

static int page_read(struct connector_pages *p, struct page_facts *f, struct error *err)
{
    struct jpull_value records;
    struct error why = ERROR_INIT;

    *f = (struct page_facts){.body = {p->response.body.data, p->response.body.len}};
    if (jpull_check(f->body, false, &why) != 0)
        return page_error(p, ERR_REMOTE, err, "the answer is not JSON: %s", why.message);
    strbuf_clear(&p->scratch);
    if (jpull_find(f->body, p->resource->records, &records, &p->scratch, &why) != 0)
        return page_error(p, ERR_REMOTE, err, "%s", why.message);
    if (p->resource->single && records.kind == JPULL_OBJECT) {
        strbuf_clear(&p->single);
        strbuf_addf(&p->single, "[%.*s]", (int)records.text.len, records.text.ptr);
        records = (struct jpull_value){JPULL_ARRAY, {p->single.data, p->single.len}};
    }
    if (records.kind != JPULL_ARRAY)
        return page_error(p, ERR_REMOTE, err, "the answer has no list at '%s'",
                          p->resource->records);
    f->records = records.text;
    f->total = body_count(p, f->body, p->resource->expect_total);
    return records_count(p, f, err);
}

/* The text of a string or number at a pointer, in the arena; NULL when absent, null or empty. */
static int text_at(struct connector_pages *p, struct span json, const char *pointer,
                   const char **ret, struct error *err)
{
    struct jpull_value value;
    struct error why = ERROR_INIT;

    *ret = NULL;
    strbuf_clear(&p->scratch);
    if (jpull_find(json, pointer, &value, &p->scratch, &why) != 0)
        return page_error(p, ERR_REMOTE, err, "%s", why.message);
    if (value.kind == JPULL_NONE || value.kind == JPULL_NULL)
        return 0;
    if (value.kind != JPULL_STRING && value.kind != JPULL_NUMBER)
        return page_error(p, ERR_REMOTE, err, "the value at '%s' is neither text nor number",
                          pointer);
    if (value.text.len > CONNECTOR_TEXT_MAX || memchr(value.text.ptr, '\0', value.text.len))
        return page_error(p, ERR_REMOTE, err, "the value at '%s' cannot be sent back", pointer);
    p->next_is_number = value.kind == JPULL_NUMBER;
    if (value.text.len > 0)
        *ret = arena_strndup(p->arena, value.text.ptr, value.text.len);
    return 0;
}

/* Whether `more` says that this was the last page. What is neither true nor false is an error: a
 * wrong guess would lose rows. */
static int more_says_end(struct connector_pages *p, const struct page_facts *f, bool *ret_end,
                         bool *ret_more, struct error *err)
{
    struct jpull_value value;
    struct error why = ERROR_INIT;

    *ret_end = *ret_more = false;
    if (!p->paginate.more)
        return 0;
    strbuf_clear(&p->scratch);
    if (jpull_find(f->body, p->paginate.more, &value, &p->scratch, &why) != 0)
        return page_error(p, ERR_REMOTE, err, "%s", why.message);
    if (value.kind != JPULL_TRUE && value.kind != JPULL_FALSE)
        return page_error(p, ERR_REMOTE, err, "'%s' is neither true nor false", p->paginate.more);
    *ret_end = value.kind == JPULL_FALSE;
    *ret_more = !*ret_end;
    return 0;
}

/* ---- going on ------------------------------------------------------------------------------ */

static int next_link(struct connector_pages *p, const char **ret, struct error *err)
{
    *ret = NULL;
    for (size_t i = 0; i < p->response.nheaders && !*ret; i++) {
        if (strcmp(p->response.headers[i].name, "link") != 0)
            continue;
        struct span target = link_next(p->response.headers[i].value);
        if (target.ptr && target.len == 0)
            return page_error(p, ERR_REMOTE, err, "the Link header has an empty target");
        if (target.ptr)
            *ret = arena_strndup(p->arena, target.ptr, target.len);
    }
    return 0;
}

/* A relative or absolute URL as one that may be asked with our credentials. */
static int url_accept(struct connector_pages *p, const char **url, struct error *err)
{
    AUTO_STRBUF struct strbuf shown = {0};
    struct error why = ERROR_INIT;
    char *absolute = NULL;

    if (url_resolve(p->asked, *url, &absolute, &why) != 0)
        return page_error(p, ERR_REMOTE, err, "%s", why.message);
    *url = arena_strdup(p->arena, absolute);
    free(absolute);
    if (url_may_follow(p->c->base_url, *url))
        return 0;
    strbuf_init(&shown, 0);
    url_shown(*url, &shown);
    return page_error(p, ERR_REMOTE, err, "the next page is at another host, '%s'", shown.data);
}

/* The cursor, id or URL of the page behind this one; NULL: this is the last. */
static int next_position(struct connector_pages *p, const struct page_facts *f, const char **ret,
                         struct error *err)
{
    const char *from = p->paginate.from;

    *ret = NULL;
    switch ((enum paginate_type)p->paginate.type) {
    case PAGINATE_CURSOR: return text_at(p, f->body, from, ret, err);
    case PAGINATE_LINK_HEADER: TRY(next_link(p, ret, err)); break;
    case PAGINATE_NEXT_URL: TRY(text_at(p, f->body, from, ret, err)); break;
    case PAGINATE_LAST_ID:
        if (f->count == 0)
            return 0;
        TRY(text_at(p, f->last, from, ret, err));
        return *ret ? 0 : page_error(p, ERR_REMOTE, err, "the last record has no id at '%s'", from);
    case PAGINATE_NONE:
    case PAGINATE_PAGE:
    case PAGINATE_OFFSET: return 0;
    }
    return *ret ? url_accept(p, ret, err) : 0;
}

static int seen_before(struct connector_pages *p, char kind, const char *text, const char *what,
                       struct error *err)
{
    const char *key = arena_printf(p->arena, "%c%s", kind, text);

    if (hashmap_puts(p->seen, key, p) != NULL)
        return page_error(p, ERR_REMOTE, err, "%s came before: the source goes in circles", what);
    return 0;
}

static int check_repeat(struct connector_pages *p, const struct page_facts *f, struct error *err)
{
    char hex[65];

    if (f->count == 0 || p->paginate.type == PAGINATE_NONE)
        return 0;
    struct sha256 *h = sha256_new();
    sha256_add(h, f->records.ptr, f->records.len);
    sha256_finish(h, hex);
    return seen_before(p, 'p', hex, "the very same records", err);
}

/* Decides whether there is another page and where. The page itself is good already. */
static int advance(struct connector_pages *p, const struct page_facts *f, struct error *err)
{
    bool end, more, counted, short_page;
    const char *next;
    int64_t read_rows = p->read_rows + f->count;
    int64_t total = f->total >= 0 ? f->total : p->total;

    TRY(more_says_end(p, f, &end, &more, err));
    switch ((enum paginate_type)p->paginate.type) {
    case PAGINATE_NONE: p->is_over = true; return 0;
    case PAGINATE_PAGE:
    case PAGINATE_OFFSET:
        /* A short page is no end unless the file says so: servers cap sizes. An empty one is, or
         * all that was told of. */
        counted = total >= 0 && read_rows >= total;
        short_page = p->paginate.end == PAGINATE_END_SHORT && f->count < p->paginate.size;
        p->is_over = end || (!more && (f->count == 0 || counted || short_page));
        if (f->count == 0 && !p->is_over && p->paginate.type == PAGINATE_OFFSET)
            return page_error(p, ERR_REMOTE, err,
                              "there is more, but no record came: the offset cannot go on");
        p->at += p->paginate.type == PAGINATE_PAGE ? 1 : f->count;
        return 0;
    case PAGINATE_CURSOR:
    case PAGINATE_LAST_ID:
    case PAGINATE_LINK_HEADER:
    case PAGINATE_NEXT_URL: break;
    }
    TRY(next_position(p, f, &next, err));
    if (!next && more)
        return page_error(p, ERR_REMOTE, err, "there is more, but no cursor to it");
    p->is_over = end || !next;
    if (p->is_over)
        return 0;
    TRY(seen_before(p, 'c', next,
                    p->paginate.type == PAGINATE_LAST_ID ? "the last id" : "the next cursor", err));
    p->cursor = next;
    p->cursor_is_number = p->next_is_number;
    return 0;
}

int connector_pages_next(struct connector_pages *p, struct connector_page *ret, bool *ret_end,
                         struct error *err)
{
    struct page_facts f;
    bool ignored = false;

    if (p->is_over) {
        *ret_end = true;
        return 0;
    }
    if (p->number >= p->paginate.max_pages) {
        page_error(p, ERR_LIMIT, err, "there are more pages than max_pages, %" PRId64,
                   p->paginate.max_pages);
        return error_hint(err, "narrow the request, or raise max_pages of the resource");
    }
    TRY(page_fetch(p, &ignored, err));
    if (ignored) { /* a rule says that this answer is nothing */
        p->is_over = *ret_end = true;
        return 0;
    }
    TRY(page_read(p, &f, err));
    TRY(check_repeat(p, &f, err));
    TRY(advance(p, &f, err));
    p->number++;
    p->read_rows += f.count;
    if (f.total >= 0)
        p->total = f.total;
    *ret = (struct connector_page){
        .body = f.body, .records = f.records, .number = p->number, .expect_total = p->total};
    *ret_end = false;
    return 0;
}
