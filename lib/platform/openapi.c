/* lib/platform/openapi.c - the contract as a tree. */
#include "platform/openapi.h"
#include "gen/embed.h"
#include <string.h>

#define PREFIX   "/api/v1/"
#define REF_HEAD "#/"

const char *const openapi_methods[] = {"get", "post", "put", "patch", "delete", NULL};

int openapi_open(struct arena *arena, struct openapi *ret, struct error *err)
{
    struct ynode *root = NULL;
    TRY(ynode_parse(embedded_openapi_yaml, strlen(embedded_openapi_yaml), "openapi.yaml", arena,
                    &root, err));
    *ret = (struct openapi){root, arena};
    return ERR_OK;
}

const struct ynode *openapi_follow(const struct openapi *api, const struct ynode *node)
{
    const char *ref = node != NULL ? ynode_text(node, "$ref", NULL) : NULL;
    if (ref == NULL || strncmp(ref, REF_HEAD, sizeof REF_HEAD - 1) != 0)
        return node;
    const struct ynode *at = api->root;
    for (const char *p = ref + sizeof REF_HEAD - 1; at != NULL && *p != '\0';) {
        size_t n = strcspn(p, "/");
        at = ynode_get(at, arena_strndup(api->arena, p, n));
        p += n + (p[n] == '/');
    }
    return at;
}

const char *openapi_module(const struct openapi *api, const char *path)
{
    if (strncmp(path, PREFIX, sizeof PREFIX - 1) != 0)
        return "system";
    const char *word = path + sizeof PREFIX - 1;
    return arena_strndup(api->arena, word, strcspn(word, "/"));
}
