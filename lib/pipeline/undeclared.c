#include "pipeline/undeclared.h"

#include "format/jpull.h"
#include "format/jsonx.h"

#include <stdlib.h>
#include <string.h>

#define MORE_MAX_BYTES  ((size_t)64 << 20)
#define NAMES_MAX_BYTES 400

struct undeclared {
    bool takes_nulls;
    struct arena *arena;
    const char **known; /* first names of what columns read from */
    size_t nknown;
    struct strbuf out, scratch, name;
    struct jwriter w;
    size_t added;
};

bool undeclared_is_asked(const struct stream_spec *s)
{
    return s->schema.undeclared != CONTRACT_DISCARD_VALUE;
}

/* "/money/total" reads of the member money. */
static const char *first_name(struct arena *arena, const char *from)
{
    if (from[0] != '/')
        return from;
    size_t n = strcspn(from + 1, "/");
    char *name = arena_alloc(arena, n + 1), *to = name;
    for (const char *c = from + 1; c < from + 1 + n; c++) {
        if (*c == '~' && (c[1] == '0' || c[1] == '1') && c + 1 < from + 1 + n)
            *to++ = *++c == '0' ? '~' : '/';
        else
            *to++ = *c;
    }
    *to = '\0';
    return name;
}

struct undeclared *undeclared_new(const struct stream_spec *s)
{
    struct undeclared *u = mem_alloc(sizeof *u);
    u->takes_nulls = s->schema.undeclared == CONTRACT_FREEZE;
    u->arena = arena_new();
    u->known = arena_array(u->arena, s->ncolumns + 1, sizeof *u->known);
    for (size_t i = 0; i < s->ncolumns; i++)
        u->known[u->nknown++] = first_name(u->arena, s->columns[i].from);
    strbuf_init(&u->out, MORE_MAX_BYTES);
    strbuf_init(&u->scratch, MORE_MAX_BYTES);
    strbuf_init(&u->name, MORE_MAX_BYTES);
    return u;
}

void undeclared_free(struct undeclared *u)
{
    if (u == NULL)
        return;
    strbuf_release(&u->out);
    strbuf_release(&u->scratch);
    strbuf_release(&u->name);
    arena_free(u->arena);
    free(u);
}

void undeclared_begin(struct undeclared *u)
{
    strbuf_clear(&u->out);
    jwriter_init(&u->w, &u->out);
    jwriter_object(&u->w);
    u->added = 0;
}

void undeclared_add(struct undeclared *u, const char *name, struct span text)
{
    jwriter_key(&u->w, name);
    jwriter_span(&u->w, text);
    u->added++;
}

struct span undeclared_end(struct undeclared *u)
{
    jwriter_end(&u->w);
    return u->added > 0 ? (struct span){u->out.data, u->out.len} : SPAN("");
}

static bool is_known(const struct undeclared *u, struct span name)
{
    for (size_t i = 0; i < u->nknown; i++)
        if (span_equal(name, span_of(u->known[i])))
            return true;
    return false;
}

int undeclared_members(struct undeclared *u, struct span record, struct span *ret,
                       struct error *err)
{
    struct jpull_array members;
    *ret = SPAN("");
    if (record.len == 0 || record.ptr[0] != '{')
        return 0;
    undeclared_begin(u);
    TRY(jpull_object_begin(record, &members, err));
    for (;;) {
        struct span name, value;
        bool end;
        strbuf_clear(&u->scratch);
        TRY(jpull_object_next(&members, &name, &value, &end, &u->scratch, err));
        if (end)
            break;
        if (is_known(u, name) || (!u->takes_nulls && span_equal(value, SPAN("null"))))
            continue;
        strbuf_clear(&u->name);
        strbuf_add(&u->name, name.ptr, name.len);
        jwriter_key(&u->w, u->name.data);
        jwriter_raw(&u->w, value);
        u->added++;
    }
    *ret = undeclared_end(u);
    return u->out.overflow
               ? error_set(err, ERR_LIMIT, "a record is larger than %zu MiB", MORE_MAX_BYTES >> 20)
               : 0;
}

/* 'a', 'b', ... */
static void list_names(struct span more, struct strbuf *out)
{
    struct jpull_array members;
    struct span name, value;
    struct error ignored = ERROR_INIT;
    AUTO_STRBUF struct strbuf scratch = {0};
    bool end = false;
    strbuf_init(&scratch, MORE_MAX_BYTES);
    if (jpull_object_begin(more, &members, &ignored) != 0)
        return;
    while (jpull_object_next(&members, &name, &value, &end, &scratch, &ignored) == 0 && !end) {
        if (out->len > NAMES_MAX_BYTES) {
            strbuf_adds(out, ", ...");
            return;
        }
        strbuf_addf(out, "%s'%.*s'", out->len > 0 ? ", " : "", (int)name.len, name.ptr);
        strbuf_clear(&scratch);
    }
}

int undeclared_freeze(const struct stream_spec *s, const char *where, struct span more,
                      struct error *err)
{
    AUTO_STRBUF struct strbuf names = {0};
    strbuf_init(&names, 4096);
    list_names(more, &names);
    error_set(err, ERR_CHECK, "%s: stream '%s' has no column for %s of the source", where, s->name,
              names.data);
    return error_hint(err, "declare them, or let  schema: { undeclared: ... }  add or leave out "
                           "what is new (evolve, discard_row, discard_value)");
}

const char *undeclared_reason(struct arena *arena, struct span more)
{
    AUTO_STRBUF struct strbuf names = {0};
    strbuf_init(&names, 4096);
    list_names(more, &names);
    return arena_printf(arena, "no column is declared for %s", names.data);
}
