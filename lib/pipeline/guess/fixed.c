/* Fixed width: columns are where blanks stand in all lines, or where a rule draws them. */
#include "pipeline/guess/fixed.h"

#include "core/message.h"
#include "format/linesio.h"
#include "pipeline/guess/names.h"
#include "pipeline/guess/scan.h"
#include "pipeline/source/places.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 2000, PLACES_MAX = 4000, EDGES_MAX = 400, HEADER_WITHIN = 40, FIND_MAX = 3 };
#define LINE_MAX_BYTES ((size_t)1 << 20)

struct edge {
    size_t first, last; /* places, from 1 */
    bool is_right;      /* values end at its last place */
};
struct text_line {
    struct span text;
    uint64_t number;
};

struct fixed {
    struct scan scan;
    struct places places;
    bool in_bytes;
    struct text_line *lines; /* of the head, without empty ones */
    size_t nlines;
    struct edge *edges;
    size_t nedges;
    const struct text_line *rule; /* that draws the columns; NULL: none */
    size_t length, same_length;   /* of most lines in places, and how many have it */
    size_t longest;
    uint64_t header_line;
    const struct text_line *header;
    bool rule_follows; /* the header */
    bool pad;
    uint64_t rules; /* lines below the header that are rules */
};

/* ---- the first lines -------------------------------------------------------------------- */

static struct span body_of(struct span text)
{
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    return text;
}

static int open_lines(const struct fixed *f, struct linesio **ret, struct error *err)
{
    return linesio_open_path(f->scan.draft->input->path, f->scan.layout.scan.encoding.name,
                             LINE_MAX_BYTES, ret, err);
}

static int read_head(struct fixed *f, struct error *err)
{
    struct linesio *lines;
    struct linesio_line line;
    bool end = false;
    int code = 0;
    struct arena *arena = f->scan.draft->arena;
    f->lines = arena_array(arena, LINES_MAX, sizeof *f->lines);
    TRY(open_lines(f, &lines, err));
    while (f->nlines < LINES_MAX && (code = linesio_next(lines, &line, &end, err)) == 0 && !end) {
        struct span body = body_of(line.text);
        if (span_trim(body).len > 0 && body.len <= PLACES_MAX && line.fault == NULL)
            f->lines[f->nlines++] = (struct text_line){
                {arena_strndup(arena, body.ptr, body.len), body.len}, line.number};
    }
    linesio_close(lines);
    return code;
}

static bool is_rule(struct span line)
{
    size_t drawn = 0;
    for (size_t i = 0; i < line.len; i++) {
        if (strchr("-=_+| \t", line.ptr[i]) == NULL || line.ptr[i] == '\0')
            return false;
        drawn += line.ptr[i] == '-' || line.ptr[i] == '=' || line.ptr[i] == '_';
    }
    return drawn >= 3;
}

static bool is_blank(const struct places *p, struct span line, size_t place)
{
    size_t at = p->offsets[place];
    if (at == PLACES_INSIDE)
        return false;
    return line.ptr[at] == ' ' ||
           (at + 2 < line.len && memcmp(line.ptr + at, "\xE3\x80\x80", 3) == 0);
}

/* ---- edges ------------------------------------------------------------------------------ */

/* How many lines below the header have something at each place; how long most are. */
static void measure(struct fixed *f, unsigned *filled)
{
    AUTOFREE unsigned *lengths = mem_array(PLACES_MAX + 1, sizeof *lengths);
    memset(filled, 0, (PLACES_MAX + 1) * sizeof *filled);
    f->length = f->same_length = f->longest = 0;
    for (size_t i = 0; i < f->nlines; i++) {
        struct span line = f->lines[i].text;
        if (f->lines[i].number <= f->header_line || is_rule(line))
            continue;
        places_find(&f->places, line);
        size_t n = f->places.nplaces < PLACES_MAX ? f->places.nplaces : PLACES_MAX;
        for (size_t k = 0; k < n; k++)
            filled[k] += !is_blank(&f->places, line, k);
        f->longest = n > f->longest ? n : f->longest;
        if (++lengths[n] > f->same_length) {
            f->same_length = lengths[n];
            f->length = n;
        }
    }
}

static void add_edge(struct fixed *f, size_t first, size_t last)
{
    if (f->nedges < EDGES_MAX)
        f->edges[f->nedges++] = (struct edge){first, last, false};
}

/* Titles, headers and totals may reach over the blanks between columns; below the header few do. */
static void find_edges(struct fixed *f, const unsigned *filled)
{
    size_t few = f->nlines / 20 > 2 ? f->nlines / 20 : f->nlines / 4 < 2 ? f->nlines / 4 : 2;
    if (f->header != NULL)
        few = f->nlines / 100;
    size_t first = 0;
    f->nedges = 0;
    for (size_t k = 0; k <= f->longest; k++) {
        bool is_filled = k < f->longest && filled[k] > few;
        if (is_filled && first == 0)
            first = k + 1;
        if (!is_filled && first > 0) {
            add_edge(f, first, k);
            first = 0;
        }
    }
}

static void edges_of_rule(struct fixed *f)
{
    size_t first = 0;
    places_find(&f->places, f->rule->text);
    f->nedges = 0;
    for (size_t k = 0; k <= f->places.nplaces; k++) {
        bool is_drawn = k < f->places.nplaces && !is_blank(&f->places, f->rule->text, k);
        if (is_drawn && first == 0)
            first = k + 1;
        if (!is_drawn && first > 0) {
            add_edge(f, first, k);
            first = 0;
        }
    }
}

/* The first rule with blanks in it draws the columns; one without is a line across the page. */
static void find_rule(struct fixed *f)
{
    for (size_t i = 0; i < f->nlines && i < HEADER_WITHIN && f->rule == NULL; i++) {
        if (!is_rule(f->lines[i].text))
            continue;
        f->rule = &f->lines[i];
        edges_of_rule(f);
        if (f->nedges < 2)
            f->rule = NULL;
    }
}

static bool gutters_are_wide(const struct fixed *f)
{
    for (size_t i = 0; i + 1 < f->nedges; i++)
        if (f->edges[i + 1].first - f->edges[i].last < 3)
            return false;
    return true;
}

static bool looks_fixed(const struct fixed *f)
{
    size_t texts = 0;
    for (size_t i = 0; i < f->nlines; i++)
        texts += f->lines[i].number > f->header_line && !is_rule(f->lines[i].text);
    if (f->nedges < 2 || f->nedges >= EDGES_MAX || texts < 3)
        return false;
    if (f->rule == NULL && f->scan.layout.multibyte > 0 &&
        strcmp(f->scan.layout.scan.encoding.name, "UTF-8") == 0)
        return f->same_length * 5 >= texts * 4; /* not as wide as they look, for example */
    return f->rule != NULL || f->same_length * 5 >= texts * 4 || gutters_are_wide(f);
}

/* In characters, or in bytes of the encoding where these make the lines more alike. */
static int find_counting(struct fixed *f, unsigned *filled, struct error *err)
{
    const char *encoding = f->scan.layout.scan.encoding.name;
    TRY(places_begin(&f->places, false, encoding, err));
    measure(f, filled);
    if (f->scan.layout.multibyte == 0 && strcmp(encoding, "UTF-8") == 0)
        return 0;
    size_t in_characters = f->same_length;
    find_edges(f, filled);
    size_t edges = f->nedges;
    places_release(&f->places);
    TRY(places_begin(&f->places, true, encoding, err));
    measure(f, filled);
    find_edges(f, filled);
    f->in_bytes =
        f->same_length > in_characters || (f->same_length == in_characters && f->nedges > edges);
    if (f->in_bytes)
        return 0;
    places_release(&f->places);
    TRY(places_begin(&f->places, false, encoding, err));
    measure(f, filled);
    return 0;
}

/* ---- cells ------------------------------------------------------------------------------ */

static bool cut_line(struct fixed *f, struct span line, struct span *cells)
{
    places_find(&f->places, line);
    for (size_t i = 0; i < f->nedges; i++) {
        struct places_range r = {f->edges[i].first, f->edges[i].last};
        if (places_cut(&f->places, line, r, true, &cells[i]) != NULL)
            return false;
        cells[i] = span_trim(cells[i]);
    }
    return true;
}

static bool is_number_like(struct span s)
{
    size_t digits = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (strchr("0123456789.,-+ %/:", s.ptr[i]) == NULL || s.ptr[i] == '\0')
            return false;
        digits += s.ptr[i] >= '0' && s.ptr[i] <= '9';
    }
    return digits > 0;
}

/* What stands between blanks, with its places. */
struct token {
    struct span text;
    size_t first, last;
};

static size_t split_line(struct fixed *f, struct span line, struct token *tokens)
{
    size_t n = 0, first = 0;
    places_find(&f->places, line);
    for (size_t k = 0; k <= f->places.nplaces; k++) {
        bool is_filled = k < f->places.nplaces && !is_blank(&f->places, line, k);
        if (is_filled && first == 0)
            first = k + 1;
        if (is_filled || first == 0)
            continue;
        size_t from = f->places.offsets[first - 1], to = f->places.offsets[k];
        if (n < EDGES_MAX)
            tokens[n++] = (struct token){{line.ptr + from, to - from}, first, k};
        first = 0;
    }
    return n;
}

static size_t count_numbers(const struct token *tokens, size_t n)
{
    size_t numbers = 0;
    for (size_t k = 0; k < n; k++)
        numbers += is_number_like(tokens[k].text);
    return numbers;
}

/* A title has numbers too, but little of it stands where columns begin or end. */
static bool is_row(const struct fixed *f, const struct token *tokens, size_t n)
{
    size_t at_edges = 0;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < f->nedges; i++)
            at_edges += tokens[k].first == f->edges[i].first || tokens[k].last == f->edges[i].last;
    return count_numbers(tokens, n) > 0 && at_edges * 4 >= f->nedges * 3;
}

/* The line of names: a word for most columns, none is a number, and no row stands above it. */
static void find_header(struct fixed *f, struct token *tokens, size_t *ret_count)
{
    *ret_count = 0;
    for (size_t i = 0; i < f->nlines && i < HEADER_WITHIN; i++) {
        if (is_rule(f->lines[i].text))
            continue;
        size_t n = split_line(f, f->lines[i].text, tokens);
        if (is_row(f, tokens, n))
            return;
        if (n < 2 || n * 2 < f->nedges || count_numbers(tokens, n) > 0)
            continue;
        f->header = &f->lines[i];
        f->header_line = f->header->number;
        f->rule_follows = i + 1 < f->nlines && is_rule(f->lines[i + 1].text);
        *ret_count = n;
        return;
    }
}

/* In a short file a blank may stand at one place of all values by chance: what has no name of its
 * own belongs to the column before it. */
static void join_edges(struct fixed *f, const struct token *names, size_t nnames)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->nedges; i++) {
        struct edge e = f->edges[i];
        bool is_named = f->rule != NULL || nnames == 0;
        for (size_t k = 0; k < nnames && !is_named; k++) {
            bool is_theirs = kept > 0 && names[k].first <= f->edges[kept - 1].last;
            is_named = !is_theirs && names[k].first <= e.last && names[k].last >= e.first;
        }
        if (kept > 0 && !is_named && e.first - f->edges[kept - 1].last <= 2)
            f->edges[kept - 1].last = e.last;
        else
            f->edges[kept++] = e;
    }
    f->nedges = kept;
}

/* Whether its values end at one place rather than begin at one. */
static void find_alignment(struct fixed *f)
{
    size_t left[EDGES_MAX] = {0}, right[EDGES_MAX] = {0};
    for (size_t i = 0; i < f->nlines; i++) {
        struct span line = f->lines[i].text;
        if (f->lines[i].number <= f->header_line || is_rule(line))
            continue;
        places_find(&f->places, line);
        for (size_t k = 0; k < f->nedges && f->edges[k].last <= f->places.nplaces; k++) {
            left[k] += !is_blank(&f->places, line, f->edges[k].first - 1);
            right[k] += !is_blank(&f->places, line, f->edges[k].last - 1);
        }
    }
    for (size_t k = 0; k < f->nedges; k++)
        f->edges[k].is_right = right[k] > left[k];
}

/* The blanks between two belong to the one whose values may grow into them: before a column that
 * ends at one place, else behind one that begins at one. A number that was cut would still be a
 * number; a text that was cut leaves something in the number, which is then none. */
static void widen_edges(struct fixed *f)
{
    for (size_t k = 0; k + 1 < f->nedges; k++) {
        struct edge *a = &f->edges[k], *b = &f->edges[k + 1];
        if (b->is_right)
            b->first = a->last + 1;
        else
            a->last = b->first - 1;
    }
    f->edges[0].first = 1;
    struct edge *last = &f->edges[f->nedges - 1];
    last->last = f->length > last->last ? f->length : last->last;
    for (size_t i = 0; i < f->nlines; i++) {
        places_find(&f->places, f->lines[i].text);
        if (f->lines[i].number > f->header_line && !is_rule(f->lines[i].text))
            f->pad |= f->places.nplaces < last->last;
    }
}

/* ---- columns ---------------------------------------------------------------------------- */

/* The names that stand above it: where there are as many as columns, they are theirs in order. */
static const char *name_above(const struct fixed *f, size_t i, const struct token *names, size_t n)
{
    if (names == NULL || n == 0)
        return NULL;
    const struct token *found = n == f->nedges ? &names[i] : NULL;
    for (size_t k = 0; k < n && found == NULL; k++)
        if (names[k].first <= f->edges[i].last && names[k].last >= f->edges[i].first)
            found = &names[k];
    return found != NULL ? arena_strndup(f->scan.draft->arena, found->text.ptr, found->text.len)
                         : NULL;
}

static void make_columns(struct fixed *f, const struct token *names, size_t nnames)
{
    struct draft *d = f->scan.draft;
    d->ncolumns = f->nedges;
    d->columns = arena_array(d->arena, d->ncolumns + 1, sizeof *d->columns);
    for (size_t i = 0; i < d->ncolumns; i++) {
        struct draft_column *c = &d->columns[i];
        const struct edge *e = &f->edges[i];
        bool is_last = i + 1 == d->ncolumns;
        c->seen = arena_alloc(d->arena, sizeof *c->seen);
        c->header = name_above(f, i, names, nnames);
        c->name = name_column(d->arena, c->header, i + 1);
        c->at = is_last && f->pad ? arena_printf(d->arena, "\"%zu-\"", e->first)
                                  : arena_printf(d->arena, "%zu-%zu", e->first, e->last);
    }
    draft_name_columns(d);
}

/* ---- all lines -------------------------------------------------------------------------- */

static void look_at_line(struct fixed *f, struct span body, uint64_t number, struct span *cells)
{
    struct span word;
    struct csvio_record record = {.fields = cells, .nfields = f->nedges, .line = number};
    if (is_rule(body)) {
        f->rules++;
        return;
    }
    if (!cut_line(f, body, cells)) {
        f->scan.faults++;
        return;
    }
    size_t filled = 0;
    for (size_t i = 0; i < f->nedges; i++)
        filled += cells[i].len > 0;
    if (filled < f->nedges && layout_is_total(&record, 2 * f->nedges, &word))
        scan_total(&f->scan, word, number);
    else
        scan_row(&f->scan, cells, f->nedges, number);
}

static int scan_lines(struct fixed *f, struct span *cells, struct error *err)
{
    struct linesio *lines;
    struct linesio_line line;
    bool end = false;
    int code;
    uint64_t above = f->header_line + (f->rule_follows ? 1 : 0);
    TRY(open_lines(f, &lines, err));
    while ((code = linesio_next(lines, &line, &end, err)) == 0 && !end) {
        struct span body = body_of(line.text);
        if (line.number > above && line.fault == NULL && span_trim(body).len > 0)
            look_at_line(f, body, line.number, cells);
    }
    linesio_close(lines);
    scan_look_at_sample(&f->scan);
    return code;
}

/* ---- the lines of `source:` ------------------------------------------------------------- */

static void print_header(const struct fixed *f, const struct token *names, size_t n,
                         struct strbuf *out)
{
    size_t shown = 0;
    if (f->header == NULL)
        return;
    strbuf_adds(out, "      header: { find: [");
    for (size_t i = 0; i < n && shown < FIND_MAX; i++) {
        AUTOFREE char *name = mem_strndup(names[i].text.ptr, names[i].text.len);
        if (strstr(name, "${") != NULL)
            continue;
        strbuf_adds(out, shown++ > 0 ? ", " : "");
        name_yaml(out, name);
    }
    strbuf_adds(out, "]");
    if (f->rule_follows)
        strbuf_adds(out, ", until: \"^[-=_+|]\"");
    strbuf_addf(out, ", skip_max: %" PRIu64 " }   # line %" PRIu64 "\n",
                f->header_line > 20 ? f->header_line : 20, f->header_line);
}

static const char *source_lines(const struct fixed *f, const struct token *names, size_t nnames)
{
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 1 << 20);
    guess_input_print(f->scan.draft->input, &out);
    strbuf_adds(&out, "      format: fixed\n");
    scan_print_encoding(&f->scan, &out);
    if (f->in_bytes)
        strbuf_adds(
            &out, message_text(
                      "      positions: bytes   # the lines are more alike than in characters\n"));
    if (f->pad)
        strbuf_adds(&out, message_text("      pad: true   # some lines end early\n"));
    print_header(f, names, nnames, &out);
    scan_print_totals(&f->scan, &out);
    scan_print_habits(&f->scan, &out);
    return arena_strdup(f->scan.draft->arena, out.data);
}

static const char *doubt_lines(const struct fixed *f)
{
    if (f->rule != NULL)
        return arena_printf(f->scan.draft->arena,
                            message_text("\n# Columns are as line %" PRIu64 " draws them."),
                            f->rule->number);
    return message_text(
        "\n# Columns are where no line has anything between them. In doubt: two that touch "
        "look\n"
        "# like one, one with a blank at the same place in every line like two. Hold the "
        "places\n"
        "# (at) against the description of the system that writes the file.");
}

static int guess_edges(struct fixed *f, unsigned *filled, struct error *err)
{
    f->edges = arena_array(f->scan.draft->arena, EDGES_MAX, sizeof *f->edges);
    TRY(read_head(f, err));
    for (size_t i = 0; i < f->nlines; i++)
        if (memchr(f->lines[i].text.ptr, '\t', f->lines[i].text.len) != NULL)
            return 0; /* its places are none */
    TRY(find_counting(f, filled, err));
    find_rule(f);
    if (f->rule == NULL)
        find_edges(f, filled);
    return 0;
}

/* The columns, once the header is known; false when they are none after all. */
static bool settle_edges(struct fixed *f, unsigned *filled, struct token *names, size_t *ret_nnames)
{
    find_header(f, names, ret_nnames);
    if (f->rule == NULL && f->header != NULL) {
        measure(f, filled);
        find_edges(f, filled);
    }
    join_edges(f, names, *ret_nnames);
    if (!looks_fixed(f))
        return false;
    find_alignment(f);
    widen_edges(f);
    return true;
}

static int draft_fixed(struct fixed *f, const struct token *names, size_t nnames,
                       struct strbuf *out, struct error *err)
{
    struct draft *d = f->scan.draft;
    struct span *cells = arena_array(d->arena, EDGES_MAX, sizeof *cells);
    make_columns(f, names, nnames);
    f->scan.layout.width = f->nedges;
    scan_begin(&f->scan);
    int code = scan_lines(f, cells, err);
    if (code == 0) {
        if (f->rules > 0)
            scan_total(&f->scan, SPAN("---"), 0);
        scan_decide(&f->scan);
        d->source = source_lines(f, names, nnames);
        d->intro = scan_intro(&f->scan, doubt_lines(f));
        code = draft_finish(d, out, err);
    }
    scan_end(&f->scan);
    return code;
}

int guess_fixed(struct draft *d, const struct layout *layout, bool *ret_is_fixed,
                struct strbuf *out, struct error *err)
{
    AUTOFREE unsigned *filled = mem_array(PLACES_MAX + 1, sizeof *filled);
    struct fixed f = {.scan = {.draft = d, .layout = *layout}};
    struct token *names = arena_array(d->arena, EDGES_MAX, sizeof *names);
    size_t nnames;
    int code = guess_edges(&f, filled, err);
    if (code == 0 && settle_edges(&f, filled, names, &nnames)) {
        *ret_is_fixed = true;
        code = draft_fixed(&f, names, nnames, out, err);
    }
    places_release(&f.places);
    return code;
}
