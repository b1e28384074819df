#include "net/connector_page.h"
#include "core/clock.h"
#include "core/decimal.h"
#include "core/message.h"
#include "format/encoding.h"
#include <stdlib.h>
#include <strings.h>

#define TOTAL_MAX   INT64_C(999999999999999999)
#define SHOWN_BYTES 60

/* ---- reading ------------------------------------------------------------------------------- */

enum wanted { WANTED_RECORDS, WANTED_TOTAL, WANTED_PAGES, WANTED_MORE, WANTED_NEXT, WANTED_COUNT };

struct page_reader {
    const struct resource_spec *resource;
    struct jpull_projection *projection;
    struct jpull_value values[WANTED_COUNT];
    size_t place[WANTED_COUNT]; /* in values; SIZE_MAX: not wanted */
    struct jpull_value found[WANTED_COUNT];
    struct strbuf scratch, id_scratch;
    struct strbuf single; /* the one record as a list */
    struct span one;
    struct span *lines; /* of a document of records a line */
    size_t line_capacity;
    bool takes_faulty; /* lines */
};

struct page_reader *page_reader_new(const struct resource_spec *resource)
{
    static const struct paginate_spec none;
    const struct paginate_spec *p = resource->paginate ? resource->paginate : &none;
    bool in_document = p->type == PAGINATE_CURSOR || p->type == PAGINATE_NEXT_URL;
    const char *wanted[WANTED_COUNT] = {resource->records, resource->expect_total, p->pages,
                                        p->more, in_document ? p->from : NULL};
    const char *pointers[WANTED_COUNT];
    struct page_reader *r = mem_alloc(sizeof(*r));
    struct error ignored; /* the pointers were checked with the file */
    size_t n = 0;

    r->resource = resource;
    for (size_t i = 0; i < WANTED_COUNT; i++) {
        r->place[i] = wanted[i] ? n : SIZE_MAX;
        if (wanted[i])
            pointers[n++] = wanted[i];
    }
    jpull_projection_new(pointers, n, &r->projection, &ignored);
    jpull_projection_split(r->projection, r->place[WANTED_RECORDS]);
    strbuf_init(&r->scratch, 0);
    strbuf_init(&r->id_scratch, 0);
    strbuf_init(&r->single, 0);
    return r;
}

void page_reader_free(struct page_reader *r)
{
    if (!r)
        return;
    jpull_projection_free(r->projection);
    strbuf_release(&r->scratch);
    strbuf_release(&r->id_scratch);
    strbuf_release(&r->single);
    free(r->lines);
    free(r);
}

void page_reader_take_faulty(struct page_reader *r)
{
    r->takes_faulty = true;
}

static int document_read(struct page_reader *r, struct span body, struct error *err)
{
    uint64_t ignored = 0;
    struct error why = ERROR_INIT;
    size_t valid = utf8_valid_prefix(body.ptr, body.len, &ignored);

    if (valid < body.len) {
        error_set(err, ERR_REMOTE, "the answer is not JSON: byte %zu is not UTF-8", valid + 1);
        return error_hint(err, "text in another charset is read when the answer states it, as in "
                               "Content-Type: application/json; charset=GBK");
    }
    r->scratch.max = body.len + 16;
    if (jpull_project(r->projection, body, r->values, &r->scratch, &why) != 0)
        return error_set(err, ERR_REMOTE, "the answer is not JSON: %s", why.message);
    memset(r->found, 0, sizeof(r->found));
    for (size_t i = 0; i < WANTED_COUNT; i++)
        if (r->place[i] != SIZE_MAX)
            r->found[i] = r->values[r->place[i]];
    return 0;
}

static int records_read(struct page_reader *r, struct page_facts *f, struct error *err)
{
    const struct jpull_value *v = &r->found[WANTED_RECORDS];

    if (v->kind == JPULL_NONE && r->resource->no_records == NO_RECORDS_EMPTY) {
        f->records = span_of("[]");
        f->has_no_list = true;
        return 0;
    }
    if (v->kind == JPULL_ARRAY) {
        f->records = v->text;
        f->elements = jpull_projection_elements(r->projection, &f->count);
        return 0;
    }
    if (!r->resource->single || v->kind != JPULL_OBJECT)
        return error_set(err, ERR_REMOTE, "the answer has no list at '%s'", r->resource->records);
    strbuf_clear(&r->single);
    strbuf_addch(&r->single, '[');
    strbuf_add(&r->single, v->text.ptr, v->text.len);
    strbuf_addch(&r->single, ']');
    r->one = v->text;
    f->records = (struct span){r->single.data, r->single.len};
    f->elements = &r->one;
    f->count = 1;
    return 0;
}

/* Counts are numbers, or numbers as text. */
static int64_t count_of(const struct jpull_value *v)
{
    char text[24] = "", *end;

    if ((v->kind != JPULL_NUMBER && v->kind != JPULL_STRING) || v->text.len == 0 ||
        v->text.len >= sizeof(text) - 4)
        return -1;
    memcpy(text, v->text.ptr, v->text.len);
    long long n = strtoll(text, &end, 10);
    return *end == '\0' && n >= 0 ? n : -1;
}

/* "7.0", " 7" and 1e1 as the whole numbers they are, of at most 18 digits. */
static bool whole_number(const struct jpull_value *v, int64_t *ret)
{
    struct span text = v->text;
    struct decimal stated, whole;

    while (text.len > 0 && *text.ptr == ' ')
        text = (struct span){text.ptr + 1, text.len - 1};
    while (text.len > 0 && text.ptr[text.len - 1] == ' ')
        text.len--;
    if ((v->kind != JPULL_NUMBER && v->kind != JPULL_STRING) ||
        !decimal_parse(text.ptr, text.len, &stated) || !decimal_rescale(&stated, 0, &whole) ||
        whole.coefficient < 0 || whole.coefficient > TOTAL_MAX)
        return false;
    *ret = (int64_t)whole.coefficient;
    return true;
}

static const char *kind_shown(enum jpull_kind kind)
{
    switch (kind) {
    case JPULL_OBJECT: return message_text("an object");
    case JPULL_ARRAY: return message_text("a list");
    case JPULL_TRUE: return "true";
    case JPULL_FALSE: return "false";
    default: return "null";
    }
}

/* A page need not state it, for many systems do with the first only; what is stated must be read.
 */
static int total_read(const struct page_reader *r, struct page_facts *f, struct error *err)
{
    const struct jpull_value *v = &r->found[WANTED_TOTAL];
    const char *pointer = r->resource->expect_total;

    f->total = -1;
    if (v->kind == JPULL_NONE || v->kind == JPULL_NULL || whole_number(v, &f->total))
        return 0;
    if (v->kind == JPULL_NUMBER || v->kind == JPULL_STRING)
        return error_set(err, ERR_REMOTE,
                         "expect_total: expected a whole number at '%s', found "
                         "'%.*s'",
                         pointer, (int)utf8_cut(v->text.ptr, v->text.len, SHOWN_BYTES),
                         v->text.ptr);
    return error_set(err, ERR_REMOTE, "expect_total: expected a whole number at '%s', found %s",
                     pointer, kind_shown(v->kind));
}

static bool is_word(const struct jpull_value *v, const char *word)
{
    return v->text.len == strlen(word) && strncasecmp(v->text.ptr, word, v->text.len) == 0;
}

/* What is neither yes nor no is an error: a wrong guess would lose rows. */
static int more_read(struct page_reader *r, struct page_facts *f, struct error *err)
{
    const struct jpull_value *v = &r->found[WANTED_MORE];
    bool is_text = v->kind == JPULL_STRING || v->kind == JPULL_NUMBER;

    if (r->place[WANTED_MORE] == SIZE_MAX)
        return 0;
    if (v->kind == JPULL_TRUE ||
        (is_text && (is_word(v, "true") || is_word(v, "1") || is_word(v, "y"))))
        f->more = PAGE_MORE_YES;
    else if (v->kind == JPULL_FALSE ||
             (is_text && (is_word(v, "false") || is_word(v, "0") || is_word(v, "n"))))
        f->more = PAGE_MORE_NO;
    else
        return error_set(err, ERR_REMOTE, "'%s' is neither true nor false",
                         r->resource->paginate->more);
    return 0;
}

/* A text or number that can be sent back; of kind NONE when it is absent, null or empty. */
static int cursor_check(const char *pointer, struct jpull_value *v, struct error *err)
{
    if (v->kind == JPULL_NONE || v->kind == JPULL_NULL) {
        v->kind = JPULL_NONE;
        return 0;
    }
    if (v->kind != JPULL_STRING && v->kind != JPULL_NUMBER)
        return error_set(err, ERR_REMOTE, "the value at '%s' is neither text nor number", pointer);
    if (v->text.len > CONNECTOR_TEXT_MAX || memchr(v->text.ptr, '\0', v->text.len))
        return error_set(err, ERR_REMOTE, "the value at '%s' cannot be sent back", pointer);
    if (v->text.len == 0)
        v->kind = JPULL_NONE;
    return 0;
}

int page_reader_id(struct page_reader *r, struct span record, const char *pointer,
                   struct jpull_value *ret, struct error *err)
{
    struct error why = ERROR_INIT;

    strbuf_clear(&r->id_scratch);
    if (jpull_find(record, pointer, ret, &r->id_scratch, &why) != 0)
        return error_set(err, ERR_REMOTE, "%s", why.message);
    return cursor_check(pointer, ret, err);
}

/* A record a line; empty lines are none. */
static int lines_read(struct page_reader *r, struct span body, struct page_facts *f,
                      struct error *err)
{
    struct error why = ERROR_INIT;

    for (size_t line = 1; body.len > 0; line++) {
        const char *nl = memchr(body.ptr, '\n', body.len);
        struct span one = {body.ptr, nl ? (size_t)(nl - body.ptr) : body.len};
        body = (struct span){body.ptr + one.len + (nl != NULL), body.len - one.len - (nl != NULL)};
        while (one.len > 0 && strchr(" \t\r", one.ptr[one.len - 1]))
            one.len--;
        while (one.len > 0 && (*one.ptr == ' ' || *one.ptr == '\t'))
            one = (struct span){one.ptr + 1, one.len - 1};
        if (one.len == 0)
            continue;
        if (!r->takes_faulty && jpull_check(one, false, &why) != 0)
            return error_set(err, ERR_REMOTE, "line %zu of the answer is not JSON: %s", line,
                             why.message);
        r->lines = mem_grow(r->lines, &r->line_capacity, f->count + 1, sizeof(*r->lines));
        r->lines[f->count++] = one;
    }
    f->elements = r->lines;
    f->records = f->body;
    f->total = f->pages = -1;
    return 0;
}

int page_reader_read(struct page_reader *r, struct span body, struct page_facts *ret,
                     struct error *err)
{
    *ret = (struct page_facts){.body = body};
    if (r->resource->format == RESOURCE_JSONL)
        return lines_read(r, body, ret, err);
    TRY(document_read(r, body, err));
    TRY(records_read(r, ret, err));
    TRY(total_read(r, ret, err));
    ret->pages = count_of(&r->found[WANTED_PAGES]);
    TRY(more_read(r, ret, err));
    ret->next = r->found[WANTED_NEXT];
    return r->place[WANTED_NEXT] == SIZE_MAX
               ? 0
               : cursor_check(r->resource->paginate->from, &ret->next, err);
}

/* ---- what came before ------------------------------------------------------------------------ */

struct page_seen {
    uint64_t seed;
    uint64_t *slots; /* 0: free */
    size_t size, count;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load64(const char *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof(value));
    return value;
}

static uint64_t fingerprint(uint64_t seed, struct span bytes)
{
    const char *p = bytes.ptr;
    size_t n = bytes.len;
    uint64_t h = seed ^ n * 0x9E3779B97F4A7C15ULL;
    char tail[16] = {0};

    for (; n > 16; n -= 16, p += 16)
        h = mix(load64(p) ^ 0xE7037ED1A0B428DBULL, load64(p + 8) ^ h);
    if (n > 0)
        memcpy(tail, p, n);
    h = mix(load64(tail) ^ 0x8EBC6AF09C88C6E3ULL, load64(tail + 8) ^ h);
    h = mix(h ^ 0x589965CC75374CC3ULL, 0x1D8E4E27C47D124FULL);
    return h ? h : 1;
}

struct page_seen *page_seen_new(void)
{
    struct page_seen *s = mem_alloc(sizeof(*s));

    s->seed = clock_random_u64();
    s->size = 64;
    s->slots = mem_array(s->size, sizeof(*s->slots));
    return s;
}

void page_seen_free(struct page_seen *s)
{
    if (!s)
        return;
    free(s->slots);
    free(s);
}

/* Whether it was there already. */
static bool slots_add(uint64_t *slots, size_t size, uint64_t h)
{
    size_t i = h & (size - 1);

    while (slots[i] && slots[i] != h)
        i = (i + 1) & (size - 1);
    bool known = slots[i] == h;
    slots[i] = h;
    return known;
}

bool page_seen_add(struct page_seen *s, char kind, struct span bytes)
{
    if (s->count * 2 >= s->size) {
        uint64_t *grown = mem_array(s->size * 2, sizeof(*grown));
        for (size_t i = 0; i < s->size; i++)
            if (s->slots[i])
                slots_add(grown, s->size * 2, s->slots[i]);
        free(s->slots);
        s->slots = grown;
        s->size *= 2;
    }
    bool known = slots_add(s->slots, s->size, fingerprint(s->seed + (uint64_t)kind, bytes));
    s->count += !known;
    return known;
}
