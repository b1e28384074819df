/* Where the page behind one is, and whether there is any. */
#include "core/message.h"
#include "net/connector_pages_internal.h"
#include "net/url.h"
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

int pages_error(const struct connector_pages *p, enum error_code code, struct error *err,
                const char *format, ...)
{
    va_list args;

    va_start(args, format);
    error_setv(err, code, format, args);
    va_end(args);
    return error_context(err, "page %d of '%s' at connector '%s'", p->number + 1, p->name,
                         p->c->name);
}

/* A relative or absolute URL as one that may be asked with our credentials. */
static int url_accept(struct connector_pages *p, struct strbuf *url, struct error *err)
{
    AUTO_STRBUF struct strbuf shown = {0};
    struct error why = ERROR_INIT;
    char *absolute = NULL;

    if (url_resolve(p->asked.data, url->data, &absolute, &why) != 0)
        return pages_error(p, ERR_REMOTE, err, "%s", why.message);
    strbuf_clear(url);
    strbuf_adds(url, absolute);
    free(absolute);
    if (url_may_follow(p->c->base_url, url->data))
        return 0;
    strbuf_init(&shown, 0);
    url_shown(url->data, &shown);
    return pages_error(p, ERR_REMOTE, err, "the next page is at another host, '%s'", shown.data);
}

static int link_read(const struct connector_pages *p, struct span *ret, struct error *err)
{
    for (size_t i = 0; i < p->response.nheaders && !ret->ptr; i++) {
        if (strcmp(p->response.headers[i].name, "link") != 0)
            continue;
        *ret = link_next(p->response.headers[i].value);
        if (ret->ptr && ret->len == 0)
            return pages_error(p, ERR_REMOTE, err, "the Link header has an empty target");
    }
    return 0;
}

static struct span header_cursor(const struct connector_pages *p)
{
    for (size_t i = 0; i < p->response.nheaders; i++)
        if (strcasecmp(p->response.headers[i].name, p->paginate.header) == 0 &&
            p->response.headers[i].value[0])
            return span_of(p->response.headers[i].value);
    return (struct span){0};
}

static int last_id_read(struct connector_pages *p, const struct page_facts *f,
                        struct jpull_value *ret, struct error *err)
{
    const char *from = p->paginate.from;
    struct error why = ERROR_INIT;

    if (f->count == 0)
        return 0;
    if (page_reader_id(p->reader, f->elements[f->count - 1], from, ret, &why) != 0)
        return pages_error(p, ERR_REMOTE, err, "%s", why.message);
    if (ret->kind == JPULL_NONE)
        return pages_error(p, ERR_REMOTE, err, "the last record has no id at '%s'", from);
    return 0;
}

/* The cursor, id or URL of the page behind this one into p->cursor; none: this is the last. */
static int next_place(struct connector_pages *p, const struct page_facts *f, bool *ret_found,
                      struct error *err)
{
    struct jpull_value next = f->next;

    switch ((enum paginate_type)p->paginate.type) {
    case PAGINATE_CURSOR:
        if (p->paginate.header)
            next = (struct jpull_value){JPULL_STRING, header_cursor(p)};
        break;
    case PAGINATE_LAST_ID:
        next = (struct jpull_value){0};
        TRY(last_id_read(p, f, &next, err));
        break;
    case PAGINATE_LINK_HEADER:
        next = (struct jpull_value){.kind = JPULL_STRING};
        TRY(link_read(p, &next.text, err));
        break;
    case PAGINATE_NEXT_URL:
    case PAGINATE_NONE:
    case PAGINATE_PAGE:
    case PAGINATE_OFFSET: break;
    }
    *ret_found = next.kind != JPULL_NONE && next.text.len > 0;
    if (!*ret_found)
        return 0;
    strbuf_clear(&p->cursor);
    strbuf_add(&p->cursor, next.text.ptr, next.text.len);
    p->cursor_is_number = next.kind == JPULL_NUMBER;
    return pages_follow_urls(p) ? url_accept(p, &p->cursor, err) : 0;
}

/* Goes on to a cursor, an id or a URL. */
static int go_to_cursor(struct connector_pages *p, const struct page_facts *f, struct error *err)
{
    AUTO_STRBUF struct strbuf before = {0};
    bool found = false, was_number = p->cursor_is_number;

    strbuf_init(&before, 0);
    strbuf_add(&before, p->cursor.data, p->cursor.len);
    int code = next_place(p, f, &found, err);
    if (code == 0 && !found && f->more == PAGE_MORE_YES)
        code = pages_error(p, ERR_REMOTE, err, "there is more, but no cursor to it");
    p->is_over = code == 0 && (f->more == PAGE_MORE_NO || !found);
    if (code == 0 && !p->is_over &&
        page_seen_add(p->seen, 'c', (struct span){p->cursor.data, p->cursor.len}))
        code = pages_error(p, ERR_REMOTE, err, "%s came before: the source goes in circles",
                           p->paginate.type == PAGINATE_LAST_ID ? message_text("the last id")
                                                                : message_text("the next cursor"));
    if (code == 0) {
        p->has_cursor = p->has_cursor || found;
        return 0;
    }
    strbuf_clear(&p->cursor); /* asked again it is the same page */
    strbuf_add(&p->cursor, before.data, before.len);
    p->cursor_is_number = was_number;
    return code;
}

/* Whether a page without records is one in the middle. */
static bool is_gap(const struct connector_pages *p, const struct page_facts *f)
{
    int64_t read_pages = p->number + 1;

    if (f->more == PAGE_MORE_YES || (p->pages >= 0 && read_pages < p->pages))
        return true;
    return p->paginate.type == PAGINATE_PAGE && p->paginate.size > 0 && p->total > 0 &&
           read_pages * p->paginate.size < p->total;
}

/* Goes on to the next number or offset. A short page is no end unless the file says so: servers cap
 * sizes. An empty one is, or all that was told of. */
static int go_to_number(struct connector_pages *p, const struct page_facts *f, struct error *err)
{
    int64_t count = (int64_t)f->count, step = count;
    bool said_more = f->more == PAGE_MORE_YES;
    bool counted =
        (p->total >= 0 && p->read_rows >= p->total) || (p->pages >= 0 && p->number + 1 >= p->pages);
    bool is_short = p->paginate.end == PAGINATE_END_SHORT && count < p->paginate.size;

    p->is_over = f->more == PAGE_MORE_NO || (counted && !said_more) || (is_short && !said_more) ||
                 (count == 0 && !is_gap(p, f));
    if (p->paginate.type == PAGINATE_PAGE)
        step = 1;
    else if (count == 0)
        step = p->paginate.size;
    if (!p->is_over && step == 0)
        return pages_error(p, ERR_REMOTE, err,
                           "there is more, but no record came: the offset cannot go on");
    p->at += step;
    return 0;
}

int pages_check_repeat(struct connector_pages *p, const struct page_facts *f, struct error *err)
{
    if (f->count == 0 || p->paginate.type == PAGINATE_NONE ||
        !page_seen_add(p->seen, 'p', f->records))
        return 0;
    pages_error(p, ERR_REMOTE, err,
                "the very same records came before: the source goes in circles");
    return error_hint(err, "it may not look at %s",
                      pages_have_numbers(p) ? message_text("the page asked for")
                                            : message_text("the cursor sent back"));
}

/* A source that stops at its own limit says nothing: what is behind it would be missing. */
static int check_cap(struct connector_pages *p, struct error *err)
{
    int64_t cap = p->paginate.cap_rows;

    if (cap == 0 || p->read_rows < cap || (p->is_over && p->total >= 0 && p->total <= cap))
        return 0;
    error_set(err, ERR_LIMIT,
              "'%s' at connector '%s' gives no more than %" PRId64 " records of one question, and "
              "that many came: the rest is missing",
              p->name, p->c->name, cap);
    return error_hint(err, "ask in smaller parts: a shorter window, or for_each");
}

/* An expectation that no page fulfils or fails would check nothing, silently. */
static int check_total(const struct connector_pages *p, const struct page_facts *f,
                       struct error *err)
{
    const char *pointer = p->resource->expect_total;
    bool is_nothing = f->has_no_list && p->read_rows == 0;

    if (!pointer || !p->is_over || p->total >= 0 || is_nothing)
        return 0;
    pages_error(p, ERR_REMOTE, err,
                "expect_total: expected a whole number at '%s' of at least one page, found none",
                pointer);
    return error_hint(err, "point 'expect_total' of the resource to where its answers say how many "
                           "records there are, or leave it out");
}

int pages_advance(struct connector_pages *p, const struct page_facts *f, struct error *err)
{
    int64_t rows = p->read_rows, total = p->total, pages = p->pages, at = p->at;
    int code = 0;

    /* Of several totals the largest: some are told once, and 0 afterwards. */
    p->total = f->total > p->total ? f->total : p->total;
    p->pages = f->pages > p->pages ? f->pages : p->pages;
    p->read_rows += (int64_t)f->count;
    if (p->paginate.type == PAGINATE_NONE)
        p->is_over = true;
    else if (pages_have_numbers(p))
        code = go_to_number(p, f, err);
    else
        code = go_to_cursor(p, f, err);
    if (code == 0)
        code = check_cap(p, err);
    if (code == 0)
        code = check_total(p, f, err);
    if (code != 0) {
        p->read_rows = rows;
        p->total = total;
        p->pages = pages;
        p->at = at;
        p->is_over = false;
        return code;
    }
    p->number++;
    p->page_rows = (int64_t)f->count > p->page_rows ? (int64_t)f->count : p->page_rows;
    p->page_bytes = f->body.len > p->page_bytes ? f->body.len : p->page_bytes;
    return 0;
}
