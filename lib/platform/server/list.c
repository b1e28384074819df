/* lib/platform/server/list.c - pages and cursors.
 *
 * A cursor is base64url of "CHECK,KEY[,KEY]": the key of the last row given, and a check over the
 * list's address and filters, so that a cursor is not taken for another list's. It is no secret and
 * gives no right: filters and store scope are applied anew each time. */
#include "format/jsonx.h"
#include "platform/server/encode.h"
#include "platform/server/internal.h"
#include <inttypes.h>

#define PAGE_MAX 1000000

static uint64_t hash_text(uint64_t h, const char *text)
{
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211U; /* FNV-1a */
    return (h ^ 255) * 1099511628211U;
}

static bool is_position(const char *name)
{
    return strcmp(name, "cursor") == 0 || strcmp(name, "page") == 0 ||
           strcmp(name, "page_size") == 0;
}

/* Filters count in whatever order they come. */
static uint32_t list_check(const struct request *r)
{
    uint64_t filters = 0;
    for (size_t i = 0; i < r->query_count; i++)
        if (!is_position(r->query[i].name) && r->query[i].value[0] != '\0')
            filters +=
                hash_text(hash_text(14695981039346656037U, r->query[i].name), r->query[i].value);
    uint64_t h = hash_text(14695981039346656037U, r->path) + filters;
    return (uint32_t)(h ^ h >> 32);
}

static int refuse_cursor(struct request *r, struct error *err, const char *why)
{
    r->ctx.refusal = "bad_cursor";
    return error_set(err, ERR_USAGE, "the cursor %s", why);
}

static int read_cursor(struct request *r, const char *cursor, size_t nkeys,
                       struct listing_from *from, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    char check[16];
    strbuf_init(&text, 512);
    if (strlen(cursor) > 512 || !base64url_decode(span_of(cursor), &text) ||
        memchr(text.data, '\0', text.len) != NULL)
        return refuse_cursor(r, err, "is not one of ours");
    char *rest = arena_strdup(r->arena, text.data);
    const char *given = strsep(&rest, ",");
    snprintf(check, sizeof check, "%08" PRIx32, list_check(r));
    for (size_t k = 0; k < nkeys; k++)
        from->after[k] = rest != NULL ? strsep(&rest, ",") : NULL;
    if (from->after[nkeys - 1] == NULL || rest != NULL)
        return refuse_cursor(r, err, "is not one of ours");
    if (strcmp(given, check) != 0)
        return refuse_cursor(r, err, "belongs to another list or other filters");
    return ERR_OK;
}

int list_begin(struct request *r, size_t nkeys, struct list_request *ret, struct error *err)
{
    const char *cursor = request_query(r, "cursor");
    struct list_request l = {.page = 1, .page_size = r->server->limits.page_size_default};
    l.is_paged = request_query(r, "page") != NULL;
    l.is_further = cursor != NULL;
    TRY(request_query_int(r, "page", 1, PAGE_MAX, &l.page, err));
    TRY(request_query_int(r, "page_size", 1, r->server->limits.page_size_max, &l.page_size, err));
    if (l.is_paged && cursor != NULL)
        return request_refuse(r, err, "cursor", "page and cursor exclude each other");
    l.from.limit = l.page_size;
    l.from.skip = (l.page - 1) * l.page_size;
    if (cursor != NULL)
        TRY(read_cursor(r, cursor, nkeys, &l.from, err));
    *ret = l;
    return ERR_OK;
}

bool list_wants_total(const struct list_request *l)
{
    return !l->is_further;
}

static void write_cursor(struct request *r, const struct listing *found, size_t nkeys,
                         struct jwriter *w)
{
    AUTO_STRBUF struct strbuf text = {0}, cursor = {0};
    strbuf_init(&text, 512);
    strbuf_init(&cursor, 1024);
    strbuf_addf(&text, "%08" PRIx32, list_check(r));
    for (size_t k = 0; k < nkeys; k++)
        strbuf_addf(&text, ",%s", found->last[k]);
    base64url_encode((struct span){text.data, text.len}, &cursor);
    jwriter_kstring(w, "next_cursor", cursor.data);
}

int list_end(struct request *r, const struct list_request *l, const struct listing *found,
             size_t nkeys, int64_t total, struct error *err)
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
    total < 0 ? jwriter_null(&w) : jwriter_int(&w, total);
    jwriter_key(&w, "page");
    l->is_paged ? jwriter_int(&w, l->page) : jwriter_null(&w);
    jwriter_kint(&w, "page_size", l->page_size);
    if (!l->is_paged && found->has_more)
        write_cursor(r, found, nkeys, &w);
    else
        jwriter_kstring(&w, "next_cursor", NULL);
    jwriter_end(&w);
    if (data.overflow || items.overflow)
        return error_set(err, ERR_LIMIT, "the list is too long");
    return respond_data(r, 200, (struct span){data.data, data.len});
}
