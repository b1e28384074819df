/* lib/platform/server/list.c - pages and cursors.
 *
 * A cursor is base64url of CHECK and the key of the last row given, with a NUL, which no text of
 * PostgreSQL has, before each column of it. The check is over the list's address, order and
 * filters, so that a cursor is not taken for another list's. It is no secret and gives no right:
 * filters and store scope are applied anew each time. */
#include "format/jsonx.h"
#include "platform/server/encode.h"
#include "platform/server/internal.h"
#include <inttypes.h>

#define PAGE_MAX         1000000
#define CURSOR_BYTES_MAX ((size_t)4 << 10)

static uint64_t hash_text(uint64_t h, const char *text)
{
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211U; /* FNV-1a */
    return (h ^ 255) * 1099511628211U;
}

static bool is_filter(const char *name)
{
    return strcmp(name, "cursor") != 0 && strcmp(name, "page") != 0 &&
           strcmp(name, "page_size") != 0 && strcmp(name, "sort") != 0;
}

/* Filters count in whatever order they come; the order counts as what it is, said or not. */
static uint32_t list_check(const struct request *r, const char *sort)
{
    uint64_t filters = 0;
    for (size_t i = 0; i < r->query_count; i++)
        if (is_filter(r->query[i].name) && r->query[i].value[0] != '\0')
            filters +=
                hash_text(hash_text(14695981039346656037U, r->query[i].name), r->query[i].value);
    uint64_t h = hash_text(hash_text(14695981039346656037U, r->path), sort) + filters;
    return (uint32_t)(h ^ h >> 32);
}

static int refuse_cursor(struct request *r, struct error *err, const char *why)
{
    r->ctx.refusal = API_ERROR(bad_cursor);
    return error_set(err, ERR_USAGE, "the cursor %s", why);
}

static int read_cursor(struct request *r, const char *cursor, struct list_request *l,
                       struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    char check[16];
    size_t nkeys = listing_keys(l->spec, &l->from), k = 0;
    strbuf_init(&text, CURSOR_BYTES_MAX);
    if (!base64url_decode(span_of(cursor), &text))
        return refuse_cursor(r, err, "is not one of ours");
    snprintf(check, sizeof check, "%08" PRIx32, list_check(r, l->sort));
    const char *end = text.data + text.len;
    for (const char *p = text.data + strlen(text.data) + 1; p <= end && k < nkeys;
         p += strlen(p) + 1)
        l->from.after[k++] = arena_strdup(r->arena, p);
    if (strcmp(text.data, check) != 0)
        return refuse_cursor(r, err, "belongs to another list, another order or other filters");
    if (k < nkeys)
        return refuse_cursor(r, err, "is not one of ours");
    return ERR_OK;
}

static int refuse_sort(struct request *r, const struct listing_spec *spec, struct error *err)
{
    AUTO_STRBUF struct strbuf known = {0};
    strbuf_init(&known, 0);
    for (const struct listing_sort *s = spec->sorts; s->name != NULL; s++)
        strbuf_addf(&known, "%s%s",
                    s == spec->sorts    ? ""
                    : s[1].name != NULL ? ", "
                                        : " or ",
                    s->name);
    return request_refuse(r, err, "sort", "'sort' is %s, descending with a '-' before it",
                          known.data);
}

static int read_sort(struct request *r, struct list_request *l, struct error *err)
{
    const char *by_page = l->spec->page_order;
    l->sort = request_query(r, "sort");
    if (l->sort == NULL)
        l->sort = l->is_paged && by_page != NULL ? by_page : l->spec->order;
    if (!listing_sort_set(l->spec, l->sort, &l->from))
        return refuse_sort(r, l->spec, err);
    return ERR_OK;
}

int list_begin(struct request *r, const struct listing_spec *spec, struct list_request *ret,
               struct error *err)
{
    const char *cursor = request_query(r, "cursor");
    const struct server_limits *limits = server_limits(r->server);
    struct list_request l = {.spec = spec, .page = 1, .page_size = limits->page_size_default};
    l.is_paged = request_query(r, "page") != NULL;
    TRY(request_query_int(r, "page", 1, PAGE_MAX, &l.page, err));
    TRY(request_query_int(r, "page_size", 1, limits->page_size_max, &l.page_size, err));
    TRY(read_sort(r, &l, err));
    if (l.is_paged && cursor != NULL)
        return request_refuse(r, err, "cursor", "page and cursor exclude each other");
    l.from.limit = l.page_size;
    l.from.skip = (l.page - 1) * l.page_size;
    l.from.wants_total = cursor == NULL;
    if (cursor != NULL)
        TRY(read_cursor(r, cursor, &l, err));
    *ret = l;
    return ERR_OK;
}

static void write_cursor(struct request *r, const struct list_request *l,
                         const struct listing *found, struct jwriter *w)
{
    AUTO_STRBUF struct strbuf text = {0}, cursor = {0};
    strbuf_init(&text, CURSOR_BYTES_MAX);
    strbuf_init(&cursor, 0);
    strbuf_addf(&text, "%08" PRIx32, list_check(r, l->sort));
    for (size_t k = 0; k < listing_keys(l->spec, &l->from); k++) {
        strbuf_addch(&text, '\0');
        strbuf_adds(&text, found->last[k]);
    }
    base64url_encode((struct span){text.data, text.len}, &cursor);
    jwriter_kstring(w, "next_cursor", cursor.data);
}

int list_end(struct request *r, const struct list_request *l, const struct listing *found,
             struct error *err)
{
    AUTO_STRBUF struct strbuf data = {0}, items = {0};
    struct jwriter w;
    strbuf_init(&data, LISTING_BYTES_MAX);
    strbuf_init(&items, LISTING_BYTES_MAX);
    strbuf_addf(&items, "[%s]", found->items.data);
    jwriter_init(&w, &data);
    jwriter_object(&w);
    jwriter_key(&w, "items");
    jwriter_raw(&w, (struct span){items.data, items.len});
    jwriter_key(&w, "total");
    found->total < 0 ? jwriter_null(&w) : jwriter_int(&w, found->total);
    jwriter_key(&w, "page");
    l->is_paged ? jwriter_int(&w, l->page) : jwriter_null(&w);
    jwriter_kint(&w, "page_size", l->page_size);
    if (!l->is_paged && found->has_more)
        write_cursor(r, l, found, &w);
    else
        jwriter_kstring(&w, "next_cursor", NULL);
    jwriter_end(&w);
    if (data.overflow || items.overflow)
        return error_set(err, ERR_LIMIT, "the list is too long");
    return respond_data(r, 200, (struct span){data.data, data.len});
}
