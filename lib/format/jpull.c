#include "core/message.h"
#include "format/encoding.h"
#include "format/jpull_scan.h"
#include "format/vendor.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- single values ------------------------------------------------------------------------- */

static int string_value(const struct jscan *s, struct span text, bool escaped,
                        struct jpull_value *ret, struct strbuf *scratch, struct error *err)
{
    uint64_t ignored = 0;
    size_t valid = utf8_valid_prefix(text.ptr, text.len, &ignored);
    if (valid < text.len)
        return jscan_error(s, text.ptr + valid, err, "byte %02X is not UTF-8",
                           (unsigned)(unsigned char)text.ptr[valid]);
    if (escaped) {
        size_t start = scratch->len;
        TRY(jscan_unescape(s, text, scratch, err));
        text = (struct span){scratch->data + start, scratch->len - start};
    }
    *ret = (struct jpull_value){.kind = JPULL_STRING, .text = text};
    return 0;
}

/* Reads the value at the cursor and passes it. */
static int take_value(struct jscan *s, int depth, struct jpull_value *ret, struct strbuf *scratch,
                      struct error *err)
{
    const char *start = s->p;
    if (s->p < s->end && *s->p == '"') {
        struct span text;
        bool escaped;
        TRY(jscan_string(s, &text, &escaped, err));
        return string_value(s, text, escaped, ret, scratch, err);
    }
    TRY(jscan_value(s, depth, err));
    struct jpull_value v = {.text = {start, (size_t)(s->p - start)}};
    switch (*start) {
    case '{': v.kind = JPULL_OBJECT; break;
    case '[': v.kind = JPULL_ARRAY; break;
    case 't': v.kind = JPULL_TRUE; break;
    case 'f': v.kind = JPULL_FALSE; break;
    case 'n': v.kind = JPULL_NULL; break;
    default: v.kind = JPULL_NUMBER; break;
    }
    *ret = v;
    return 0;
}

int jpull_value_of(struct span raw, struct jpull_value *ret, struct strbuf *scratch,
                   struct error *err)
{
    struct jscan s = jscan_of(raw);
    struct jpull_value v;
    jscan_space(&s);
    TRY(take_value(&s, 0, &v, scratch, err));
    TRY(jscan_finish(&s, err));
    *ret = v;
    return 0;
}

/* ---- iterating ----------------------------------------------------------------------------- */

static int nested_begin(struct span text, char open, const char *what, struct jpull_array *ret,
                        struct error *err)
{
    struct jscan s = jscan_of(text);
    jscan_space(&s);
    if (s.p >= s.end || *s.p != open)
        return jscan_error(&s, s.p, err, "expected %s", what);
    *ret = (struct jpull_array){.rest = {s.p + 1, (size_t)(s.end - s.p - 1)}, .first = true};
    return 0;
}

static void nested_keep(struct jpull_array *a, const struct jscan *s)
{
    a->rest = (struct span){s->p, (size_t)(s->end - s->p)};
    a->first = false;
}

int jpull_array_begin(struct span array, struct jpull_array *ret, struct error *err)
{
    return nested_begin(array, '[', message_text("an array"), ret, err);
}

int jpull_array_next(struct jpull_array *a, struct span *ret_element, bool *ret_end,
                     struct error *err)
{
    struct jscan s = jscan_of(a->rest);
    bool end = false;
    TRY(jscan_element(&s, a->first, &end, err));
    if (end) {
        TRY(jscan_finish(&s, err));
        *ret_end = true;
        return 0; /* a is left before the ']': asking again gives the end again */
    }
    const char *start = s.p;
    TRY(jscan_value(&s, 1, err));
    *ret_element = (struct span){start, (size_t)(s.p - start)};
    *ret_end = false;
    nested_keep(a, &s);
    return 0;
}

int jpull_object_begin(struct span object, struct jpull_array *ret, struct error *err)
{
    return nested_begin(object, '{', message_text("an object"), ret, err);
}

int jpull_object_next(struct jpull_array *o, struct span *ret_key, struct span *ret_value,
                      bool *ret_end, struct strbuf *scratch, struct error *err)
{
    struct jscan s = jscan_of(o->rest);
    struct span key;
    struct jpull_value text;
    bool escaped;
    bool end = false;
    TRY(jscan_key(&s, o->first, &key, &escaped, &end, err));
    if (end) {
        TRY(jscan_finish(&s, err));
        *ret_end = true;
        return 0;
    }
    TRY(string_value(&s, key, escaped, &text, scratch, err));
    const char *start = s.p;
    TRY(jscan_value(&s, 1, err));
    *ret_key = text.text;
    *ret_value = (struct span){start, (size_t)(s.p - start)};
    *ret_end = false;
    nested_keep(o, &s);
    return 0;
}

/* ---- pointers (RFC 6901) ------------------------------------------------------------------- */

static int pointer_check(const char *pointer, struct error *err)
{
    if (*pointer != '\0' && *pointer != '/')
        return error_set(err, ERR_SPEC, "'%s' is no JSON pointer: it must begin with '/'", pointer);
    for (const char *p = pointer; (p = strchr(p, '~')) != NULL; p++)
        if (p[1] != '0' && p[1] != '1')
            return error_set(err, ERR_SPEC, "'%s' is no JSON pointer: '~' must be '~0' or '~1'",
                             pointer);
    return 0;
}

/* The token after the '/' at *p, unescaped into out (as long as the pointer); moves *p behind. */
static struct span pointer_token(const char **p, char *out)
{
    const char *from = *p + 1;
    size_t n = 0;
    for (; *from != '\0' && *from != '/'; from++) {
        if (*from == '~') {
            from++;
            out[n++] = *from == '1' ? '/' : '~';
        } else {
            out[n++] = *from;
        }
    }
    *p = from;
    return (struct span){out, n};
}

/* The array index that a token is, or SIZE_MAX. */
static size_t token_index(struct span token)
{
    size_t value = 0;
    if (token.len == 0 || token.len > 9 || (token.len > 1 && token.ptr[0] == '0'))
        return SIZE_MAX;
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] < '0' || token.ptr[i] > '9')
            return SIZE_MAX;
        value = value * 10 + (size_t)(token.ptr[i] - '0');
    }
    return value;
}

/* Moves the cursor from a container to the child the token names. */
static int find_child(struct jscan *s, struct span token, int depth, bool *ret_found,
                      struct error *err)
{
    bool is_object = s->p < s->end && *s->p == '{';
    bool is_array = s->p < s->end && *s->p == '[';
    size_t wanted = is_array ? token_index(token) : 0;
    *ret_found = false;
    if (!is_object && !is_array)
        return 0;
    s->p++;
    for (size_t i = 0;; i++) {
        struct span key;
        bool escaped = false;
        bool end = false;
        if (is_object)
            TRY(jscan_key(s, i == 0, &key, &escaped, &end, err));
        else
            TRY(jscan_element(s, i == 0, &end, err));
        if (end)
            return 0;
        *ret_found = is_object ? jscan_key_is(key, escaped, token) : i == wanted;
        if (*ret_found)
            return 0;
        TRY(jscan_value(s, depth, err));
    }
}

static int find_at(struct jscan *s, const char *pointer, char *token_buffer,
                   struct jpull_value *ret, struct strbuf *scratch, struct error *err)
{
    int depth = 0;
    jscan_space(s);
    for (const char *p = pointer; *p != '\0'; depth++) {
        bool found = false;
        if (depth >= JPULL_DEPTH_MAX)
            return error_set(err, ERR_SPEC, "the JSON pointer '%.80s' has more than %d levels",
                             pointer, JPULL_DEPTH_MAX);
        TRY(find_child(s, pointer_token(&p, token_buffer), depth + 1, &found, err));
        if (!found) {
            *ret = (struct jpull_value){0};
            return 0;
        }
    }
    struct jpull_value v;
    TRY(take_value(s, depth, &v, scratch, err));
    *ret = v;
    return 0;
}

int jpull_find(struct span document, const char *pointer, struct jpull_value *ret,
               struct strbuf *scratch, struct error *err)
{
    struct jscan s = jscan_of(document);
    TRY(pointer_check(pointer, err));
    char *token = mem_alloc(strlen(pointer) + 1);
    int code = find_at(&s, pointer, token, ret, scratch, err);
    free(token);
    return code;
}

/* ---- projections --------------------------------------------------------------------------- */

/* A trie of the pointers' tokens. */
struct jnode {
    struct span token;
    size_t index; /* the token as an array index, or SIZE_MAX */
    struct jnode *children;
    size_t child_count;
    size_t child_capacity;
    size_t *values; /* the pointers that end here */
    size_t value_count;
    size_t value_capacity;
    uint64_t seen; /* the last record that had it */
    bool is_split; /* its elements are wanted */
};

struct jpull_projection {
    struct jnode root;
    size_t count;
    uint64_t record;
    struct jpull_value *values; /* of the record at hand */
    struct span *elements;      /* of the array that is split */
    size_t element_count, element_capacity;
};

static struct jnode *node_child(struct jnode *node, struct span token)
{
    for (size_t i = 0; i < node->child_count; i++)
        if (span_equal(node->children[i].token, token))
            return &node->children[i];
    node->children = mem_grow(node->children, &node->child_capacity, node->child_count + 1,
                              sizeof(node->children[0]));
    struct jnode *child = &node->children[node->child_count++];
    *child = (struct jnode){.index = token_index(token)};
    child->token = (struct span){mem_strndup(token.ptr, token.len), token.len};
    return child;
}

static void node_release(struct jnode *node)
{
    for (size_t i = 0; i < node->child_count; i++) {
        node_release(&node->children[i]);
        free(unconst(node->children[i].token.ptr)); /* ours: see node_child */
    }
    free(node->children);
    free(node->values);
}

static int projection_add(struct jpull_projection *p, const char *pointer, size_t i,
                          struct error *err)
{
    TRY(pointer_check(pointer, err));
    struct jnode *node = &p->root;
    char *token = mem_alloc(strlen(pointer) + 1);
    int depth = 0;
    for (const char *at = pointer; *at != '\0' && depth <= JPULL_DEPTH_MAX; depth++)
        node = node_child(node, pointer_token(&at, token));
    free(token);
    if (depth > JPULL_DEPTH_MAX)
        return error_set(err, ERR_SPEC, "the JSON pointer '%.80s' has more than %d levels", pointer,
                         JPULL_DEPTH_MAX);
    node->values = mem_grow(node->values, &node->value_capacity, node->value_count + 1,
                            sizeof(node->values[0]));
    node->values[node->value_count++] = i;
    return 0;
}

int jpull_projection_new(const char *const *pointers, size_t n, struct jpull_projection **ret,
                         struct error *err)
{
    struct jpull_projection *p = mem_alloc(sizeof(*p));
    p->count = n;
    for (size_t i = 0; i < n; i++) {
        int code = projection_add(p, pointers[i], i, err);
        if (code != 0) {
            jpull_projection_free(p);
            return code;
        }
    }
    *ret = p;
    return 0;
}

void jpull_projection_free(struct jpull_projection *p)
{
    if (!p)
        return;
    node_release(&p->root);
    free(p->elements);
    free(p);
}

static struct jnode *node_of_value(struct jnode *node, size_t i)
{
    for (size_t k = 0; k < node->value_count; k++)
        if (node->values[k] == i)
            return node;
    for (size_t k = 0; k < node->child_count; k++) {
        struct jnode *found = node_of_value(&node->children[k], i);
        if (found)
            return found;
    }
    return NULL;
}

void jpull_projection_split(struct jpull_projection *p, size_t i)
{
    struct jnode *node = node_of_value(&p->root, i);

    if (node)
        node->is_split = true;
}

const struct span *jpull_projection_elements(const struct jpull_projection *p, size_t *ret_count)
{
    *ret_count = p->element_count;
    return p->elements;
}

static int project_node(struct jpull_projection *p, struct jnode *node, struct jscan *s, int depth,
                        struct strbuf *scratch, struct error *err);

static int project_object(struct jpull_projection *p, struct jnode *node, struct jscan *s,
                          int depth, struct strbuf *scratch, struct error *err)
{
    size_t guess = 0; /* records mostly keep the order in which their columns were named */
    s->p++;
    for (bool first = true;; first = false) {
        struct span key;
        bool escaped;
        bool end = false;
        struct jnode *child = NULL;
        TRY(jscan_key(s, first, &key, &escaped, &end, err));
        if (end)
            return 0;
        for (size_t i = 0; i < node->child_count && !child; i++) {
            size_t at = guess + i < node->child_count ? guess + i : guess + i - node->child_count;
            if (jscan_key_is(key, escaped, node->children[at].token)) {
                child = &node->children[at];
                guess = at + 1 < node->child_count ? at + 1 : 0;
            }
        }
        if (child && child->seen == p->record)
            return jscan_error(s, key.ptr - 1, err, "key '%.*s' is given twice",
                               (int)(key.len < 60 ? key.len : 60), key.ptr);
        if (child)
            TRY(project_node(p, child, s, depth + 1, scratch, err));
        else
            TRY(jscan_value(s, depth + 1, err));
    }
}

static int project_array(struct jpull_projection *p, struct jnode *node, struct jscan *s, int depth,
                         struct strbuf *scratch, struct error *err)
{
    s->p++;
    for (size_t i = 0;; i++) {
        bool end = false;
        struct jnode *child = NULL;
        TRY(jscan_element(s, i == 0, &end, err));
        if (end)
            return 0;
        for (size_t k = 0; k < node->child_count && !child; k++)
            if (node->children[k].index == i)
                child = &node->children[k];
        if (child)
            TRY(project_node(p, child, s, depth + 1, scratch, err));
        else
            TRY(jscan_value(s, depth + 1, err));
    }
}

static int project_split(struct jpull_projection *p, struct jscan *s, int depth, struct error *err)
{
    p->element_count = 0;
    s->p++;
    for (;;) {
        bool end = false;
        TRY(jscan_element(s, p->element_count == 0, &end, err));
        if (end)
            return 0;
        const char *start = s->p;
        TRY(jscan_value(s, depth + 1, err));
        if (p->element_count == p->element_capacity)
            p->elements = mem_grow(p->elements, &p->element_capacity, p->element_count + 1,
                                   sizeof(p->elements[0]));
        p->elements[p->element_count++] = (struct span){start, (size_t)(s->p - start)};
    }
}

/* Reads the value at the cursor into what points to it, and walks into it for what points
 * further. */
static int project_node(struct jpull_projection *p, struct jnode *node, struct jscan *s, int depth,
                        struct strbuf *scratch, struct error *err)
{
    const char *start = s->p;
    char open = s->p < s->end ? *s->p : '\0';
    struct jpull_value v = {0};
    node->seen = p->record;
    bool splits = node->is_split && open == '[';
    if (!splits && (node->child_count == 0 || (open != '{' && open != '['))) {
        TRY(take_value(s, depth, &v, scratch, err));
    } else {
        if (depth >= JPULL_DEPTH_MAX)
            return jscan_error(s, s->p, err, "nested deeper than %d levels", JPULL_DEPTH_MAX);
        if (open == '{')
            TRY(project_object(p, node, s, depth, scratch, err));
        else if (splits)
            TRY(project_split(p, s, depth, err));
        else
            TRY(project_array(p, node, s, depth, scratch, err));
        v.kind = open == '{' ? JPULL_OBJECT : JPULL_ARRAY;
        v.text = (struct span){start, (size_t)(s->p - start)};
    }
    for (size_t i = 0; i < node->value_count; i++)
        p->values[node->values[i]] = v;
    return 0;
}

int jpull_project(struct jpull_projection *p, struct span record, struct jpull_value *values,
                  struct strbuf *scratch, struct error *err)
{
    struct jscan s = jscan_of(record);
    strbuf_clear(scratch);
    /* Unescaped text is never longer: nothing moves while values point into scratch. */
    if (!strbuf_reserve(scratch, record.len))
        return error_set(err, ERR_LIMIT, "a record of %zu bytes exceeds the limit", record.len);
    for (size_t i = 0; i < p->count; i++)
        values[i] = (struct jpull_value){0};
    p->record++;
    p->element_count = 0;
    p->values = values;
    jscan_space(&s);
    TRY(project_node(p, &p->root, &s, 0, scratch, err));
    return jscan_finish(&s, err);
}
