#include "pipeline/guess/draft.h"

#include "core/clock.h"
#include "core/hashmap.h"
#include "core/message.h"
#include "db/conn.h"
#include "pipeline/guess/names.h"

#include <inttypes.h>
#include <string.h>

/* ---- columns ---------------------------------------------------------------------------- */

void draft_name_columns(struct draft *d)
{
    struct hashmap *taken = hashmap_new();
    for (size_t i = 0; i < d->ncolumns; i++) {
        struct draft_column *c = &d->columns[i];
        const char *base = c->name, *name = base;
        for (int n = 2; hashmap_gets(taken, name) != NULL; n++)
            name = arena_printf(d->arena, "%s_%d", base, n);
        hashmap_puts(taken, name, c);
        c->name = name;
    }
    hashmap_free(taken);
}

/* One mark for the whole source: the one that values ask for which only it explains. */
static int decide_mark(const struct draft *d)
{
    uint64_t point = 0, comma = 0;
    for (size_t i = 0; i < d->ncolumns; i++) {
        const struct seen *s = d->columns[i].seen;
        if (s == NULL || s->zero_led.count > 0)
            continue;
        point += s->decided[MARK_POINT];
        comma += s->decided[MARK_COMMA];
    }
    return comma > point ? MARK_COMMA : MARK_POINT;
}

void draft_decide(struct draft *d)
{
    d->mark = decide_mark(d);
    for (size_t i = 0; i < d->ncolumns; i++) {
        struct draft_column *c = &d->columns[i];
        if (c->seen == NULL)
            continue;
        if (c->type.type == NULL)
            c->type = seen_decide(c->seen, c->header, d->mark, d->arena);
    }
}

int draft_key_weight(const struct draft_column *c, size_t at)
{
    unsigned hints = name_hints(c->header);
    const char *type = c->type.type;
    if (strncmp(type, "numeric", 7) == 0 || strcmp(type, "bool") == 0 ||
        strcmp(type, "jsonb") == 0 || strcmp(type, "float8") == 0)
        return -1;
    if ((hints & (NAME_MONEY | NAME_QUANTITY)) != 0 && (hints & NAME_CODE) == 0)
        return -1;
    if (c->seen != NULL && (c->seen->length_max > 200 || c->seen->scientific.count > 0))
        return -1; /* a damaged code is refused as a key */
    int weight = 30 - (int)(at < 20 ? at : 20);
    if ((hints & NAME_CODE) != 0)
        weight += 100;
    if (strcmp(type, "bigint") == 0 && (hints & NAME_CODE) == 0)
        weight -= 5;
    if (c->type.is_time || strncmp(type, "timestamp", 9) == 0 || strcmp(type, "date") == 0)
        return 5;
    return (hints & NAME_LABEL) != 0 && (hints & NAME_CODE) == 0 ? 6 : weight;
}

/* ---- printing --------------------------------------------------------------------------- */

static void print_list(struct strbuf *out, const char *const *items, size_t n)
{
    strbuf_addch(out, '[');
    for (size_t i = 0; i < n; i++) {
        strbuf_adds(out, i > 0 ? ", " : "");
        name_yaml(out, items[i]);
    }
    strbuf_addch(out, ']');
}

static bool is_in_key(const struct draft *d, size_t column)
{
    if (!d->has_key)
        return false;
    for (size_t i = 0; i < d->keys[0].ncolumns; i++)
        if (d->keys[0].columns[i] == column)
            return true;
    return false;
}

/* A comment stays on its line, whatever a header holds. */
static void print_comment_text(struct strbuf *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            strbuf_addch(out, ' ');
        else if ((unsigned char)*c == 0xC2 && (unsigned char)c[1] < 0xA0)
            c++; /* C1 controls: not allowed in YAML */
        else if ((unsigned char)c[0] == 0xEF && (unsigned char)c[1] == 0xBB)
            c += 2;
        else if ((unsigned char)c[0] == 0xEF && (unsigned char)c[1] == 0xBF &&
                 (unsigned char)c[2] >= 0xBE)
            c += 2;
        else if ((unsigned char)c[0] == 0xE2 && (unsigned char)c[1] == 0x80 &&
                 ((unsigned char)c[2] == 0xA8 || (unsigned char)c[2] == 0xA9))
            c += 2;
        else
            strbuf_addch(out, *c);
}

static void print_column_comment(const struct draft_column *c, struct strbuf *out)
{
    const struct seen *s = c->seen;
    unsigned hints = name_hints(c->header);
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 4096);
    if (c->type.note != NULL)
        strbuf_adds(&text, c->type.note);
    if (s != NULL && strcmp(c->type.type, "text") == 0 && s->shape[0] != '\0')
        strbuf_addf(&text, message_text("%slike %s"), text.len > 0 ? "; " : "", s->shape);
    if (s != NULL && s->empty > 0 && s->empty < s->rows)
        strbuf_addf(&text, message_text("%s%" PRIu64 " of %" PRIu64 " empty"),
                    text.len > 0 ? "; " : "", s->empty, s->rows);
    if (c->type.lost > 0)
        strbuf_addf(&text, message_text("%s%" PRIu64 " do not fit (line %" PRIu64 "%s): rejects"),
                    text.len > 0 ? "; " : "", c->type.lost, c->type.lost_lines[0],
                    c->type.lost > 1 ? "..." : "");
    if ((hints & NAME_PERSONAL) != 0)
        strbuf_addf(&text, message_text("%spersonal data by its name"), text.len > 0 ? "; " : "");
    if (text.len > 0) {
        strbuf_adds(out, "  # ");
        print_comment_text(out, text.data);
    }
}

static void print_column(const struct draft *d, size_t i, struct strbuf *out)
{
    const struct draft_column *c = &d->columns[i];
    const struct seen_type *t = &c->type;
    const char *timezone = config_settings(d->options->config)->timezone;
    bool required = c->required || is_in_key(d, i);
    bool is_short =
        c->from == NULL && c->at == NULL && t->nformats == 0 && t->nnulls == 0 && !required;
    if (t->undecided != NULL) {
        strbuf_adds(out, "      # ");
        name_yaml(out, c->name);
        strbuf_addf(out, ": %s\n", t->undecided);
    }
    strbuf_adds(out, "      ");
    name_yaml(out, c->name);
    strbuf_adds(out, is_short ? ": " : ": { type: ");
    name_yaml(out, t->type);
    if (!is_short) {
        if (c->from != NULL) {
            strbuf_adds(out, ", from: ");
            name_yaml(out, c->from);
        }
        if (c->at != NULL)
            strbuf_addf(out, ", at: %s", c->at);
        if (required)
            strbuf_adds(out, ", required: true");
        if (t->nformats > 0) {
            strbuf_adds(out, ", format: ");
            print_list(out, t->formats, t->nformats);
        }
        if (t->needs_zone) {
            strbuf_adds(out, ", timezone: ");
            name_yaml(out, timezone);
        }
        if (t->nnulls > 0) {
            strbuf_adds(out, ", null: ");
            print_list(out, t->nulls, t->nnulls);
        }
        strbuf_adds(out, " }");
    }
    print_column_comment(c, out);
    strbuf_addch(out, '\n');
}

static void print_key(const struct draft *d, const struct key_candidate *k, struct strbuf *out)
{
    const char *names[KEY_WIDTH_MAX];
    for (size_t i = 0; i < k->ncolumns; i++)
        names[i] = d->columns[k->columns[i]].name;
    print_list(out, names, k->ncolumns);
}

static void print_key_comment(const struct draft *d, const struct key_candidate *k,
                              struct strbuf *out)
{
    strbuf_adds(out, "    #   ");
    print_key(d, k, out);
    strbuf_addf(out, message_text(": unique in %" PRIu64 " rows%s"), k->rows - k->empty,
                d->check.is_partial ? message_text(" (not all of the file)") : "");
    if (k->empty > 0)
        strbuf_addf(out, message_text(", empty in %" PRIu64), k->empty);
    strbuf_addch(out, '\n');
}

static void print_mode(const struct draft *d, struct strbuf *out)
{
    if (d->nkeys > 0 && !d->is_unread) {
        strbuf_adds(out, message_text("    # what may be the key:\n"));
        for (size_t i = 0; i < d->nkeys; i++)
            print_key_comment(d, &d->keys[i], out);
    }
    if (!d->has_key) {
        strbuf_addf(
            out,
            message_text("    mode: %s          # no key was found: with one, use  mode: merge\n"),
            d->replaces ? "replace" : "append");
        return;
    }
    strbuf_adds(
        out,
        d->replaces
            ? message_text("    mode: replace         # every read is the whole\n    key: ")
            : message_text("    mode: merge           # replace: when each file is the whole list\n"
                           "    key: "));
    print_key(d, &d->keys[0], out);
    strbuf_addch(out, '\n');
}

static void print_budget(const struct draft *d, struct strbuf *out)
{
    uint64_t rejected = d->check.rejected, rows = d->check.rows;
    if (rejected == 0)
        return;
    uint64_t percent = rejected * 100 / (rows > 0 ? rows : 1) + 1;
    strbuf_addf(out,
                message_text("    on_error: { max_rejects: %" PRIu64 ", max_reject_rate: %" PRIu64
                             "%% }   # as many as this file has\n"),
                rejected > 100 ? rejected : 100, percent > 100 ? 100 : percent);
}

static void print_check(const struct draft *d, struct strbuf *out)
{
    const struct draft_check *c = &d->check;
    strbuf_addf(out,
                message_text("# A run of it%s: %" PRIu64 " rows loaded, %" PRIu64
                             " rejected, %" PRIu64 " skipped by rule.\n"),
                c->is_partial ? message_text(" over the rows looked at") : "",
                c->rows - c->rejected - c->skipped, c->rejected, c->skipped);
    for (size_t i = 0; i < c->rejected && i < DRAFT_REJECTS_SHOWN; i++) {
        const struct draft_reject *r = &c->shown[i];
        strbuf_addf(out, message_text("#   rejected, line %" PRIu64 ": "), r->line);
        if (r->column != NULL) {
            print_comment_text(out, r->column);
            strbuf_adds(out, ": ");
        }
        print_comment_text(out, message_text(r->reason));
        strbuf_addch(out, '\n');
    }
    if (c->rejected > DRAFT_REJECTS_SHOWN)
        strbuf_adds(out, message_text("#   and more: see  diner run --dry-run\n"));
}

void draft_print(const struct draft *d, struct strbuf *out)
{
    const char *schema = d->options->schema != NULL ? d->options->schema : "ods";
    strbuf_adds(out, d->intro);
    if (!d->is_unread)
        print_check(d, out);
    strbuf_addf(out, "version: 1\nname: %s\nstreams:\n  %s:\n    source:\n%s", d->name, d->name,
                d->source);
    strbuf_adds(out, "    target: { connection: warehouse, schema: ");
    name_yaml(out, schema);
    strbuf_adds(out, " }\n");
    print_mode(d, out);
    strbuf_adds(out, d->extra != NULL ? d->extra : "");
    strbuf_adds(out, "    columns:\n");
    for (size_t i = 0; i < d->ncolumns; i++)
        print_column(d, i, out);
    print_budget(d, out);
}

int draft_finish(struct draft *d, struct strbuf *out, struct error *err)
{
    AUTO_STRBUF struct strbuf yaml = {0};
    strbuf_init(&yaml, 4 << 20);
    draft_print(d, &yaml);
    TRY(draft_verify(d, yaml.data, err));
    size_t n = 0;
    for (size_t i = 0; i < d->nkeys; i++)
        if (d->keys[i].repeated == 0 && d->keys[i].rows > d->keys[i].empty)
            d->keys[n++] = d->keys[i];
    d->nkeys = n;
    d->has_key = n > 0;
    if (d->has_key && d->keys[0].empty > 0) { /* a row without its key is a reject */
        strbuf_clear(&yaml);
        draft_print(d, &yaml);
        TRY(draft_verify(d, yaml.data, err));
    }
    draft_print(d, out);
    return out->overflow ? error_set(err, ERR_LIMIT, "the pipeline is too large") : 0;
}
