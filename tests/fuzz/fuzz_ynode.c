/* What parses prints to YAML that parses to the same tree. */
#include "core/strbuf.h"
#include "format/ynode.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void same(const struct ynode *a, const struct ynode *b)
{
    require(a->kind == b->kind && a->count == b->count && a->line > 0 && a->column > 0);
    if (a->kind == YNODE_SCALAR)
        require(a->is_null ? b->is_null : !b->is_null && strcmp(a->text, b->text) == 0);
    for (size_t i = 0; i < a->count; i++) {
        if (a->kind == YNODE_MAP)
            require(strcmp(a->keys[i]->text, b->keys[i]->text) == 0);
        same(a->items[i], b->items[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = ERROR_INIT;
    struct ynode *tree = NULL;
    struct ynode *again = NULL;
    struct arena *arena = arena_new();
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    if (ynode_parse((const char *)data, size, "fuzz", arena, &tree, &err) == 0) {
        ynode_print(tree, 0, &out);
        require(ynode_parse(out.data, out.len, "again", arena, &again, &err) == 0);
        same(tree, again);
        same(tree, ynode_merge(arena, tree, tree));
    }
    struct ynode_flaw *flaws;
    struct ynode *flawed = NULL;
    bool is_sound = tree != NULL;
    if (ynode_read((const char *)data, size, "fuzz", arena, &flawed, &flaws, &err) == 0) {
        require(is_sound == (flaws == NULL));
        same(flawed, ynode_merge(arena, flawed, flawed));
    } else {
        require(!is_sound);
    }
    arena_free(arena);
    return 0;
}
