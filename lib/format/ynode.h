/* lib/format/ynode.h - YAML as a tree that remembers where everything stood.
 *
 * libyaml events with limits of our own: no anchors, no aliases, no tags, one document, depth 32,
 * 100,000 nodes, 4 MiB; duplicate keys are an error naming both places. Scalars stay text: types
 * come from the schema, so `no`, `010` and `1e3` are what they are. */
#ifndef DINER_FORMAT_YNODE_H
#define DINER_FORMAT_YNODE_H

#include "core/error.h"
#include "core/mem.h"
#include <stdbool.h>

enum ynode_kind { YNODE_SCALAR, YNODE_MAP, YNODE_LIST };

struct ynode {
    enum ynode_kind kind;
    const char *file;     /* for messages */
    int line, column;     /* from 1 */
    const char *text;     /* scalar; an empty plain scalar is "" with is_null */
    bool is_plain;        /* neither quoted nor block */
    bool is_null;         /* plain and empty, `~` or `null` */
    size_t count;         /* of a list or map */
    struct ynode **items; /* values */
    struct ynode **keys;  /* scalars; maps only */
};

/* All memory comes from the arena. ERR_SPEC at file:line:column; ERR_NOT_FOUND, ERR_IO. */
int ynode_parse_file(const char *path, struct arena *arena, struct ynode **ret, struct error *err);
int ynode_parse(const char *text, size_t n, const char *name, struct arena *arena,
                struct ynode **ret, struct error *err);
/* What a file has and this YAML does not (a key given twice, anchors, aliases, tags), met on the
 * way; an error with its place, as ynode_parse would have given it. */
struct ynode_flaw {
    struct ynode_flaw *next;
    const char *message, *hint; /* hint "" where there is none */
};
/* As those above, but the first 100 flaws are told, in order, and the rest of the tree is given as
 * if they were not there: of a key the first value. Who takes flaws must refuse the file.
 * ret_flaws NULL: as those above. */
int ynode_read_file(const char *path, struct arena *arena, struct ynode **ret,
                    struct ynode_flaw **ret_flaws, struct error *err);
int ynode_read(const char *text, size_t n, const char *name, struct arena *arena,
               struct ynode **ret, struct ynode_flaw **ret_flaws, struct error *err);
struct ynode *ynode_get(const struct ynode *map, const char *key); /* NULL when absent or no map */
/* The text of a key's scalar, or `otherwise`. */
const char *ynode_text(const struct ynode *map, const char *key, const char *otherwise);
const struct ynode *ynode_key(const struct ynode *map, const char *key); /* the key's own node */
/* error_set(ERR_SPEC) with "file:line:column: " before the text. node NULL: no place. */
int ynode_error(const struct ynode *node, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *ynode_kind_name(enum ynode_kind kind); /* "a list", ... */
/* Makes nodes, for defaults merged in and values overridden. */
struct ynode *ynode_scalar(struct arena *a, const struct ynode *place, const char *text);
/* Deep merge: keys of `over` win, maps merge, lists and scalars replace. Result in the arena. */
struct ynode *ynode_merge(struct arena *a, const struct ynode *under, const struct ynode *over);
struct strbuf;
/* Prints a tree as block YAML, quoting what must be. */
void ynode_print(const struct ynode *node, int indent, struct strbuf *out);

#endif
