/* lib/perf/sink_markdown.c - a report's parts as Markdown of GitHub and GitLab. */
#include "perf/sink.h"

#include <ctype.h>

/* Whether a character would be markup where it stands. An underscore inside a word is none. */
static bool is_markup(const char *text, const char *p)
{
    if (*p == '_')
        return p == text || !isalnum((unsigned char)p[-1]) || !isalnum((unsigned char)p[1]);
    if (p == text && strchr("#+-=>", *p) != NULL) /* of a heading, a list, a quote */
        return true;
    return strchr("\\`*[]|~<&@", *p) != NULL;
}

void markdown_add(struct strbuf *out, const char *text)
{
    for (const char *p = text; p != NULL && *p != '\0'; p++) {
        if (*p == '<' || *p == '&' || *p == '@') { /* a tag, an entity, somebody's name */
            strbuf_adds(out, *p == '<' ? "&lt;" : *p == '&' ? "&amp;" : "&#64;");
            continue;
        }
        if (is_markup(text, p))
            strbuf_addch(out, '\\');
        strbuf_addch(out, iscntrl((unsigned char)*p) ? ' ' : *p);
    }
}

static const char *mark_of(enum sink_tone tone)
{
    static const char *const marks[] = {"", "\xE2\x9C\x85 ", "\xE2\x9A\xA0\xEF\xB8\x8F ",
                                        "\xE2\x9D\x8C ", ""};
    return marks[tone];
}

static void add_anchor(struct strbuf *out, const char *anchor)
{
    if (anchor == NULL)
        return;
    strbuf_adds(out, "<a id=\"");
    html_add(out, anchor);
    strbuf_adds(out, "\"></a>");
}

static void add_linked(struct strbuf *out, const char *text, const char *anchor)
{
    if (anchor == NULL) {
        markdown_add(out, text);
        return;
    }
    strbuf_addch(out, '[');
    markdown_add(out, text);
    strbuf_adds(out, "](#");
    for (const char *p = anchor; *p != '\0'; p++)
        if (isalnum((unsigned char)*p) || strchr("-_.", *p) != NULL)
            strbuf_addch(out, *p);
        else
            strbuf_addf(out, "%%%02X", (unsigned char)*p);
    strbuf_addch(out, ')');
}

static void md_heading(struct sink *s, int level, const char *number, const char *anchor,
                       const char *text)
{
    strbuf_addf(s->out, "\n%.*s ", level, "#####");
    add_anchor(s->out, anchor);
    if (number != NULL)
        strbuf_addf(s->out, "%s ", number);
    markdown_add(s->out, text);
    strbuf_adds(s->out, "\n\n");
}

static void md_badges(struct sink *s, const struct sink_badge *badges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        strbuf_adds(s->out, i > 0 ? " \xC2\xB7 **" : "**");
        markdown_add(s->out, badges[i].text);
        strbuf_adds(s->out, "**");
    }
    strbuf_adds(s->out, "\n\n");
}

static void md_verdict(struct sink *s, enum sink_tone tone, const char *word, const char *text)
{
    strbuf_addf(s->out, "%s**", mark_of(tone));
    markdown_add(s->out, word);
    strbuf_adds(s->out, "** ");
    markdown_add(s->out, text);
    strbuf_adds(s->out, "\n\n");
}

static void md_tiles(struct sink *s, const struct sink_tile *tiles, size_t n)
{
    (void)s, (void)tiles, (void)n; /* the table of metrics follows and says the same */
}

static void md_paragraph(struct sink *s, const char *text)
{
    markdown_add(s->out, text);
    strbuf_adds(s->out, "\n\n");
}

static void md_fact(struct sink *s, const char *label, const char *text)
{
    strbuf_adds(s->out, "**");
    markdown_add(s->out, label);
    strbuf_adds(s->out, ":** ");
    markdown_add(s->out, text);
    strbuf_adds(s->out, "\n\n");
}

/* A fence longer than any run of backticks inside. */
static void md_code(struct sink *s, const char *label, const char *language, const char *text)
{
    size_t longest = 0, run = 0;
    for (const char *p = text; *p != '\0'; p++) {
        run = *p == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    if (label != NULL) {
        markdown_add(s->out, label);
        strbuf_adds(s->out, ":\n\n");
    }
    for (size_t i = 0; i < (longest < 3 ? 3 : longest + 1); i++)
        strbuf_addch(s->out, '`');
    strbuf_addf(s->out, "%s\n%s\n", language, text);
    for (size_t i = 0; i < (longest < 3 ? 3 : longest + 1); i++)
        strbuf_addch(s->out, '`');
    strbuf_adds(s->out, "\n\n");
}

static void md_list_begin(struct sink *s, bool boxes)
{
    (void)s, (void)boxes;
}

static void md_item(struct sink *s, const char *text, const char *anchor)
{
    strbuf_adds(s->out, s->boxes ? "- [ ] " : "- ");
    add_linked(s->out, text, anchor);
    strbuf_addch(s->out, '\n');
}

static void md_list_end(struct sink *s)
{
    strbuf_addch(s->out, '\n');
}

static void md_table_begin(struct sink *s, const char *caption, const struct sink_column *columns,
                           size_t ncolumns)
{
    if (caption != NULL)
        md_paragraph(s, caption);
    for (size_t i = 0; i < ncolumns; i++) {
        strbuf_adds(s->out, "| ");
        markdown_add(s->out, columns[i].title);
        strbuf_addch(s->out, ' ');
    }
    strbuf_adds(s->out, "|\n");
    for (size_t i = 0; i < ncolumns; i++)
        strbuf_adds(s->out, columns[i].number ? "| ---: " : "| --- ");
    strbuf_adds(s->out, "|\n");
}

/* SQL in a cell keeps to one line of modest length: the report has it whole elsewhere. */
#define MD_CODE_MAX 160

static void md_cell(struct sink *s, const struct sink_cell *c)
{
    size_t n = c->text ? strlen(c->text) : 0;
    strbuf_adds(s->out, mark_of(c->tone));
    if (c->code && n > MD_CODE_MAX) {
        for (n = MD_CODE_MAX; n > 0 && ((unsigned char)c->text[n] & 0xC0) == 0x80;)
            n--;
        add_linked(s->out, arena_printf(s->arena, "%.*s...", (int)n, c->text), c->anchor);
    } else {
        add_linked(s->out, c->text, c->anchor);
    }
    if (c->note != NULL) {
        strbuf_adds(s->out, "<br><sub>");
        markdown_add(s->out, c->note);
        strbuf_adds(s->out, "</sub>");
    }
}

static void md_row(struct sink *s, const struct sink_cell *cells, const char *anchor)
{
    for (size_t i = 0; i < s->columns; i++) {
        strbuf_adds(s->out, "| ");
        if (i == 0)
            add_anchor(s->out, anchor);
        md_cell(s, &cells[i]);
        strbuf_addch(s->out, ' ');
    }
    strbuf_adds(s->out, "|\n");
}

static void md_table_end(struct sink *s)
{
    strbuf_addch(s->out, '\n');
}

static void md_fold_begin(struct sink *s, const char *summary)
{
    strbuf_adds(s->out, "<details><summary>");
    html_add(s->out, summary);
    strbuf_adds(s->out, "</summary>\n\n");
}

static void md_fold_end(struct sink *s)
{
    strbuf_adds(s->out, "</details>\n\n");
}

static void md_chart(struct sink *s, const char *title, const struct strbuf *svg, bool half)
{
    (void)s, (void)title, (void)svg, (void)half;
}

static void md_charts(struct sink *s)
{
    (void)s;
}

const struct sink_ops sink_markdown = {
    .heading = md_heading,
    .badges = md_badges,
    .verdict = md_verdict,
    .tiles = md_tiles,
    .paragraph = md_paragraph,
    .note = md_paragraph,
    .fact = md_fact,
    .code = md_code,
    .list_begin = md_list_begin,
    .item = md_item,
    .list_end = md_list_end,
    .table_begin = md_table_begin,
    .row = md_row,
    .table_end = md_table_end,
    .fold_begin = md_fold_begin,
    .fold_end = md_fold_end,
    .chart = md_chart,
    .charts_begin = md_charts,
    .charts_end = md_charts,
};
