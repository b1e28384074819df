/* A connector and a pipeline from one answer of an API. */
#include "core/fileio.h"
#include "core/message.h"
#include "core/secret.h"
#include "format/jpull.h"
#include "net/http.h"
#include "pipeline/guess/draft.h"
#include "pipeline/guess/names.h"
#include "pipeline/guess/records.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct address {
    const char *base, *path;
    const char *names[32], *values[32]; /* of the query, decoded */
    size_t nquery;
};

/* ---- the address ------------------------------------------------------------------------ */

static int hex_value(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static const char *percent_decoded(struct arena *arena, const char *s, size_t n)
{
    char *out = arena_alloc(arena, n + 1), *at = out;
    for (size_t i = 0; i < n; i++) {
        bool is_escape = s[i] == '%' && i + 2 < n && isxdigit((unsigned char)s[i + 1]) &&
                         isxdigit((unsigned char)s[i + 2]);
        if (is_escape) {
            *at++ = (char)(hex_value(s[i + 1]) * 16 + hex_value(s[i + 2]));
            i += 2;
        } else {
            *at++ = s[i] == '+' ? ' ' : s[i];
        }
    }
    *at = '\0';
    return out;
}

static int parse_query(struct address *a, struct arena *arena, const char *query, struct error *err)
{
    while (*query != '\0' && *query != '#') {
        size_t n = strcspn(query, "&#");
        const char *eq = memchr(query, '=', n);
        size_t name = eq != NULL ? (size_t)(eq - query) : n;
        if (a->nquery == 32)
            return error_set(err, ERR_LIMIT, "the URL has more than 32 parameters");
        a->names[a->nquery] = percent_decoded(arena, query, name);
        a->values[a->nquery++] = eq != NULL ? percent_decoded(arena, eq + 1, n - name - 1) : "";
        query += n + (query[n] == '&');
    }
    return 0;
}

static int parse_address(struct address *a, struct arena *arena, const char *url, struct error *err)
{
    const char *host = strstr(url, "://") + 3;
    size_t n = strcspn(host, "/?#");
    const char *path = host + n;
    if (n == 0)
        return error_set(err, ERR_USAGE, "the URL has no host");
    if (memchr(host, '@', n) != NULL) {
        error_set(err, ERR_USAGE, "a URL with a user or password in it is not taken");
        return error_hint(err, "call it without and add `auth` to the connector");
    }
    size_t length = strcspn(path, "?#");
    a->base = arena_strndup(arena, url, (size_t)(path - url));
    a->path = length > 0 ? arena_strndup(arena, path, length) : "/";
    if (strstr(a->path, "${") != NULL || strstr(a->base, "${") != NULL)
        return error_set(err, ERR_USAGE, "a URL with ${ cannot stand in a connector");
    return path[length] == '?' ? parse_query(a, arena, path + length + 1, err) : 0;
}

static bool is_secret_name(const char *name)
{
    static const char *const words[] = {"key",      "token", "secret", "sign",
                                        "password", "pwd",   "auth"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(name, words[i]) != NULL)
            return true;
    return false;
}

/* ---- hints about pages ------------------------------------------------------------------ */

struct hint {
    const char *member; /* beside the records, or in one object above them */
    const char *line;   /* %s is its pointer */
    bool total;
};
static const struct hint page_hints[] = {
    {"next_cursor", "# paginate: { type: cursor, param: cursor, from: %s }", false},
    {"nextCursor", "# paginate: { type: cursor, param: cursor, from: %s }", false},
    {"next_page_token", "# paginate: { type: cursor, param: page_token, from: %s }", false},
    {"next_url", "# paginate: { type: next_url, from: %s }", false},
    {"next", "# paginate: { type: next_url, from: %s }", false},
    {"has_more", "# paginate: { type: page, param: page, more: %s }", false},
    {"hasMore", "# paginate: { type: page, param: page, more: %s }", false},
    {"total", "expect_total: %s", true},
    {"total_count", "expect_total: %s", true},
    {"totalCount", "expect_total: %s", true},
    {"page", "# paginate: { type: page, param: page, size_param: page_size, size: 100 }   # %s",
     false},
    {"pageNo", "# paginate: { type: page, param: pageNo, size_param: pageSize, size: 100 }   # %s",
     false},
    {"offset", "# paginate: { type: offset, param: offset, size_param: limit, size: 100 }   # %s",
     false},
};

/* A total that this answer does not hold means further pages: it would fail the run, and should. */
static void print_hints(struct span document, const struct found_records *r, struct strbuf *out)
{
    char parent[sizeof r->pointer];
    AUTO_STRBUF struct strbuf scratch = {0};
    strbuf_init(&scratch, 1 << 16);
    memcpy(parent, r->pointer, sizeof parent);
    for (;;) {
        char *slash = strrchr(parent, '/');
        if (slash == NULL)
            return;
        *slash = '\0';
        for (size_t i = 0; i < sizeof page_hints / sizeof *page_hints; i++) {
            char pointer[sizeof r->pointer + 32];
            struct jpull_value v;
            struct error ignored = ERROR_INIT;
            snprintf(pointer, sizeof pointer, "%s/%s", parent, page_hints[i].member);
            if (jpull_find(document, pointer, &v, &scratch, &ignored) != 0 || v.kind == JPULL_NONE)
                continue;
            if (page_hints[i].total && v.kind != JPULL_NUMBER)
                continue;
            strbuf_adds(out, "    ");
            const char *mark = strstr(page_hints[i].line, "%s");
            strbuf_add(out, page_hints[i].line, (size_t)(mark - page_hints[i].line));
            name_yaml(out, pointer);
            strbuf_adds(out, mark + 2);
            strbuf_addch(out, '\n');
        }
    }
}

static void print_link_hint(const struct http_response *response, struct strbuf *out)
{
    const char *link = http_response_header(response, "link");
    if (link != NULL && strstr(link, "next") != NULL)
        strbuf_adds(out, "    # paginate: { type: link_header }\n");
}

/* ---- the connector ---------------------------------------------------------------------- */

static void print_connector(const struct address *a, const char *name,
                            const struct http_response *response, const struct found_records *r,
                            struct strbuf *out)
{
    struct span document = {response->body.data, response->body.len};
    strbuf_addf(
        out,
        message_text(
            "# Guessed from one answer: add auth, rate and rules, and say how pages follow.\n"
            "version: 1\nname: %s\nbase_url: "),
        name);
    name_yaml(out, a->base);
    strbuf_addf(out, "\nresources:\n  %s:\n    path: ", name);
    name_yaml(out, a->path);
    strbuf_addch(out, '\n');
    for (size_t i = 0; i < a->nquery; i++) {
        strbuf_adds(out, i == 0 ? "    query:\n" : "");
        strbuf_adds(out, "      ");
        name_yaml(out, a->names[i]);
        strbuf_adds(out, ": ");
        if (is_secret_name(a->names[i])) { /* the value itself is never written */
            strbuf_adds(out, "\"${");
            for (const char *c = a->names[i]; *c != '\0'; c++)
                strbuf_addch(out,
                             isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_');
            strbuf_adds(out, message_text("}\"   # from the environment"));
        } else {
            name_yaml(out, a->values[i]);
        }
        strbuf_addch(out, '\n');
    }
    strbuf_adds(out, "    records: ");
    name_yaml(out, r->pointer);
    strbuf_addf(out, message_text("   # %zu records\n"), r->count);
    print_hints(document, r, out);
    print_link_hint(response, out);
}

static int write_connector(const char *path, const struct strbuf *text, struct error *err)
{
    struct atomic_file *f;
    TRY(atomic_file_open(path, &f, err));
    if (atomic_file_write(f, text->data, text->len, err) != 0) {
        atomic_file_discard(f);
        return err->code;
    }
    return atomic_file_commit(f, err);
}

/* ---- both ------------------------------------------------------------------------------- */

static int draft_answer(struct draft *d, const struct address *a,
                        const struct http_response *response, struct strbuf *out, struct error *err)
{
    struct span document = span_trim((struct span){response->body.data, response->body.len});
    struct found_records found;
    AUTO_STRBUF struct strbuf connector = {0}, intro = {0};
    strbuf_init(&connector, 1 << 20);
    strbuf_init(&intro, 2 << 20);
    if (jpull_check(document, false, err) != 0)
        return error_context(err, "the answer is not JSON");
    records_find(document, &found);
    if (found.count == 0) {
        error_set(err, ERR_DATA, "the answer has no list of records");
        return error_hint(err, "a list of JSON objects is looked for, at most %d levels deep",
                          RECORDS_DEPTH);
    }
    struct records *records = records_new(d->arena);
    int code = records_add_all(records, &found, err);
    if (code == 0)
        code = records_draft(records, d, err);
    if (code == 0) {
        d->has_key = d->nkeys > 0;
        d->replaces = !d->has_key;
        print_connector(a, d->name, response, &found, &connector);
        if (d->options->connector_file != NULL) {
            code = write_connector(d->options->connector_file, &connector, err);
        } else {
            strbuf_addf(
                &intro,
                message_text(
                    "# The connector, for %s.yaml in a directory of `connector_path`:\n#\n"),
                d->name);
            for (const char *line = connector.data; *line != '\0';) {
                size_t n = strcspn(line, "\n");
                strbuf_addf(&intro, "#     %.*s\n", (int)n, line);
                line += n + (line[n] == '\n');
            }
            strbuf_adds(&intro, "#\n");
        }
        strbuf_addf(&intro,
                    message_text(
                        "# Guessed from one answer with %zu records: review it, then commit it.\n"),
                    found.count);
        d->intro = arena_strdup(d->arena, intro.data);
        d->source =
            arena_printf(d->arena, "      connector: %s\n      resource: %s\n", d->name, d->name);
        if (code == 0)
            draft_print(d, out);
    }
    records_free(records);
    return code;
}

static int get(const char *url, const struct guess_options *o, struct http_response *ret,
               struct error *err)
{
    const struct settings *s = config_settings(o->config);
    struct http_options options = {.connect_timeout_ms = s->http_connect_timeout_ms,
                                   .timeout_ms = s->http_timeout_ms,
                                   .body_max_bytes = (size_t)s->http_body_max_bytes};
    struct http_header accept = {"Accept", "application/json"};
    struct http_request request = {.url = url, .headers = &accept, .nheaders = 1, .no_retry = true};
    struct http_client *client;
    TRY(http_client_new(&options, &client, err));
    int code = http_send(client, &request, ret, err);
    if (code == 0) {
        code = http_response_check(&request, ret, err);
        if (code != 0)
            http_response_release(ret);
    }
    http_client_free(client);
    return code;
}

int guess_url(const char *url, const struct guess_options *o, struct strbuf *out, struct error *err)
{
    struct draft d = {.arena = arena_new(), .options = o, .is_unread = true};
    struct address a = {0};
    struct http_response response = {0};
    int code = parse_address(&a, d.arena, url, err);
    for (size_t i = 0; i < a.nquery; i++)
        if (is_secret_name(a.names[i]))
            secret_register(a.values[i]);
    if (code == 0)
        code = get(url, o, &response, err);
    if (code == 0) {
        d.name = o->name != NULL ? o->name : name_stem(d.arena, a.path);
        code = draft_answer(&d, &a, &response, out, err);
        http_response_release(&response);
    }
    arena_free(d.arena);
    return code;
}
