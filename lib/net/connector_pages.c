/* Lists read to their end: which page is asked for, and when there is none more. */
#include "format/jsonx.h"
#include "net/connector_pages_internal.h"
#include <inttypes.h>
#include <stdlib.h>

#define KEPT_MAX    ((int64_t)16 << 20) /* bytes of an answer that somebody reads */
#define AHEAD_BYTES ((size_t)32 << 20)  /* of pages that wait to be read */

static void cursor_begin(struct connector_pages *p)
{
    const struct ynode *first = p->paginate.first;
    struct error ignored;

    p->has_cursor = first && !first->is_null;
    if (!p->has_cursor)
        return;
    strbuf_adds(&p->cursor, first->text);
    p->cursor_is_number = first->is_plain && strchr("-0123456789", first->text[0]) &&
                          jpull_check(span_of(first->text), false, &ignored) == 0;
}

/* Reads this resource from now on. */
static void resource_set(struct connector_pages *p, const struct resource_spec *r)
{
    static const struct paginate_spec one_page = {.type = PAGINATE_NONE, .max_pages = 1};

    p->resource = r;
    p->paginate = r->paginate ? *r->paginate : one_page;
    p->at = p->paginate.start;
    if (p->at < 0)
        p->at = p->paginate.type == PAGINATE_PAGE ? 1 : 0;
    page_reader_free(p->reader);
    p->reader = page_reader_new(r);
    if (p->takes_faulty)
        page_reader_take_faulty(p->reader);
    cursor_begin(p);
    if (p->cache != &p->own_cache)
        p->cache = r->cache;
}

int connector_pages_open(struct connector *c, const char *resource,
                         const struct connector_param *params, size_t nparams,
                         struct connector_pages **ret, struct error *err)
{
    const struct resource_spec *r = connector_resource(c, resource, err);

    if (!r)
        return (int)err->code;
    if (connector_gives_file(c, resource)) {
        error_set(err, ERR_SPEC, "resource '%s' of connector '%s' gives a file", resource, c->name);
        return error_hint(err, "say how it is read, in the source:  format: csv");
    }
    struct connector_pages *p = mem_alloc(sizeof(*p));
    p->c = c;
    p->arena = arena_new();
    p->name = arena_strdup(p->arena, resource);
    struct connector_param *copies = arena_array(p->arena, nparams + 1, sizeof(*copies));
    for (size_t i = 0; i < nparams; i++)
        copies[i] = (struct connector_param){arena_strdup(p->arena, params[i].name),
                                             arena_strdup(p->arena, params[i].value),
                                             params[i].is_optional};
    p->params = copies;
    p->nparams = nparams;
    p->seen = page_seen_new();
    p->total = p->pages = -1;
    strbuf_init(&p->asked, 0);
    strbuf_init(&p->cursor, 0);
    resource_set(p, r);
    *ret = p;
    return 0;
}

void connector_pages_ahead(struct connector_pages *p)
{
    p->is_ahead = true;
}

void connector_pages_take_faulty(struct connector_pages *p)
{
    p->takes_faulty = true;
    page_reader_take_faulty(p->reader);
}

void connector_pages_may_degrade(struct connector_pages *p, bool deletes)
{
    const struct cache_spec *cache = p->cache;

    p->may_degrade = cache && (!deletes || cache->deletes == CACHE_DELETES_ALLOW);
}

static void slot_free(struct page_slot *slot)
{
    outgoing_drop(&slot->r);
    arena_free(slot->arena);
    free(slot);
}

/* What was asked for ahead is not wanted any more. */
static void slots_drop(struct connector_pages *p)
{
    while (p->nslots > 0)
        slot_free(p->slots[--p->nslots]);
}

static void cache_start(struct connector_pages *p)
{
    p->cache_file = cache_path(p->c, p->name, p->params, p->nparams, p->arena);
    p->kept = p->c->tape ? NULL : cache_begin(p->cache_file, p->cache);
}

static void cache_end(struct connector_pages *p)
{
    if (p->kept && !p->degraded)
        cache_commit(p->kept, p->cache_file, p->cache);
    else
        tape_free(p->kept);
    p->kept = NULL;
}

void connector_pages_keep(struct connector_pages *p, int64_t for_ms)
{
    p->own_cache =
        (struct cache_spec){.for_ms = for_ms, .max_bytes = KEPT_MAX, .is_disguised = true};
    p->cache = &p->own_cache;
    p->may_degrade = true;
}

void connector_pages_enough(struct connector_pages *p)
{
    if (p->cache_file && !p->is_over)
        cache_end(p);
    p->is_over = true;
    slots_drop(p);
}

void connector_pages_poll(struct connector_pages *p)
{
    if (p->nslots > 0 && p->c->http)
        http_poll(p->c->http);
}

void connector_pages_close(struct connector_pages *p)
{
    if (!p)
        return;
    slots_drop(p);
    http_response_release(&p->response);
    strbuf_release(&p->asked);
    strbuf_release(&p->cursor);
    tape_free(p->kept);
    page_seen_free(p->seen);
    page_reader_free(p->reader);
    arena_free(p->arena);
    free(p);
}

/* ---- asking -------------------------------------------------------------------------------- */

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

/* The cursor or last id; in JSON a number stays one. */
static void position_cursor(const struct connector_pages *p, struct arena *arena,
                            struct position *ret)
{
    AUTO_STRBUF struct strbuf quoted = {0};
    bool last_id = p->paginate.type == PAGINATE_LAST_ID;

    if (!p->has_cursor)
        return;
    strbuf_init(&quoted, 0);
    ret->text = arena_strndup(arena, p->cursor.data, p->cursor.len);
    jsonx_quote(&quoted, span_of(ret->text));
    const char *json = arena_strndup(arena, quoted.data, quoted.len);
    position_add(ret, last_id ? "page.last_id" : "page.cursor", ret->text,
                 p->cursor_is_number ? ret->text : json);
    position_add(ret, "cursor", ret->text, NULL); /* its name in older files */
}

static void position_fill(const struct connector_pages *p, const struct page_slot *slot,
                          struct position *ret)
{
    const struct paginate_spec *paginate = &p->paginate;
    const char *number = arena_printf(slot->arena, "%" PRId64, slot->at);

    *ret = (struct position){0};
    if (paginate->size > 0) {
        const char *size = arena_printf(slot->arena, "%" PRId64, paginate->size);
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
    case PAGINATE_LAST_ID: position_cursor(p, slot->arena, ret); return;
    case PAGINATE_NONE:
    case PAGINATE_LINK_HEADER:
    case PAGINATE_NEXT_URL: return;
    }
}

static int slot_request(const struct connector_pages *p, struct page_slot *slot, struct error *err)
{
    const struct paginate_spec *paginate = &p->paginate;
    struct outgoing *r = &slot->r;
    struct position at;

    if (p->download) {
        outgoing_download(r, p->download, p->is_foreign);
        return 0;
    }
    position_fill(p, slot, &at);
    const struct outgoing_values values = {
        .params = p->params, .nparams = p->nparams, .own = at.own, .nown = at.nown};
    if (outgoing_build(r, &values, (struct span){0}, err) != 0)
        return error_context(err, "resource '%s' of connector '%s'", p->name, p->c->name);
    if (pages_follow_urls(p) && p->has_cursor) { /* a URL is followed as it was given */
        r->url = arena_strndup(slot->arena, p->cursor.data, p->cursor.len);
        r->query.count = 0;
        return 0;
    }
    if (paginate->param && at.text)
        outgoing_query(r, paginate->param, at.text);
    if (paginate->size_param && paginate->size > 0)
        outgoing_query(r, paginate->size_param,
                       arena_printf(slot->arena, "%" PRId64, paginate->size));
    return 0;
}

int connector_pages_build(const struct connector_pages *p, struct outgoing *r, struct error *err)
{
    struct page_slot slot = {.arena = r->arena, .r = *r, .at = p->at};
    int code = slot_request(p, &slot, err);

    *r = slot.r;
    return code;
}

/* Asks for the page at a number or offset; the others have one place to go on from. */
static int slot_begin(struct connector_pages *p, int64_t at, struct error *err)
{
    struct page_slot *slot = mem_alloc(sizeof(*slot));

    slot->arena = arena_new();
    slot->at = at;
    slot->r = (struct outgoing){
        .arena = slot->arena, .c = p->c, .resource = p->resource, .tape = p->kept};
    int code = slot_request(p, slot, err);
    if (code == 0)
        code = outgoing_begin(&slot->r, err);
    if (code != 0) {
        slot_free(slot);
        return code;
    }
    p->slots[p->nslots++] = slot;
    return 0;
}

/* The answer to the oldest request; the request is over either way. */
static int slot_await(struct connector_pages *p, bool *ret_ignored, struct error *err)
{
    struct http_response response = {0};
    struct page_slot *slot = p->slots[0];

    int code = outgoing_await(&slot->r, &response, ret_ignored, err);
    if (code == 0) {
        http_response_release(&p->response);
        p->response = response;
        strbuf_clear(&p->asked);
        strbuf_adds(&p->asked, slot->r.http.url);
    }
    p->nslots--;
    memmove(p->slots, p->slots + 1, p->nslots * sizeof(p->slots[0]));
    slot_free(slot);
    return code;
}

/* ---- asking ahead ---------------------------------------------------------------------------- */

/* How many pages there may be behind the one just read, as far as the source said; 1: another one,
 * who knows how many. */
static int64_t pages_left(const struct connector_pages *p)
{
    if (p->pages >= 0)
        return p->pages - p->number;
    if (p->total >= 0 && p->page_rows > 0)
        return (p->total - p->read_rows + p->page_rows - 1) / p->page_rows;
    return 1;
}

static int64_t ahead_wanted(const struct connector_pages *p)
{
    /* A request that may not be repeated would fail for good where its answer was late. */
    const char *method = connector_methods[p->resource->method];
    int64_t wanted = pages_have_numbers(p) ? pages_left(p) : 1;
    int64_t most = p->c->http ? http_in_flight_max(p->c->http) : p->c->spec.concurrency;

    if (!p->is_ahead || p->is_over || (strcmp(method, "GET") != 0 && !p->resource->repeatable))
        return 0;
    if (p->page_bytes > 0 && most > (int64_t)(AHEAD_BYTES / p->page_bytes))
        most = (int64_t)(AHEAD_BYTES / p->page_bytes);
    if (most > p->paginate.max_pages - p->number)
        most = p->paginate.max_pages - p->number;
    if (most > AHEAD_MAX)
        most = AHEAD_MAX;
    return wanted < most ? wanted : most;
}

static int ask_ahead(struct connector_pages *p, struct error *err)
{
    int64_t wanted = ahead_wanted(p);
    int64_t step = p->paginate.type == PAGINATE_OFFSET ? p->page_rows : 1;

    while ((int64_t)p->nslots < wanted) {
        int64_t at = p->nslots == 0 ? p->at : p->slots[p->nslots - 1]->at + step;
        TRY(slot_begin(p, at, err));
    }
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------- */

static int page_read(struct connector_pages *p, struct page_facts *f, struct error *err)
{
    struct span body = {p->response.body.data, p->response.body.len};
    struct error why = ERROR_INIT;

    if (page_reader_read(p->reader, body, f, &why) != 0) {
        pages_error(p, why.code, err, "%s", why.message);
        return why.hint[0] ? error_hint(err, "%s", why.hint) : (int)err->code;
    }
    TRY(pages_check_repeat(p, f, err));
    return pages_advance(p, f, err);
}

/* The oldest request's answer, or one for p->at when there is none under way. */
static int answer_get(struct connector_pages *p, bool *ret_ignored, struct error *err)
{
    if (p->nslots == 0)
        TRY(slot_begin(p, p->at, err));
    return slot_await(p, ret_ignored, err);
}

/* Nothing came yet, and nothing can be had: the list as it was, all of it. */
static bool degrade(struct connector_pages *p, const struct error *cause)
{
    bool silent = cause->code == ERR_UNAVAILABLE || cause->code == ERR_RATE_LIMITED;

    if (!silent || !p->may_degrade || p->number > 0 || p->degraded || p->c->tape)
        return false;
    slots_drop(p);
    struct tape *kept =
        cache_open(p->cache_file, p->cache, cause, p->arena, &p->degraded, &p->age_ms);
    if (!kept)
        return false;
    tape_free(p->kept);
    p->kept = kept;
    return true;
}

/* The next page, read; what was asked for ahead of it stays only as far as it is still right. */
static int page_fetch(struct connector_pages *p, struct page_facts *f, bool *ret_ignored,
                      struct error *err)
{
    int code = answer_get(p, ret_ignored, err);

    if (code != 0 && degrade(p, err))
        code = answer_get(p, ret_ignored, err);
    if (code == 0 && !*ret_ignored)
        code = page_read(p, f, err);
    bool follows = p->nslots > 0 && !p->is_over && p->slots[0]->at == p->at;
    if (code != 0 || *ret_ignored || !follows)
        slots_drop(p);
    return code;
}

/* An export is ordered, and then read where it is. */
static int order(struct connector_pages *p, struct error *err)
{
    struct job_result job;

    TRY(job_run(p->c, p->name, p->resource, p->params, p->nparams, p->arena, &job, err));
    p->is_ordered = true;
    if (job.is_nothing) {
        p->is_over = true;
        return 0;
    }
    p->params = job.params;
    p->nparams = job.nparams;
    p->download = job.url;
    p->is_foreign = job.is_foreign;
    if (job.resource != p->resource)
        resource_set(p, job.resource);
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
        pages_error(p, ERR_LIMIT, err, "there are more pages than max_pages, %" PRId64,
                    p->paginate.max_pages);
        return error_hint(err, "narrow the request, or raise max_pages of the resource");
    }
    if (p->resource->job && !p->is_ordered)
        TRY(order(p, err));
    if (p->is_over) {
        *ret_end = true;
        return 0;
    }
    if (p->cache && !p->cache_file)
        cache_start(p);
    TRY(page_fetch(p, &f, &ignored, err));
    if (ignored) { /* a rule says that this answer is nothing */
        p->is_over = *ret_end = true;
        return 0;
    }
    if (p->is_over)
        cache_end(p);
    struct error late = ERROR_INIT;
    if (ask_ahead(p, &late) != 0) /* it is told when the page is wanted */
        slots_drop(p);
    *ret = (struct connector_page){.body = f.body,
                                   .records = f.records,
                                   .elements = f.elements,
                                   .count = f.count,
                                   .number = p->number,
                                   .expect_total = p->total,
                                   .degraded = p->degraded,
                                   .age_ms = p->age_ms};
    *ret_end = false;
    return 0;
}
