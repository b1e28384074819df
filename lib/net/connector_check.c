#include "format/ynode.h"
#include "net/connector_spec.h"
#include <stdlib.h>
#include <string.h>

void spec_check_keys(const struct ynode *map, const char *what, const char *choice, int chosen,
                     const struct key_use *uses, struct diagnostics *d)
{
    unsigned bit = 1U << chosen;

    for (; uses->key; uses++) {
        const struct ynode *key = ynode_key(map, uses->key);
        if (!key && (uses->needed & bit))
            diagnostics_add(d, map, NULL, "%s of type %s needs '%s'", what, choice, uses->key);
        if (key && !((uses->needed | uses->allowed) & bit))
            diagnostics_add(d, key, NULL, "%s of type %s has no '%s'", what, choice, uses->key);
    }
}

/* RFC 6901: empty, or every part begins with a slash; ~ only as ~0 and ~1. */
void spec_check_pointer(const char *pointer, const struct ynode *place, const char *key,
                        struct diagnostics *d)
{
    bool ok = !pointer || !*pointer || *pointer == '/';
    const struct ynode *node = ynode_get(place, key);

    for (const char *p = pointer; ok && p && (p = strchr(p, '~')); p++)
        ok = p[1] == '0' || p[1] == '1';
    if (!ok)
        diagnostics_add(d, node ? node : place, "such as /data/items; '' is the whole document",
                        "%s: '%s' is not a JSON pointer", key, pointer);
}

static bool status_is_pattern(const char *s)
{
    if (strlen(s) != 3 || s[0] < '1' || s[0] > '5')
        return false;
    bool digits = strspn(s, "0123456789") == 3;
    return digits || strcmp(s + 1, "xx") == 0;
}

void spec_check_when(const struct rule_when *w, const struct ynode *when, struct diagnostics *d)
{
    bool looks = w->equals.count > 0 || w->not_equals.count > 0 || w->exists != RULE_EXISTS_ANY;
    if (w->status.count == 0 && !w->pointer)
        diagnostics_add(d, when, NULL, "when: expected 'status' or 'pointer'");
    if (looks && !w->pointer)
        diagnostics_add(d, when, NULL, "when: a condition on the body needs 'pointer'");
    if (w->pointer && !looks)
        diagnostics_add(d, when, NULL, "when: 'pointer' needs 'equals', 'not_equals' or 'exists'");
    spec_check_pointer(w->pointer, when, "pointer", d);
    for (size_t i = 0; i < w->status.count; i++)
        if (!status_is_pattern(w->status.items[i]))
            diagnostics_add(d, ynode_get(when, "status"), NULL,
                            "status: expected 404 or 5xx, found '%s'", w->status.items[i]);
}

static void rule_check(const struct rule_spec *rule, const struct ynode *map, struct diagnostics *d)
{
    const struct ynode *when = ynode_get(map, "when");

    if (!when)
        return;
    spec_check_when(&rule->when, when, d);
    for (size_t i = 0; i < rule->message_from.count; i++)
        spec_check_pointer(rule->message_from.items[i], map, "message_from", d);
}

static void paginate_check(const struct paginate_spec *p, const struct ynode *map,
                           struct diagnostics *d)
{
    enum {
        PAGE = 1 << PAGINATE_PAGE,
        OFFSET = 1 << PAGINATE_OFFSET,
        CURSOR = 1 << PAGINATE_CURSOR,
        LAST_ID = 1 << PAGINATE_LAST_ID,
        LINK = 1 << PAGINATE_LINK_HEADER,
        NEXT = 1 << PAGINATE_NEXT_URL,
        ALL = PAGE | OFFSET | CURSOR | LAST_ID | LINK | NEXT
    };
    static const struct key_use uses[] = {
        {"param", PAGE | OFFSET | LAST_ID, CURSOR},
        {"size_param", 0, ALL},
        {"size", 0, ALL},
        {"from", CURSOR | LAST_ID | NEXT, 0},
        {"more", 0, PAGE | OFFSET | CURSOR | LAST_ID},
        {"start", 0, PAGE | OFFSET},
        {"max_pages", 0, ALL},
        {NULL, 0, 0},
    };
    static const char *const names[] = {"none",    "page",        "offset",  "cursor",
                                        "last_id", "link_header", "next_url"};

    if (!map)
        return;
    spec_check_keys(map, "paginate", names[p->type], p->type, uses, d);
    if (!ynode_key(map, "size") != !ynode_key(map, "size_param"))
        diagnostics_add(d, map, NULL, "paginate: 'size' and 'size_param' go together");
    spec_check_pointer(p->from, map, "from", d);
    spec_check_pointer(p->more, map, "more", d);
}

static void resource_check(const char *name, const struct resource_spec *r, const struct ynode *map,
                           struct diagnostics *d)
{
    bool reads = strcmp(connector_methods[r->method], "GET") == 0;

    if (!map || map->kind != YNODE_MAP)
        return;
    if (r->path && r->path[0] != '/')
        diagnostics_add(d, ynode_get(map, "path"), NULL, "path: '%s' does not begin with '/'",
                        r->path);
    if (r->path && strpbrk(r->path, "?#"))
        diagnostics_add(d, ynode_get(map, "path"), "parameters go into 'query'",
                        "path: '%s' holds '?' or '#'", r->path);
    if (r->body && reads)
        diagnostics_add(d, ynode_key(map, "body"), NULL, "resource '%s': a GET has no body", name);
    if (r->write && reads)
        diagnostics_add(d, ynode_key(map, "write"), "set 'method'",
                        "resource '%s': a GET writes nothing", name);
    spec_check_pointer(r->records, map, "records", d);
    spec_check_pointer(r->expect_total, map, "expect_total", d);
    if (r->paginate)
        paginate_check(r->paginate, ynode_get(map, "paginate"), d);
    if (r->write) {
        const struct ynode *write = ynode_get(map, "write");
        spec_check_pointer(r->write->records, write, "records", d);
        spec_check_pointer(r->write->results, write, "results", d);
        if (r->write->batch > 1 && !r->write->records)
            diagnostics_add(d, write, NULL, "write: a batch of more than one needs 'records'");
    }
}

void connector_spec_check(const struct connector_spec *spec, const struct ynode *root,
                          struct diagnostics *d)
{
    if (spec->version > 1)
        diagnostics_add(d, ynode_get(root, "version"), "it was written for a newer diner",
                        "version: expected 1, found %d", (int)spec->version);
    connector_auth_check(spec, root, d);
    for (size_t i = 0; i < spec->rules.count; i++)
        rule_check((const struct rule_spec *)spec->rules.items + i, spec->rules.nodes[i], d);
    for (size_t i = 0; i < spec->resources.count; i++)
        resource_check(spec->resources.names[i], resource_at(spec, i), spec->resources.nodes[i], d);
}
