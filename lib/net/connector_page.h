/* lib/net/connector_page.h - what one answer of a list says. Inside lib/net only. */
#ifndef DINER_NET_CONNECTOR_PAGE_H
#define DINER_NET_CONNECTOR_PAGE_H

#include "format/jpull.h"
#include "net/connector_internal.h"

enum page_more { PAGE_MORE_UNSAID, PAGE_MORE_NO, PAGE_MORE_YES };
struct page_facts {
    struct span body, records;
    const struct span *elements;
    size_t count;
    int64_t total, pages; /* -1: it does not say */
    bool has_no_list;     /* and none is as good as an empty one */
    enum page_more more;
    struct jpull_value next; /* at paginate.from of the document; of kind NONE, STRING, NUMBER */
};

/* Finds all that is wanted in one pass over the document. */
struct page_reader;
struct page_reader *page_reader_new(const struct resource_spec *resource);
void page_reader_free(struct page_reader *r); /* NULL-safe */
/* Of records a line, those that are no JSON are taken as they are, for who looks at each. */
void page_reader_take_faulty(struct page_reader *r);
/* Spans are borrowed from the body and from the reader, until the next call. ERR_REMOTE. */
int page_reader_read(struct page_reader *r, struct span body, struct page_facts *ret,
                     struct error *err);
/* A cursor or id at a pointer into one record. */
int page_reader_id(struct page_reader *r, struct span record, const char *pointer,
                   struct jpull_value *ret, struct error *err);

/* What came before, by 64-bit fingerprints: a false alarm is an error in 10^8 lists of a million
 * pages, never a loss. 16 bytes an entry. */
struct page_seen;
struct page_seen *page_seen_new(void);
void page_seen_free(struct page_seen *s); /* NULL-safe */
/* Whether these bytes came before under this kind; now they have. */
bool page_seen_add(struct page_seen *s, char kind, struct span bytes);

#endif
