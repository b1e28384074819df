#include "pipeline/guess/records.h"

#include "core/hashmap.h"
#include "core/message.h"
#include "format/jpull.h"
#include "pipeline/guess/names.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 3 /* objects within objects become columns; deeper ones are jsonb */

struct member {
    const char *pointer;
    struct seen seen;
    uint64_t kinds[JPULL_ARRAY + 1];
    uint64_t rows;
};

struct records {
    struct arena *arena;
    struct hashmap *by_pointer; /* in the order they were met */
    struct seen_readers *readers;
    struct keys *keys;
    uint64_t count;
    bool too_many;
    struct strbuf scratch;
};

struct records *records_new(struct arena *arena)
{
    struct records *r = mem_alloc(sizeof *r);
    r->arena = arena;
    r->by_pointer = hashmap_new();
    r->readers = seen_readers_new();
    r->keys = keys_new(KEYS_COLUMNS);
    strbuf_init(&r->scratch, STRBUF_DEFAULT_MAX);
    return r;
}

void records_free(struct records *r)
{
    if (r == NULL)
        return;
    hashmap_free(r->by_pointer);
    seen_readers_free(r->readers);
    keys_free(r->keys);
    strbuf_release(&r->scratch);
    free(r);
}

static struct member *member_of(struct records *r, const char *pointer, size_t n)
{
    struct member *m = hashmap_get(r->by_pointer, pointer, n);
    if (m != NULL)
        return m;
    if (hashmap_count(r->by_pointer) == DRAFT_COLUMNS_MAX || n > 1000) {
        r->too_many = true;
        return NULL;
    }
    m = arena_alloc(r->arena, sizeof *m);
    m->pointer = arena_strndup(r->arena, pointer, n);
    hashmap_put(r->by_pointer, pointer, n, m);
    return m;
}

static void add_key(struct strbuf *pointer, struct span key)
{
    strbuf_addch(pointer, '/');
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] == '~')
            strbuf_adds(pointer, "~0");
        else if (key.ptr[i] == '/')
            strbuf_adds(pointer, "~1");
        else
            strbuf_addch(pointer, key.ptr[i]);
    }
}

static void add_value(struct records *r, struct member *m, const struct jpull_value *v,
                      uint64_t line)
{
    m->kinds[v->kind]++;
    m->rows++;
    switch (v->kind) {
    case JPULL_NONE:
    case JPULL_NULL: seen_add(&m->seen, r->readers, CELL_NULL, SPAN(""), line); break;
    case JPULL_FALSE: seen_add(&m->seen, r->readers, CELL_CLEAN, SPAN("false"), line); break;
    case JPULL_TRUE: seen_add(&m->seen, r->readers, CELL_CLEAN, SPAN("true"), line); break;
    default: seen_add(&m->seen, r->readers, CELL_CLEAN, v->text, line); break;
    }
}

static bool walk(struct records *r, struct span object, struct strbuf *pointer, int depth,
                 uint64_t line)
{
    struct jpull_array members;
    struct error ignored = ERROR_INIT;
    struct span key, raw;
    struct jpull_value value;
    AUTO_STRBUF struct strbuf names = {0}, texts = {0};
    bool end = false;
    strbuf_init(&names, STRBUF_DEFAULT_MAX);
    strbuf_init(&texts, STRBUF_DEFAULT_MAX);
    if (jpull_object_begin(object, &members, &ignored) != 0)
        return false;
    for (;;) {
        strbuf_clear(&names);
        strbuf_clear(&texts);
        if (jpull_object_next(&members, &key, &raw, &end, &names, &ignored) != 0)
            return false;
        if (end)
            return true;
        if (jpull_value_of(raw, &value, &texts, &ignored) != 0)
            return false;
        size_t before = pointer->len;
        add_key(pointer, key);
        struct member *m = member_of(r, pointer->data, pointer->len);
        bool inside = value.kind == JPULL_OBJECT && depth < DEPTH_MAX;
        if (m != NULL)
            add_value(r, m, &value, line);
        if (inside && !walk(r, value.text, pointer, depth + 1, line))
            return false;
        strbuf_truncate(pointer, before);
    }
}

/* The first rows, for keys: top-level members in the order they were met. */
static void add_to_keys(struct records *r, struct span record)
{
    struct span cells[KEYS_COLUMNS];
    struct strbuf texts[KEYS_COLUMNS] = {0};
    size_t n =
        hashmap_count(r->by_pointer) < KEYS_COLUMNS ? hashmap_count(r->by_pointer) : KEYS_COLUMNS;
    if (keys_is_full(r->keys))
        return;
    for (size_t i = 0; i < n; i++) {
        const char *pointer;
        struct jpull_value v;
        struct error ignored = ERROR_INIT;
        (void)hashmap_at(r->by_pointer, i, &pointer);
        strbuf_init(&texts[i], STRBUF_DEFAULT_MAX);
        cells[i] = SPAN("");
        if (jpull_find(record, pointer, &v, &texts[i], &ignored) == 0 && v.kind > JPULL_NULL)
            cells[i] = v.text;
    }
    keys_add(r->keys, cells, n);
    for (size_t i = 0; i < n; i++)
        strbuf_release(&texts[i]);
}

bool records_add(struct records *r, struct span record, uint64_t line)
{
    struct error ignored = ERROR_INIT;
    if (record.len == 0 || record.ptr[0] != '{' || jpull_check(record, false, &ignored) != 0)
        return false;
    strbuf_clear(&r->scratch);
    if (!walk(r, record, &r->scratch, 1, line))
        return false;
    r->count++;
    add_to_keys(r, record);
    return true;
}

static bool is_object(const struct member *m)
{
    return m->kinds[JPULL_OBJECT] > 0 && m->kinds[JPULL_OBJECT] + m->kinds[JPULL_NULL] == m->rows;
}

/* An object whose members became columns is none itself; any other mixture is jsonb. */
static bool is_taken_apart(const struct records *r, const struct member *m)
{
    size_t n = strlen(m->pointer);
    if (!is_object(m))
        return false;
    for (size_t i = 0; i < hashmap_count(r->by_pointer); i++) {
        const char *pointer;
        (void)hashmap_at(r->by_pointer, i, &pointer);
        if (strncmp(pointer, m->pointer, n) == 0 && pointer[n] == '/')
            return true;
    }
    return false;
}

/* Members of what is not always an object stay within it. */
static bool is_inside_jsonb(const struct records *r, const char *pointer)
{
    for (const char *slash = strchr(pointer + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        const struct member *outer = hashmap_get(r->by_pointer, pointer, (size_t)(slash - pointer));
        if (outer != NULL && !is_object(outer))
            return true;
    }
    return false;
}

static const char *header_of(struct arena *arena, const char *pointer)
{
    char *header = arena_strdup(arena, pointer + 1), *out = header;
    for (const char *c = header; *c != '\0'; c++) {
        if (c[0] == '~' && (c[1] == '0' || c[1] == '1'))
            *out++ = *++c == '0' ? '~' : '/';
        else
            *out++ = *c;
    }
    *out = '\0';
    return header;
}

static void draft_member(struct records *r, struct member *m, struct draft_column *c)
{
    const char *header = header_of(r->arena, m->pointer);
    uint64_t structures = m->kinds[JPULL_OBJECT] + m->kinds[JPULL_ARRAY];
    uint64_t bools = m->kinds[JPULL_TRUE] + m->kinds[JPULL_FALSE];
    bool is_flat = strchr(m->pointer + 1, '/') == NULL;
    m->seen.empty += r->count - m->rows;
    m->seen.rows += r->count - m->rows;
    *c = (struct draft_column){
        .header = header, .name = name_column(r->arena, header, 0), .seen = &m->seen};
    if (structures > 0) {
        c->type = (struct seen_type){.type = "jsonb"};
        c->seen = NULL;
    } else if (bools > 0 && bools + m->kinds[JPULL_NULL] != m->rows) {
        c->type = (struct seen_type){.type = "text",
                                     .note = message_text("true or false, and other values")};
    }
    bool is_member = is_flat && strcmp(c->name, header) == 0 && header[0] != '/';
    c->from = is_member ? NULL : m->pointer;
}

/* A name that was made unique is no member any more. */
static void keep_pointers(struct draft *d, const char *const *pointers)
{
    for (size_t i = 0; i < d->ncolumns; i++)
        if (d->columns[i].from == NULL && strcmp(d->columns[i].name, d->columns[i].header) != 0)
            d->columns[i].from = pointers[i];
}

int records_draft(struct records *r, struct draft *d, struct error *err)
{
    size_t all = hashmap_count(r->by_pointer);
    int weights[KEYS_COLUMNS];
    size_t place[KEYS_COLUMNS] = {0};
    if (r->too_many)
        return error_set(err, ERR_LIMIT, "the records have more than %d members",
                         DRAFT_COLUMNS_MAX);
    if (r->count == 0 || all == 0)
        return error_set(err, ERR_DATA, "there are no JSON objects with members to learn from");
    d->columns = arena_array(r->arena, all + 1, sizeof *d->columns);
    const char **pointers = arena_array(r->arena, all + 1, sizeof *pointers);
    for (size_t i = 0; i < KEYS_COLUMNS; i++)
        weights[i] = -1;
    for (size_t i = 0; i < all; i++) {
        const char *pointer;
        struct member *m = hashmap_at(r->by_pointer, i, &pointer);
        if (is_taken_apart(r, m) || is_inside_jsonb(r, pointer) || strlen(pointer) < 2)
            continue;
        if (i < KEYS_COLUMNS)
            place[i] = d->ncolumns + 1;
        pointers[d->ncolumns] = pointer;
        draft_member(r, m, &d->columns[d->ncolumns++]);
    }
    if (d->ncolumns == 0)
        return error_set(err, ERR_DATA, "there are no JSON objects with members to learn from");
    draft_name_columns(d);
    keep_pointers(d, pointers);
    draft_decide(d);
    for (size_t i = 0; i < KEYS_COLUMNS; i++)
        if (place[i] > 0)
            weights[i] = draft_key_weight(&d->columns[place[i] - 1], i);
    d->nkeys = keys_find(r->keys, weights, d->keys);
    for (size_t k = 0; k < d->nkeys; k++)
        for (size_t i = 0; i < d->keys[k].ncolumns; i++)
            d->keys[k].columns[i] = place[d->keys[k].columns[i]] - 1;
    return 0;
}

/* ---- the records within a document ------------------------------------------------------ */

static size_t count_objects(struct span array)
{
    struct jpull_array items;
    struct span element;
    struct error ignored = ERROR_INIT;
    bool end = false;
    size_t n = 0;
    if (jpull_array_begin(array, &items, &ignored) != 0)
        return 0;
    while (jpull_array_next(&items, &element, &end, &ignored) == 0 && !end) {
        if (element.len == 0 || element.ptr[0] != '{')
            return 0;
        n++;
    }
    return n;
}

static void consider(struct found_records *best, struct span array, const char *pointer)
{
    size_t n = count_objects(array);
    if (n <= best->count || strlen(pointer) >= sizeof best->pointer)
        return;
    best->array = array;
    best->count = n;
    memcpy(best->pointer, pointer, strlen(pointer) + 1);
}

/* The array with the most objects, the nearest to the root first. */
static void find_records(struct found_records *best, struct span value, struct strbuf *pointer,
                         int depth)
{
    struct jpull_array members;
    struct span key, raw;
    struct error ignored = ERROR_INIT;
    AUTO_STRBUF struct strbuf name = {0};
    bool end = false;
    strbuf_init(&name, 1 << 16);
    if (value.len > 0 && value.ptr[0] == '[')
        consider(best, value, pointer->data);
    if (value.len == 0 || value.ptr[0] != '{' || depth == RECORDS_DEPTH ||
        jpull_object_begin(value, &members, &ignored) != 0)
        return;
    while (jpull_object_next(&members, &key, &raw, &end, &name, &ignored) == 0 && !end) {
        size_t before = pointer->len;
        bool is_plain =
            memchr(key.ptr, '/', key.len) == NULL && memchr(key.ptr, '~', key.len) == NULL;
        if (!is_plain)
            continue;
        strbuf_addch(pointer, '/');
        strbuf_add(pointer, key.ptr, key.len);
        find_records(best, raw, pointer, depth + 1);
        strbuf_truncate(pointer, before);
        strbuf_clear(&name);
    }
}

void records_find(struct span document, struct found_records *ret)
{
    AUTO_STRBUF struct strbuf pointer = {0};
    *ret = (struct found_records){.count = 0};
    strbuf_init(&pointer, 4096);
    find_records(ret, document, &pointer, 0);
}

int records_add_all(struct records *records, const struct found_records *r, struct error *err)
{
    struct jpull_array items;
    struct span element;
    bool end = false;
    uint64_t n = 0;
    TRY(jpull_array_begin(r->array, &items, err));
    for (;;) {
        TRY(jpull_array_next(&items, &element, &end, err));
        if (end)
            return 0;
        (void)records_add(records, element, ++n);
    }
}
