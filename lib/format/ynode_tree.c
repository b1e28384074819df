#include "core/message.h"
#include "core/strbuf.h"
#include "format/encoding.h"
#include "format/ynode.h"
#include <string.h>
#include <strings.h>

/* ---- looking up and merging ---------------------------------------------------------------- */

static size_t key_index(const struct ynode *map, const char *key)
{
    if (!map || map->kind != YNODE_MAP)
        return SIZE_MAX;
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->keys[i]->text, key) == 0)
            return i;
    return SIZE_MAX;
}

struct ynode *ynode_get(const struct ynode *map, const char *key)
{
    size_t i = key_index(map, key);
    return i == SIZE_MAX ? NULL : map->items[i];
}

const char *ynode_text(const struct ynode *map, const char *key, const char *otherwise)
{
    const struct ynode *value = ynode_get(map, key);
    return value != NULL && value->text != NULL ? value->text : otherwise;
}

const struct ynode *ynode_key(const struct ynode *map, const char *key)
{
    size_t i = key_index(map, key);
    return i == SIZE_MAX ? NULL : map->keys[i];
}

const char *ynode_kind_name(enum ynode_kind kind)
{
    switch (kind) {
    case YNODE_SCALAR: return message_text("a value");
    case YNODE_MAP: return message_text("a map");
    case YNODE_LIST: return message_text("a list");
    }
    return message_text("nothing");
}

struct ynode *ynode_scalar(struct arena *a, const struct ynode *place, const char *text)
{
    struct ynode *node = arena_alloc(a, sizeof(*node));
    node->kind = YNODE_SCALAR;
    node->file = place ? place->file : "";
    node->line = place ? place->line : 0;
    node->column = place ? place->column : 0;
    node->text = arena_strdup(a, text);
    return node;
}

struct ynode *ynode_merge(struct arena *a, const struct ynode *under, const struct ynode *over)
{
    const struct ynode *winner = over ? over : under;
    if (!winner)
        return NULL;
    struct ynode *node = arena_alloc(a, sizeof(*node));
    *node = *winner;
    if (!under || !over || under->kind != YNODE_MAP || over->kind != YNODE_MAP)
        return node;
    node->count = 0;
    node->keys = arena_array(a, under->count + over->count, sizeof(void *));
    node->items = arena_array(a, under->count + over->count, sizeof(void *));
    for (size_t i = 0; i < under->count; i++) {
        size_t j = key_index(over, under->keys[i]->text);
        bool both = j != SIZE_MAX;
        node->keys[node->count] = both ? over->keys[j] : under->keys[i];
        node->items[node->count++] =
            both ? ynode_merge(a, under->items[i], over->items[j]) : under->items[i];
    }
    for (size_t j = 0; j < over->count; j++) {
        if (key_index(under, over->keys[j]->text) != SIZE_MAX)
            continue;
        node->keys[node->count] = over->keys[j];
        node->items[node->count++] = over->items[j];
    }
    return node;
}

/* ---- printing ------------------------------------------------------------------------------ */

/* Characters that YAML takes for line breaks or does not allow unescaped. */
static bool must_escape(unsigned code)
{
    return (code < 0x20 && code != '\n') || (code >= 0x7F && code <= 0x9F) || code == 0x2028 ||
           code == 0x2029 || code == 0xFEFF || (code >= 0xD800 && code <= 0xDFFF) ||
           code == 0xFFFE || code == 0xFFFF;
}

/* The character at s (which is valid UTF-8, or counts as single bytes) and its length. */
static unsigned decode_char(const char *s, size_t *ret_len)
{
    unsigned char c = (unsigned char)s[0];
    size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    unsigned code = n == 1 ? c : c & (0xFFU >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)s[i] & 0xC0) != 0x80) {
            *ret_len = 1;
            return 0xFFFF;
        }
        code = code << 6 | ((unsigned char)s[i] & 0x3F);
    }
    *ret_len = n;
    return code;
}

static bool has_escapes(const char *text)
{
    for (size_t n; *text; text += n)
        if (must_escape(decode_char(text, &n)))
            return true;
    return false;
}

static void print_quoted(const char *text, struct strbuf *out)
{
    strbuf_addch(out, '"');
    for (size_t n; *text; text += n) {
        unsigned code = decode_char(text, &n);
        if (code == '\n')
            strbuf_adds(out, "\\n");
        else if (code == '\t')
            strbuf_adds(out, "\\t");
        else if (code == '"' || code == '\\')
            strbuf_addf(out, "\\%c", (int)code);
        else if (must_escape(code))
            strbuf_addf(out, "\\u%04X", code);
        else
            strbuf_add(out, text, n);
    }
    strbuf_addch(out, '"');
}

/* Words and numbers that readers of YAML give a type of its own. */
static bool looks_typed(const char *text)
{
    static const char *const WORDS[] = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n",   "~"};
    for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++)
        if (strcasecmp(text, WORDS[i]) == 0)
            return true;
    return strspn(text, "0123456789") > 0 || (strchr("+-.", text[0]) && text[0] != '\0');
}

/* True when the text can stand as a plain scalar anywhere in block style. */
static bool is_plain_safe(const char *text)
{
    size_t n = strlen(text);
    if (n == 0 || n > 200 || strchr("-?:,[]{}#&*!|>'\"%@` ", text[0]) || text[n - 1] == ' ' ||
        text[n - 1] == ':' || strchr(text, '\n') || strstr(text, ": ") || strstr(text, " #") ||
        strncmp(text, "...", 3) == 0)
        return text[0] == '-' && n > 1 && n <= 200 &&
               strspn(text + 1, "0123456789.") == n - 1; /* a negative number */
    return !has_escapes(text);
}

/* Several lines (SQL) stay readable as a literal block, where a block can hold them. */
static bool is_block_safe(const char *text)
{
    size_t n = strlen(text);
    if (!strchr(text, '\n') || text[0] == '\n' || text[0] == ' ' || has_escapes(text))
        return false;
    return n < 2 || strcmp(text + n - 2, "\n\n") != 0;
}

static void print_indent(int indent, struct strbuf *out)
{
    for (int i = 0; i < indent; i++)
        strbuf_addch(out, ' ');
}

static void print_block(const char *text, int indent, struct strbuf *out)
{
    size_t n = strlen(text);
    strbuf_adds(out, text[n - 1] == '\n' ? "|" : "|-");
    while (*text) {
        size_t line = strcspn(text, "\n");
        strbuf_addch(out, '\n');
        if (line > 0)
            print_indent(indent, out);
        strbuf_add(out, text, line);
        text += line;
        text += *text == '\n' ? 1 : 0;
    }
}

static void print_scalar(const struct ynode *node, int indent, bool is_key, struct strbuf *out)
{
    if (node->is_null)
        strbuf_adds(out, "null");
    else if (is_plain_safe(node->text) && (node->is_plain || !looks_typed(node->text)))
        strbuf_adds(out, node->text);
    else if (!is_key && is_block_safe(node->text))
        print_block(node->text, indent > 0 ? indent : 2, out);
    else
        print_quoted(node->text, out);
}

static bool is_nested(const struct ynode *node)
{
    return node->kind != YNODE_SCALAR && node->count > 0;
}

/* What follows "key:" or "-": the value on the same line, or a nested block on the next ones. */
static void print_value(const struct ynode *node, int indent, bool after_dash, struct strbuf *out)
{
    if (!is_nested(node)) {
        strbuf_addch(out, ' ');
        if (node->kind == YNODE_SCALAR)
            print_scalar(node, indent, false, out);
        else
            strbuf_adds(out, node->kind == YNODE_MAP ? "{}" : "[]");
        strbuf_addch(out, '\n');
        return;
    }
    if (!after_dash || node->kind == YNODE_LIST) {
        strbuf_addch(out, '\n');
        ynode_print(node, indent, out);
        return;
    }
    strbuf_addch(out, ' '); /* the first key stands beside the dash */
    size_t start = out->len;
    ynode_print(node, indent, out);
    size_t drop = (size_t)indent;
    if (out->len < start + drop)
        return; /* over the buffer's maximum */
    memmove(out->data + start, out->data + start + drop, out->len - start - drop);
    strbuf_truncate(out, out->len - drop);
}

void ynode_print(const struct ynode *node, int indent, struct strbuf *out)
{
    if (!is_nested(node)) {
        print_indent(indent, out);
        if (node->kind == YNODE_SCALAR)
            print_scalar(node, indent + 2, false, out);
        else
            strbuf_adds(out, node->kind == YNODE_MAP ? "{}" : "[]");
        strbuf_addch(out, '\n');
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        print_indent(indent, out);
        if (node->kind == YNODE_MAP) {
            print_scalar(node->keys[i], indent + 2, true, out);
            strbuf_addch(out, ':');
        } else {
            strbuf_addch(out, '-');
        }
        print_value(node->items[i], indent + 2, node->kind == YNODE_LIST, out);
    }
}
