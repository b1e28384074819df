#include "format/ynode.h"
#include "core/fileio.h"
#include "core/hashmap.h"
#include "core/message.h"
#include "core/strbuf.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#define FILE_MAX_BYTES ((size_t)4 << 20)
#define DEPTH_MAX      32
#define NODES_MAX      100000
#define KEY_MAX_BYTES  256
#define FLAWS_MAX      100
/* From this many keys on a map is searched for duplicates by hash. */
#define HASHED_KEYS 24

struct parse {
    yaml_parser_t yaml;
    struct arena *arena;
    const char *file;
    struct span text;
    size_t nodes;
    struct ynode_flaw **flaws; /* where the next one goes; NULL: the first ends it */
    size_t nflaws;
};

static int parse_node(struct parse *p, const yaml_event_t *event, int depth, struct ynode **ret,
                      struct error *err);

/* ---- places -------------------------------------------------------------------------------- */

static int place_number(size_t n)
{
    return n < INT_MAX ? (int)n + 1 : INT_MAX;
}

static int error_at(const struct parse *p, const yaml_mark_t *mark, struct error *err,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
static int error_at(const struct parse *p, const yaml_mark_t *mark, struct error *err,
                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_setv(err, ERR_SPEC, format, args);
    va_end(args);
    return error_context(err, "%s:%d:%d", p->file, place_number(mark->line),
                         place_number(mark->column));
}

int ynode_error(const struct ynode *node, struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_setv(err, ERR_SPEC, format, args);
    va_end(args);
    if (!node)
        return err->code;
    return error_context(err, "%s:%d:%d", node->file, node->line, node->column);
}

/* An error that need not be the end: noted, where the caller wants them all. */
static int flaw(struct parse *p, const struct error *err)
{
    if (p->flaws == NULL || p->nflaws == FLAWS_MAX)
        return err->code;
    struct ynode_flaw *one = arena_alloc(p->arena, sizeof *one);
    *one = (struct ynode_flaw){NULL, arena_strdup(p->arena, err->message),
                               arena_strdup(p->arena, err->hint)};
    *p->flaws = one;
    p->flaws = &one->next;
    p->nflaws++;
    return 0;
}

/* ---- what libyaml refuses ------------------------------------------------------------------ */

static struct span line_at(struct span text, size_t line)
{
    const char *p = text.ptr;
    const char *end = text.ptr + text.len;
    for (; line > 0 && p < end; line--) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        p = nl ? nl + 1 : end;
    }
    const char *nl = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
    return (struct span){p, (size_t)((nl ? nl : end) - p)};
}

static bool indented_by_tab(struct span line, size_t *ret_column)
{
    for (size_t i = 0; i < line.len && (line.ptr[i] == ' ' || line.ptr[i] == '\t'); i++) {
        if (line.ptr[i] == '\t') {
            *ret_column = i;
            return true;
        }
    }
    return false;
}

static yaml_mark_t mark_of_offset(struct span text, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < text.len; i++) {
        mark.column++;
        if (text.ptr[i] == '\n') {
            mark.line++;
            mark.column = 0;
        }
    }
    return mark;
}

static int syntax_error(struct parse *p, struct error *err)
{
    yaml_parser_t *y = &p->yaml;
    const char *problem = y->problem ? y->problem : message_text("not valid YAML");
    if (y->error == YAML_READER_ERROR) {
        yaml_mark_t mark = mark_of_offset(p->text, y->problem_offset);
        return error_at(p, &mark, err, "%s", problem);
    }
    yaml_mark_t mark = y->problem_mark;
    if (indented_by_tab(line_at(p->text, mark.line), &mark.column)) {
        error_at(p, &mark, err, "a tab cannot indent YAML");
        return error_hint(err, "use spaces");
    }
    if (y->context)
        return error_at(p, &mark, err, "%s, %s", problem, y->context);
    return error_at(p, &mark, err, "%s", problem);
}

static int next_event(struct parse *p, yaml_event_t *event, struct error *err)
{
    if (!yaml_parser_parse(&p->yaml, event))
        return syntax_error(p, err);
    return 0;
}

/* ---- nodes --------------------------------------------------------------------------------- */

static int refuse_decoration(struct parse *p, const yaml_event_t *event, const yaml_char_t *anchor,
                             const yaml_char_t *tag, struct error *err)
{
    if (anchor) {
        error_at(p, &event->start_mark, err, "anchors ('&%s') are not supported",
                 (const char *)anchor);
        error_hint(err, "write the value out where it is used");
        TRY(flaw(p, err));
    }
    if (tag) {
        error_at(p, &event->start_mark, err, "tags ('%s') are not supported", (const char *)tag);
        error_hint(err, "quote the value to make it text; types come from the schema");
        TRY(flaw(p, err));
    }
    return 0;
}

/* NULL when there are too many. */
static struct ynode *node_new(struct parse *p, const yaml_event_t *event, enum ynode_kind kind,
                              struct error *err)
{
    if (++p->nodes > NODES_MAX) {
        error_at(p, &event->start_mark, err, "more than %d values", NODES_MAX);
        return NULL;
    }
    struct ynode *node = arena_alloc(p->arena, sizeof(*node));
    node->kind = kind;
    node->file = p->file;
    node->line = place_number(event->start_mark.line);
    node->column = place_number(event->start_mark.column);
    return node;
}

static int alias_error(const struct parse *p, const yaml_event_t *event, struct error *err)
{
    error_at(p, &event->start_mark, err, "aliases ('*%s') are not supported",
             (const char *)event->data.alias.anchor);
    return error_hint(err, "write the value out, or quote it if the '*' belongs to it");
}

/* Nothing stands for the value that is not there. */
static int parse_alias(struct parse *p, const yaml_event_t *event, struct ynode **ret,
                       struct error *err)
{
    alias_error(p, event, err);
    TRY(flaw(p, err));
    struct ynode *node = node_new(p, event, YNODE_SCALAR, err);
    if (!node)
        return err->code;
    node->text = "";
    node->is_plain = node->is_null = true;
    *ret = node;
    return 0;
}

static bool is_null_text(const char *text)
{
    return *text == '\0' || strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0;
}

static int parse_scalar(struct parse *p, const yaml_event_t *event, struct ynode **ret,
                        struct error *err)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    struct ynode *node = NULL;
    TRY(refuse_decoration(p, event, event->data.scalar.anchor, event->data.scalar.tag, err));
    if (memchr(value, 0, n))
        return error_at(p, &event->start_mark, err, "a NUL character in a value");
    node = node_new(p, event, YNODE_SCALAR, err);
    if (!node)
        return err->code;
    node->text = arena_strndup(p->arena, value, n);
    node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->is_null = node->is_plain && is_null_text(node->text);
    *ret = node;
    return 0;
}

/* Items gathered on the heap until their number is known. */
struct gather {
    struct ynode **items;
    size_t capacity;
    size_t count;
};

static void gather_add(struct gather *g, struct ynode *node)
{
    g->items = mem_grow(g->items, &g->capacity, g->count + 1, sizeof(void *));
    g->items[g->count++] = node;
}

static struct ynode **gather_keep(struct gather *g, struct arena *arena)
{
    struct ynode **kept = arena_array(arena, g->count, sizeof(void *));
    if (g->count > 0)
        memcpy(kept, g->items, g->count * sizeof(void *));
    return kept;
}

static int parse_items(struct parse *p, int depth, struct gather *items, struct error *err)
{
    for (;;) {
        yaml_event_t event;
        struct ynode *item = NULL;
        TRY(next_event(p, &event, err));
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        int code = end ? 0 : parse_node(p, &event, depth + 1, &item, err);
        yaml_event_delete(&event);
        TRY(code);
        if (end)
            return 0;
        gather_add(items, item);
    }
}

static int parse_list(struct parse *p, const yaml_event_t *event, int depth, struct ynode **ret,
                      struct error *err)
{
    struct ynode *node = NULL;
    struct gather items = {0};
    TRY(refuse_decoration(p, event, event->data.sequence_start.anchor,
                          event->data.sequence_start.tag, err));
    node = node_new(p, event, YNODE_LIST, err);
    if (!node)
        return err->code;
    int code = parse_items(p, depth, &items, err);
    if (code == 0) {
        node->count = items.count;
        node->items = gather_keep(&items, p->arena);
        *ret = node;
    }
    free(items.items);
    return code;
}

/* ---- maps ---------------------------------------------------------------------------------- */

static int parse_key(struct parse *p, const yaml_event_t *event, struct ynode **ret,
                     struct error *err)
{
    struct ynode *key = NULL;
    if (event->type == YAML_ALIAS_EVENT)
        return alias_error(p, event, err);
    if (event->type != YAML_SCALAR_EVENT) {
        error_at(p, &event->start_mark, err, "a key must be a plain name, not a list or a map");
        return error_hint(err, "quote values that begin with '{' or '['");
    }
    TRY(parse_node(p, event, 0, &key, err));
    if (key->text[0] == '\0')
        return ynode_error(key, err, "an empty key");
    if (strlen(key->text) > KEY_MAX_BYTES)
        return ynode_error(key, err, "a key of more than %d bytes", KEY_MAX_BYTES);
    key->is_null = false; /* a name, whatever it reads as */
    *ret = key;
    return 0;
}

static int parse_pairs(struct parse *p, int depth, struct gather *keys, struct gather *values,
                       struct error *err)
{
    for (;;) {
        yaml_event_t event;
        struct ynode *node = NULL;
        bool is_key = keys->count == values->count;
        TRY(next_event(p, &event, err));
        bool end = event.type == YAML_MAPPING_END_EVENT;
        int code = 0;
        if (!end)
            code = is_key ? parse_key(p, &event, &node, err)
                          : parse_node(p, &event, depth + 1, &node, err);
        yaml_event_delete(&event);
        TRY(code);
        if (end)
            return 0;
        gather_add(is_key ? keys : values, node);
    }
}

/* The index of the first key of this name before `end`. */
static size_t earlier_key(const struct gather *keys, size_t end, const struct hashmap *seen)
{
    const char *name = keys->items[end]->text;
    if (seen != NULL) {
        const struct ynode *const *first = hashmap_gets(seen, name);
        return first != NULL ? (size_t)(first - (const struct ynode *const *)keys->items) : end;
    }
    size_t i = 0;
    while (i < end && strcmp(keys->items[i]->text, name) != 0)
        i++;
    return i;
}

/* Of a key that is given twice the first stays. */
static int drop_duplicates(struct parse *p, struct gather *keys, struct gather *values,
                           struct hashmap *seen, struct error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < keys->count; i++) {
        struct ynode *key = keys->items[i];
        keys->items[kept] = key;
        values->items[kept] = values->items[i];
        size_t first = earlier_key(keys, kept, seen);
        if (first == kept) {
            if (seen != NULL)
                hashmap_puts(seen, key->text, &keys->items[kept]);
            kept++;
            continue;
        }
        ynode_error(key, err, "key '%s' is given twice, first at line %d, column %d", key->text,
                    keys->items[first]->line, keys->items[first]->column);
        TRY(flaw(p, err));
    }
    keys->count = values->count = kept;
    return 0;
}

static int check_duplicates(struct parse *p, struct gather *keys, struct gather *values,
                            struct error *err)
{
    struct hashmap *seen = keys->count >= HASHED_KEYS ? hashmap_new() : NULL;
    int code = drop_duplicates(p, keys, values, seen, err);
    hashmap_free(seen);
    return code;
}

static int parse_map(struct parse *p, const yaml_event_t *event, int depth, struct ynode **ret,
                     struct error *err)
{
    struct ynode *node = NULL;
    struct gather keys = {0};
    struct gather values = {0};
    TRY(refuse_decoration(p, event, event->data.mapping_start.anchor, event->data.mapping_start.tag,
                          err));
    node = node_new(p, event, YNODE_MAP, err);
    if (!node)
        return err->code;
    int code = parse_pairs(p, depth, &keys, &values, err);
    if (code == 0)
        code = check_duplicates(p, &keys, &values, err);
    if (code == 0) {
        node->count = keys.count;
        node->keys = gather_keep(&keys, p->arena);
        node->items = gather_keep(&values, p->arena);
        *ret = node;
    }
    free(keys.items);
    free(values.items);
    return code;
}

static int parse_node(struct parse *p, const yaml_event_t *event, int depth, struct ynode **ret,
                      struct error *err)
{
    if (depth > DEPTH_MAX)
        return error_at(p, &event->start_mark, err, "nested deeper than %d levels", DEPTH_MAX);
    switch (event->type) {
    case YAML_SCALAR_EVENT: return parse_scalar(p, event, ret, err);
    case YAML_SEQUENCE_START_EVENT: return parse_list(p, event, depth, ret, err);
    case YAML_MAPPING_START_EVENT: return parse_map(p, event, depth, ret, err);
    case YAML_ALIAS_EVENT: return parse_alias(p, event, ret, err);
    default: return error_at(p, &event->start_mark, err, "expected a value");
    }
}

/* ---- documents ----------------------------------------------------------------------------- */

static int parse_document_event(struct parse *p, const yaml_event_t *event, struct ynode **root,
                                struct error *err)
{
    switch (event->type) {
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT: return 0;
    case YAML_DOCUMENT_START_EVENT:
        if (*root)
            return error_at(p, &event->start_mark, err, "a second document in one file");
        if (event->data.document_start.tag_directives.start !=
            event->data.document_start.tag_directives.end)
            return error_at(p, &event->start_mark, err, "%%TAG directives are not supported");
        return 0;
    default: return parse_node(p, event, 1, root, err);
    }
}

static int parse_stream(struct parse *p, struct ynode **ret, struct error *err)
{
    struct ynode *root = NULL;
    for (bool end = false; !end;) {
        yaml_event_t event;
        TRY(next_event(p, &event, err));
        end = event.type == YAML_STREAM_END_EVENT;
        int code = parse_document_event(p, &event, &root, err);
        if (end && !root && code == 0) { /* nothing but comments: an empty value */
            yaml_event_t at_start = {0};
            root = node_new(p, &at_start, YNODE_SCALAR, err);
            if (root) {
                root->text = "";
                root->is_plain = true;
                root->is_null = true;
            }
        }
        yaml_event_delete(&event);
        TRY(code);
    }
    *ret = root;
    return 0;
}

int ynode_read(const char *text, size_t n, const char *name, struct arena *arena,
               struct ynode **ret, struct ynode_flaw **ret_flaws, struct error *err)
{
    if (ret_flaws)
        *ret_flaws = NULL;
    if (n > FILE_MAX_BYTES)
        return error_set(err, ERR_SPEC, "%s: larger than %zu bytes", name, FILE_MAX_BYTES);
    if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        n -= 3;
    }
    struct parse p = {
        .arena = arena, .file = arena_strdup(arena, name), .text = {text, n}, .flaws = ret_flaws};
    if (!yaml_parser_initialize(&p.yaml))
        return error_set(err, ERR_BUG, "libyaml cannot be initialised");
    yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text, n);
    int code = parse_stream(&p, ret, err);
    yaml_parser_delete(&p.yaml);
    return code;
}

int ynode_read_file(const char *path, struct arena *arena, struct ynode **ret,
                    struct ynode_flaw **ret_flaws, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    if (ret_flaws)
        *ret_flaws = NULL;
    strbuf_init(&text, FILE_MAX_BYTES + 1);
    TRY(file_read(path, FILE_MAX_BYTES, &text, err));
    return ynode_read(text.data, text.len, path, arena, ret, ret_flaws, err);
}

int ynode_parse(const char *text, size_t n, const char *name, struct arena *arena,
                struct ynode **ret, struct error *err)
{
    return ynode_read(text, n, name, arena, ret, NULL, err);
}

int ynode_parse_file(const char *path, struct arena *arena, struct ynode **ret, struct error *err)
{
    return ynode_read_file(path, arena, ret, NULL, err);
}
