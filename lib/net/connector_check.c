#include "format/ynode.h"
#include "net/connector_internal.h"
#include "schema/interpolate.h"
#include <stdlib.h>
#include <string.h>

#define CONCURRENCY_MAX 64

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

/* ---- names in templates -------------------------------------------------------------------- */

typedef void name_note(void *self, const char *name, size_t offset);

struct mention {
    const char *name;
    bool found;
};

static void mention_note(void *self, const char *name, size_t offset)
{
    struct mention *m = self;
    size_t len = strlen(m->name);

    (void)offset;
    if (strncmp(name, m->name, len) == 0 && (name[len] == '\0' || name[len] == '.'))
        m->found = true;
}

static void text_names(const char *text, name_note *note, void *self)
{
    struct error ignored;

    if (text)
        interpolate_names(text, note, self, &ignored);
}

static void tree_names(const struct ynode *node, name_note *note, void *self)
{
    if (node && node->kind == YNODE_SCALAR)
        text_names(node->text, note, self);
    for (size_t i = 0; node && i < node->count; i++)
        tree_names(node->items[i], note, self);
}

static bool tree_has(const struct ynode *node, const char *name)
{
    struct mention m = {.name = name};

    tree_names(node, mention_note, &m);
    return m.found;
}

void resource_names(const struct resource_spec *r,
                    void (*note)(void *self, const char *name, size_t offset), void *self)
{
    text_names(r->path, note, self);
    tree_names(r->query, note, self);
    tree_names(r->body, note, self);
    tree_names(r->form, note, self);
    for (size_t i = 0; i < r->headers.count; i++)
        text_names(r->headers.values[i], note, self);
}

bool resource_mentions(const struct resource_spec *r, const char *name)
{
    struct mention m = {.name = name};

    resource_names(r, mention_note, &m);
    return m.found;
}

/* ---- paginations --------------------------------------------------------------------------- */

/* A pagination that reaches no request reads the first page for ever, or takes it for all. */
static void position_check(const struct resource_spec *r, const struct ynode *map,
                           struct diagnostics *d)
{
    static const char *const names[] = {[PAGINATE_PAGE] = "page.number",
                                        [PAGINATE_OFFSET] = "page.offset",
                                        [PAGINATE_CURSOR] = "page.cursor",
                                        [PAGINATE_LAST_ID] = "page.last_id",
                                        [PAGINATE_NEXT_URL] = NULL};
    const struct paginate_spec *p = r->paginate;
    const char *mine = names[p->type];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i] && names[i] != mine && resource_mentions(r, names[i]))
            diagnostics_add(d, map, NULL, "paginate: ${%s} does not go with this type", names[i]);
    if (mine && !p->param && !resource_mentions(r, mine) && !resource_mentions(r, "cursor"))
        diagnostics_add(d, map, "without it each request is for the first page",
                        "paginate: expected 'param', or ${%s} in path, query, body or form", mine);
    bool asked = p->size_param || resource_mentions(r, "page.size");
    if (p->size > 0 && !asked)
        diagnostics_add(d, ynode_get(map, "size"), NULL,
                        "paginate: 'size' needs 'size_param', or ${page.size} in the request");
    if (p->size == 0 && asked)
        diagnostics_add(d, map, NULL, "paginate: 'size' is missing");
    if (p->end == PAGINATE_END_SHORT && p->size == 0)
        diagnostics_add(d, map, NULL, "paginate: 'end: short' needs 'size'");
    if (p->first && (p->first->kind != YNODE_SCALAR))
        diagnostics_add(d, p->first, NULL, "first: expected a text or number");
}

static void unpaged_check(const char *name, const struct resource_spec *r, const struct ynode *map,
                          struct diagnostics *d)
{
    static const char *const names[] = {"page.number", "page.offset", "page.size", "page.cursor",
                                        "page.last_id"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (resource_mentions(r, names[i]))
            diagnostics_add(d, map, NULL, "resource '%s' uses ${%s} without 'paginate'", name,
                            names[i]);
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
        {"param", 0, PAGE | OFFSET | LAST_ID | CURSOR},
        {"size_param", 0, ALL},
        {"size", 0, ALL},
        {"from", LAST_ID | NEXT, CURSOR},
        {"header", 0, CURSOR},
        {"pages", 0, PAGE | OFFSET},
        {"more", 0, PAGE | OFFSET | CURSOR | LAST_ID},
        {"start", 0, PAGE | OFFSET},
        {"first", 0, CURSOR | LAST_ID},
        {"end", 0, PAGE | OFFSET},
        {"max_pages", 0, ALL},
        {"cap", 0, ALL},
        {NULL, 0, 0},
    };
    static const char *const names[] = {"none",    "page",        "offset",  "cursor",
                                        "last_id", "link_header", "next_url"};

    if (!map)
        return;
    spec_check_keys(map, "paginate", names[p->type], p->type, uses, d);
    spec_check_pointer(p->from, map, "from", d);
    spec_check_pointer(p->more, map, "more", d);
    spec_check_pointer(p->pages, map, "pages", d);
    if (p->type == PAGINATE_CURSOR && !p->from == !p->header)
        diagnostics_add(d, map, NULL, "paginate of type cursor needs 'from', or 'header'");
}

static void pairs_check(const char *key, const struct ynode *pairs, struct diagnostics *d)
{
    if (pairs && pairs->kind != YNODE_MAP && !pairs->is_null)
        diagnostics_add(d, pairs, NULL, "%s: expected a map, found %s", key,
                        ynode_kind_name(pairs->kind));
}

/* What the request is made of. */
static void request_check(const char *name, const struct resource_spec *r, const struct ynode *map,
                          struct diagnostics *d)
{
    pairs_check("query", r->query, d);
    pairs_check("form", r->form, d);
    if (r->body && r->form)
        diagnostics_add(d, ynode_key(map, "form"), NULL,
                        "resource '%s': either 'body' or 'form', not both", name);
    for (size_t i = 0; i < r->json_text.count; i++) {
        const char *pointer = r->json_text.items[i];
        spec_check_pointer(pointer, map, "json_text", d);
        if (!r->body || !template_node_at(r->body, pointer, d->arena))
            diagnostics_add(d, ynode_get(map, "json_text"), NULL,
                            "json_text: the body has nothing at '%s'", pointer);
    }
    for (size_t i = 0; i < r->params.count; i++) {
        const char *param = r->params.names[i];
        param_check(param, (const struct param_spec *)r->params.items + i, r->params.nodes[i], d);
        if (!resource_mentions(r, param))
            diagnostics_add(d, r->params.nodes[i], NULL,
                            "nothing in resource '%s' uses the parameter '%s'", name, param);
    }
}

static void write_check(const struct resource_spec *r, const struct ynode *write,
                        struct diagnostics *d)
{
    const char *records = r->write->records;

    if (!r->body && records && (records[0] != '/' || strchr(records + 1, '/')))
        diagnostics_add(d, ynode_get(write, "records"), NULL,
                        "write.records: expected one level, /name, or a 'body' with ${records}");
    if (!r->body && r->write->batch > 1 && !records)
        diagnostics_add(d, write, NULL, "write: a batch of more than one needs 'records'");
    if (r->body && !tree_has(r->body, "record") && !tree_has(r->body, "records"))
        diagnostics_add(d, write, "put ${records} or ${record} into 'body'",
                        "write: nothing of a record is in the body");
    if (tree_has(r->body, "record") && r->write->batch > 1)
        diagnostics_add(d, write, "say ${records}", "write: ${record} needs 'batch: 1'");
}

/* The intent that is sent keeps the body alone. */
static void records_check(const char *name, const struct resource_spec *r, const struct ynode *map,
                          struct diagnostics *d)
{
    struct resource_spec around = *r;

    if (r->write)
        around.body = NULL;
    if (resource_mentions(&around, "record") || resource_mentions(&around, "records"))
        diagnostics_add(d, map, NULL,
                        "resource '%s': ${record...} stands in the body of one with 'write'", name);
}

static bool resource_is_there(const struct connector_spec *spec, const char *name)
{
    for (size_t i = 0; i < spec->resources.count; i++)
        if (strcmp(spec->resources.names[i], name) == 0)
            return true;
    return false;
}

static void job_check(const struct connector_spec *spec, const struct resource_spec *r,
                      const struct ynode *map, struct diagnostics *d)
{
    const struct job_spec *job = r->job;
    const struct ynode *until = ynode_get(map, "until"), *failed = ynode_get(map, "failed");
    bool by_url = job->download && job->download[0] == '/';

    for (size_t i = 0; i < job->take.count; i++)
        if (job->take.values[i])
            spec_check_pointer(job->take.values[i], ynode_get(map, "take"), job->take.keys[i], d);
    if (job->poll && !resource_is_there(spec, job->poll))
        diagnostics_add(d, ynode_get(map, "poll"), NULL, "poll: there is no resource '%s'",
                        job->poll);
    if (by_url)
        spec_check_pointer(job->download, map, "download", d);
    else if (job->download && !resource_is_there(spec, job->download))
        diagnostics_add(d, ynode_get(map, "download"), "or a JSON pointer to a URL",
                        "download: there is no resource '%s'", job->download);
    if (job->hosts.count > 0 && !by_url)
        diagnostics_add(d, ynode_get(map, "hosts"), NULL,
                        "job: 'hosts' goes with a download that is the pointer to a URL");
    if ((job->poll != NULL) != (until != NULL))
        diagnostics_add(d, map, NULL, "job: 'poll' and 'until' go together");
    if (failed && !job->poll)
        diagnostics_add(d, ynode_key(map, "failed"), "a rule can tell a refused order",
                        "job: 'failed' needs 'poll'");
    if (until)
        spec_check_when(&job->until, until, d);
    if (failed)
        spec_check_when(&job->failed, failed, d);
    for (size_t i = 0; i < job->message_from.count; i++)
        spec_check_pointer(job->message_from.items[i], map, "message_from", d);
    if (r->paginate)
        diagnostics_add(d, map, NULL, "an export has no 'paginate': its download may");
    if (r->cache)
        diagnostics_add(d, map, NULL, "an export has no 'cache'");
}

/* A file has no document to point into; how it is read the pipeline says. */
static void file_check(const struct resource_spec *r, const struct ynode *map,
                       struct diagnostics *d)
{
    static const char *const of_records[] = {"records",      "fields", "single", "paginate",
                                             "expect_total", "write",  "cache"};
    const struct file_hash_spec *hash = r->file.hash;
    const struct ynode *file = ynode_get(map, "file");

    if (r->format != RESOURCE_FILE) {
        if (file)
            diagnostics_add(d, ynode_key(map, "file"), "format: file", "'file' is for format file");
        return;
    }
    for (size_t i = 0; i < sizeof(of_records) / sizeof(of_records[0]); i++)
        if (ynode_key(map, of_records[i]))
            diagnostics_add(d, ynode_key(map, of_records[i]), NULL,
                            "'%s' is for answers of records, the format is file", of_records[i]);
    if (!hash || !hash->from)
        return;
    const struct ynode *from = ynode_get(ynode_get(file, "hash"), "from");
    if (hash->from[0] == '/')
        spec_check_pointer(hash->from, file, "from", d);
    else if (strncmp(hash->from, "header:", 7) != 0 || hash->from[7] == '\0')
        diagnostics_add(d, from, NULL,
                        "hash.from: expected a JSON pointer or header:NAME, found '%s'",
                        hash->from);
}

static void format_check(const struct resource_spec *r, const struct ynode *map,
                         struct diagnostics *d)
{
    file_check(r, map, d);
    if (r->format == RESOURCE_JSONL &&
        (r->records[0] || r->expect_total || r->single ||
         (r->paginate && r->paginate->type != PAGINATE_LINK_HEADER &&
          r->paginate->type != PAGINATE_PAGE && r->paginate->type != PAGINATE_OFFSET)))
        diagnostics_add(d, ynode_get(map, "format"), NULL,
                        "format: an answer of lines has no document to point into");
}

static void map_as_check(const struct connector_spec *spec, const struct resource_spec *r,
                         const struct ynode *place, struct diagnostics *d)
{
    for (size_t i = 0; i < spec->resources.count; i++)
        if (strcmp(spec->resources.names[i], r->map_as) == 0 && resource_at(spec, i) != r &&
            resource_at(spec, i)->map.count > 0)
            return;
    diagnostics_add(d, place, NULL, "map_as: there is no other resource '%s' with a map",
                    r->map_as);
}

static void resource_check(const struct connector_spec *spec, size_t i, struct diagnostics *d)
{
    const char *name = spec->resources.names[i];
    const struct resource_spec *r = resource_at(spec, i);
    const struct ynode *map = spec->resources.nodes[i];
    bool reads = strcmp(connector_methods[r->method], "GET") == 0;

    if (!map || map->kind != YNODE_MAP)
        return;
    if (r->path && r->path[0] != '/')
        diagnostics_add(d, ynode_get(map, "path"), NULL, "path: '%s' does not begin with '/'",
                        r->path);
    if (r->path && strpbrk(r->path, "?#"))
        diagnostics_add(d, ynode_get(map, "path"), "parameters go into 'query'",
                        "path: '%s' holds '?' or '#'", r->path);
    for (int k = 0; reads && k < 2; k++)
        if (ynode_key(map, k == 0 ? "body" : "form"))
            diagnostics_add(d, ynode_key(map, k == 0 ? "body" : "form"), NULL,
                            "resource '%s': a GET has no body", name);
    if (r->write && reads)
        diagnostics_add(d, ynode_key(map, "write"), "set 'method'",
                        "resource '%s': a GET writes nothing", name);
    spec_check_pointer(r->records, map, "records", d);
    spec_check_pointer(r->expect_total, map, "expect_total", d);
    request_check(name, r, map, d);
    format_check(r, map, d);
    if (r->job)
        job_check(spec, r, ynode_get(map, "job"), d);
    if (r->paginate) {
        paginate_check(r->paginate, ynode_get(map, "paginate"), d);
        position_check(r, ynode_get(map, "paginate"), d);
    } else {
        unpaged_check(name, r, map, d);
    }
    if (r->write) {
        const struct ynode *write = ynode_get(map, "write");
        spec_check_pointer(r->write->records, write, "records", d);
        spec_check_pointer(r->write->results, write, "results", d);
        write_check(r, write, d);
    }
    records_check(name, r, map, d);
    record_map_check(&r->map, d);
    if (r->map_as)
        map_as_check(spec, r, ynode_get(map, "map_as"), d);
}

bool connector_spec_concurrency(struct connector_spec *spec)
{
    const char *text = spec->concurrency_text ? spec->concurrency_text : "8";
    char *end;

    spec->adaptive = strcmp(text, "adaptive") == 0;
    spec->concurrency = spec->adaptive ? CONCURRENCY_MAX : strtol(text, &end, 10);
    bool valid = spec->adaptive || (*end == '\0' && end != text && spec->concurrency >= 1 &&
                                    spec->concurrency <= CONCURRENCY_MAX);
    if (!valid)
        spec->concurrency = 1;
    return valid;
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
        resource_check(spec, i, d);
}
