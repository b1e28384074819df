#include "pipeline/guess/scan.h"

#include "core/clock.h"
#include "core/message.h"
#include "pipeline/guess/names.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { RESERVOIR_ROWS = 10000 };
#define RESERVOIR_BYTES ((size_t)64 << 20)

/* ---- a fair sample of what comes after the rows that are all looked at -------------------- */

struct kept_row {
    char *text; /* fields, each ended by NUL */
    size_t nfields;
    uint64_t line;
};
struct reservoir {
    struct kept_row rows[RESERVOIR_ROWS];
    size_t count, bytes;
    uint64_t offered;
};

static void reservoir_offer(struct reservoir *r, const struct span *fields, size_t n, uint64_t line)
{
    uint64_t at = r->offered++;
    if (r->count == RESERVOIR_ROWS)
        at = clock_random_u64() % r->offered;
    if (at >= RESERVOIR_ROWS || r->bytes > RESERVOIR_BYTES)
        return;
    size_t bytes = 1;
    for (size_t i = 0; i < n; i++)
        bytes += fields[i].len + 1;
    struct kept_row *row = &r->rows[at];
    if (at == r->count)
        r->count++;
    free(row->text);
    char *out = row->text = mem_alloc(bytes);
    for (size_t i = 0; i < n; i++) {
        memcpy(out, fields[i].ptr, fields[i].len);
        out[fields[i].len] = '\0';
        out += fields[i].len + 1;
    }
    row->nfields = n;
    row->line = line;
    r->bytes += bytes;
}

static void reservoir_free(struct reservoir *r)
{
    for (size_t i = 0; r != NULL && i < r->count; i++)
        free(r->rows[i].text);
    free(r);
}

/* ---- rows ------------------------------------------------------------------------------- */

static void look_at_row(struct scan *s, const struct span *fields, size_t n, uint64_t line)
{
    s->looked_at++;
    for (size_t i = 0; i < s->draft->ncolumns; i++)
        seen_add(s->draft->columns[i].seen, s->readers, CELL_TEXT, i < n ? fields[i] : SPAN(""),
                 line);
}

void scan_total(struct scan *s, struct span word, uint64_t line)
{
    size_t i = 0;
    while (i < s->ntotals && (strlen(s->totals[i].word) != word.len ||
                              memcmp(s->totals[i].word, word.ptr, word.len) != 0))
        i++;
    if (i == TOTAL_WORDS)
        return;
    if (i == s->ntotals)
        s->totals[s->ntotals++].word = arena_strndup(s->draft->arena, word.ptr, word.len);
    s->totals[i].count++;
    s->totals[i].last_line = line;
}

void scan_row(struct scan *s, const struct span *fields, size_t n, uint64_t line)
{
    s->tail_rows = 0;
    s->rows++;
    s->last_line = line;
    if (s->looked_at < (uint64_t)s->draft->options->rows_max) {
        look_at_row(s, fields, n, line);
        keys_add(s->keys, fields, n);
    } else {
        reservoir_offer(s->reservoir, fields, n, line);
    }
}

void scan_look_at_sample(struct scan *s)
{
    for (size_t i = 0; i < s->reservoir->count; i++) {
        const struct kept_row *row = &s->reservoir->rows[i];
        struct span *fields = mem_array(row->nfields + 1, sizeof *fields);
        const char *at = row->text;
        for (size_t k = 0; k < row->nfields; k++) {
            fields[k] = (struct span){at, strlen(at)};
            at += fields[k].len + 1;
        }
        look_at_row(s, fields, row->nfields, row->line);
        free(fields);
    }
}

void scan_begin(struct scan *s)
{
    s->readers = seen_readers_new();
    s->reservoir = mem_alloc(sizeof *s->reservoir);
    s->keys = keys_new(s->draft->ncolumns);
}

void scan_end(struct scan *s)
{
    seen_readers_free(s->readers);
    reservoir_free(s->reservoir);
    keys_free(s->keys);
}

/* Odoo and Frappe write the cells of a group only on its first line. */
static void find_fill_down(struct scan *s)
{
    struct draft *d = s->draft;
    for (size_t i = 0; i < d->ncolumns && i < 3; i++) {
        const struct seen *seen = d->columns[i].seen;
        uint64_t filled = seen->rows - seen->empty;
        if (!seen->first_is_set || seen->empty * 2 < seen->rows || filled < 2 ||
            seen->repeats > 0 || d->columns[i].type.is_number)
            return;
        d->columns[i].fill_down = true;
    }
}

static void find_keys(struct scan *s)
{
    int weights[KEYS_COLUMNS];
    for (size_t i = 0; i < KEYS_COLUMNS; i++)
        weights[i] = i < s->draft->ncolumns ? draft_key_weight(&s->draft->columns[i], i) : -1;
    for (size_t i = 0; i < s->draft->ncolumns; i++)
        if (s->draft->columns[i].fill_down)
            keys_fill_down(s->keys, i);
    s->draft->nkeys = keys_find(s->keys, weights, s->draft->keys);
}

void scan_decide(struct scan *s)
{
    draft_decide(s->draft);
    find_fill_down(s);
    find_keys(s);
}

/* ---- the lines of `source:` ------------------------------------------------------------- */

static void print_pattern(struct strbuf *out, const char *key, const char *const *words, size_t n)
{
    AUTO_STRBUF struct strbuf pattern = {0};
    strbuf_init(&pattern, 4096);
    strbuf_addch(&pattern, '^');
    strbuf_adds(&pattern, n > 1 ? "(" : "");
    for (size_t i = 0; i < n; i++) {
        strbuf_adds(&pattern, i > 0 ? "|" : "");
        name_regex(&pattern, span_of(words[i]));
    }
    strbuf_adds(&pattern, n > 1 ? ")" : "");
    strbuf_addf(out, "      %s: ", key);
    name_yaml(out, pattern.data);
}

/* The record that ends the file is its total; the others are passed over. */
void scan_print_totals(const struct scan *s, struct strbuf *out)
{
    const char *skipped[TOTAL_WORDS];
    size_t n = 0;
    const struct total_word *last = NULL;
    uint64_t skipped_rows = 0;
    for (size_t i = 0; i < s->ntotals; i++) {
        const struct total_word *t = &s->totals[i];
        if (t->count == 1 && t->last_line > s->last_line && s->tail == NULL &&
            (unsigned char)t->word[0] >= 0x80 && strcmp(t->word, "小计") != 0 &&
            (last == NULL || t->last_line > last->last_line))
            last = t;
    }
    for (size_t i = 0; i < s->ntotals; i++) {
        if (&s->totals[i] == last)
            continue;
        skipped[n++] = s->totals[i].word;
        skipped_rows += s->totals[i].count;
    }
    if (n > 0) {
        print_pattern(out, "skip", skipped, n);
        strbuf_addf(out, message_text("   # %" PRIu64 " subtotals or rules\n"), skipped_rows);
    }
    if (last != NULL) {
        strbuf_adds(out, "      trailer: { match: ");
        AUTO_STRBUF struct strbuf pattern = {0};
        strbuf_init(&pattern, 256);
        strbuf_addch(&pattern, '^');
        name_regex(&pattern, span_of(last->word));
        name_yaml(out, pattern.data);
        strbuf_adds(out, message_text(" }   # the last record: without it the file is cut off; add "
                                      "sum: { column: header } to hold it to its total\n"));
    }
    if (s->tail != NULL && s->tail_rows > 0) {
        print_pattern(out, "stop_at", &s->tail, 1);
        strbuf_addf(out, message_text("   # a summary of another shape: %" PRIu64 " records\n"),
                    s->tail_rows);
    }
}

static void print_strip(const struct scan *s, struct strbuf *out)
{
    unsigned pieces = 0;
    bool any = false;
    for (size_t i = 0; i < s->draft->ncolumns; i++)
        pieces |= s->draft->columns[i].type.pieces;
    for (unsigned k = 0; seen_pieces[k] != NULL; k++) {
        if ((pieces & 1U << k) == 0)
            continue;
        strbuf_adds(out, any ? ", " : "      strip: [");
        name_yaml(out, seen_pieces[k]);
        any = true;
    }
    strbuf_adds(out, any ? message_text("]   # dropped from numbers and dates\n") : "");
}

static void print_fill_down(const struct scan *s, struct strbuf *out)
{
    bool any = false;
    for (size_t i = 0; i < s->draft->ncolumns; i++) {
        if (!s->draft->columns[i].fill_down)
            continue;
        strbuf_adds(out, any ? ", " : "      fill_down: [");
        name_yaml(out, s->draft->columns[i].name);
        any = true;
    }
    strbuf_adds(out, any ? message_text("]   # given on the first row of each group only\n") : "");
}

static void print_text_habits(const struct scan *s, struct strbuf *out)
{
    uint64_t padded = 0, guarded = 0;
    for (size_t i = 0; i < s->draft->ncolumns; i++) {
        const struct draft_column *c = &s->draft->columns[i];
        if (strcmp(c->type.type, "text") != 0)
            continue;
        padded += c->seen->padded.count;
        guarded += c->seen->guarded.count + c->seen->backticks;
    }
    if (padded > 0)
        strbuf_addf(
            out, message_text("      trim: true   # %" PRIu64 " texts have blanks around them\n"),
            padded);
    if (guarded > 0)
        strbuf_addf(out,
                    message_text("      guard: true   # %" PRIu64
                                 " texts have a backtick, or an apostrophe before = + - @\n"),
                    guarded);
}

void scan_print_habits(const struct scan *s, struct strbuf *out)
{
    if (s->draft->mark == MARK_COMMA)
        strbuf_adds(out, "      decimal: comma   # 1.234,50\n");
    print_strip(s, out);
    print_text_habits(s, out);
    print_fill_down(s, out);
}

void scan_print_encoding(const struct scan *s, struct strbuf *out)
{
    const struct layout *l = &s->layout;
    const struct encoding *e = &l->scan.encoding;
    bool is_ascii = strcmp(e->name, "UTF-8") == 0 && e->bom_bytes == 0 && l->multibyte == 0;
    strbuf_addf(out, "      encoding: %s\n", is_ascii ? "auto" : e->name);
}

static const char *encoding_words(const struct layout *l)
{
    const struct encoding *e = &l->scan.encoding;
    if (e->bom_bytes > 0)
        return message_text("by its byte order mark");
    if (strcmp(e->name, "UTF-8") == 0)
        return l->multibyte == 0 ? message_text("nothing beyond ASCII in its first mebibyte")
               : e->verified     ? message_text("no byte order mark, valid throughout")
                                 : message_text("no byte order mark; some bytes are not valid");
    return message_text("no byte order mark, not UTF-8");
}

const char *scan_intro(const struct scan *s, const char *more)
{
    const struct layout *l = &s->layout;
    AUTO_STRBUF struct strbuf out = {0}, name = {0};
    strbuf_init(&out, 1 << 16);
    strbuf_init(&name, 4096);
    name_yaml(&name, s->draft->input->label);
    strbuf_addf(&out,
                message_text("# Guessed from %s (%" PRIu64 " bytes): review it, then commit it.\n"),
                name.data, l->scan.size_bytes);
    strbuf_addf(&out, message_text("# Encoding: %s, %s. Line ends: %s.%s\n"), l->scan.encoding.name,
                encoding_words(l), l->crlf ? "CR LF" : "LF", more);
    if (s->reservoir->offered > 0)
        strbuf_addf(&out,
                    message_text("# Looked at the first %" PRIu64 " of %" PRIu64
                                 " rows, and at %zu of the others, drawn by lot.\n"),
                    s->looked_at - s->reservoir->count, s->rows, s->reservoir->count);
    else
        strbuf_addf(&out, message_text("# Looked at all its %" PRIu64 " rows.\n"), s->rows);
    return arena_strdup(s->draft->arena, out.data);
}
