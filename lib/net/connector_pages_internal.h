/* lib/net/connector_pages_internal.h - a list on its way to its end. connector_pages.c asks, before
 * it is wanted even; connector_advance.c decides where the next page is. Inside lib/net only. */
#ifndef DINER_NET_CONNECTOR_PAGES_INTERNAL_H
#define DINER_NET_CONNECTOR_PAGES_INTERNAL_H

#include "net/connector_page.h"

#define AHEAD_MAX 64 /* requests */

/* One page that was asked for. */
struct page_slot {
    struct arena *arena;
    struct outgoing r;
    int64_t at; /* page number or offset */
};

struct connector_pages {
    struct connector *c;
    const struct resource_spec *resource;
    const char *name; /* of the resource */
    struct paginate_spec paginate;
    struct arena *arena; /* parameters */
    const struct connector_param *params;
    size_t nparams;
    struct page_seen *seen; /* cursors, URLs and records */
    struct page_reader *reader;
    /* where the next page is */
    struct strbuf asked;  /* the URL of the last request */
    int64_t at;           /* page number or offset */
    struct strbuf cursor; /* cursor, last id or URL */
    bool has_cursor, cursor_is_number;
    bool is_over, is_ahead;
    bool takes_faulty;    /* records */
    bool is_ordered;      /* the export, if it is one */
    const char *download; /* the URL it is at, or NULL */
    bool is_foreign;      /* which gets no credentials */
    struct tape *kept;    /* answers on their way into the cache, or out of it; or NULL */
    const char *cache_file;
    const struct cache_spec *cache; /* the resource's, or own_cache; NULL: none */
    struct cache_spec own_cache;
    const char *degraded; /* why they are out of it */
    int64_t age_ms;       /* how old they are then */
    bool may_degrade;
    struct page_slot *slots[AHEAD_MAX]; /* in order */
    size_t nslots;
    /* what is known */
    int64_t read_rows, total, pages;
    int64_t page_rows; /* of a full page, as the source makes them */
    size_t page_bytes; /* of the largest */
    int number;
    struct http_response response;
};

/* Puts "page N of 'resource' at connector 'name'" before it. */
int pages_error(const struct connector_pages *p, enum error_code code, struct error *err,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

static inline bool pages_follow_urls(const struct connector_pages *p)
{
    return p->paginate.type == PAGINATE_LINK_HEADER || p->paginate.type == PAGINATE_NEXT_URL;
}

static inline bool pages_have_numbers(const struct connector_pages *p)
{
    return p->paginate.type == PAGINATE_PAGE || p->paginate.type == PAGINATE_OFFSET;
}

/* Decides whether there is another page and where. The page itself is good already; p->response is
 * its answer. Nothing is changed on failure. */
int pages_advance(struct connector_pages *p, const struct page_facts *f, struct error *err);
/* The very same records twice are ERR_REMOTE. */
int pages_check_repeat(struct connector_pages *p, const struct page_facts *f, struct error *err);

#endif
