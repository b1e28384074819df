/* lib/perf/sink_html.c - a report's parts as HTML; the page around them is render_html.c's. */
#include "perf/sink.h"

#include "format/encoding.h"

#include <stdio.h>

#define REPLACEMENT "\xEF\xBF\xBD"

static const char *const TONES[] = {"", "good", "warn", "bad", "muted"};

/* Bytes of the character at p, 0 when it is none: then one byte is passed over. */
static size_t character_at(const char *p, size_t left)
{
    size_t n = (unsigned char)*p < 0x80   ? 1
               : (unsigned char)*p < 0xE0 ? 2
               : (unsigned char)*p < 0xF0 ? 3
                                          : 4;
    return n <= left && utf8_is_valid(p, n) ? n : 0;
}

static const char *entity_of(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    case '\n':
    case '\t': return NULL;
    default: return ((unsigned char)c < 0x20 || c == 0x7F) ? REPLACEMENT : NULL;
    }
}

void html_add(struct strbuf *out, const char *text)
{
    if (text == NULL)
        return;
    size_t left = strlen(text);
    while (left > 0) {
        size_t n = character_at(text, left);
        const char *entity = n == 1 ? entity_of(*text) : n == 0 ? REPLACEMENT : NULL;
        if (entity != NULL)
            strbuf_adds(out, entity);
        else
            strbuf_add(out, text, n);
        n = n > 0 ? n : 1;
        text += n;
        left -= n;
    }
}

/* ` class="X"`; nothing without one. */
static void add_class(struct strbuf *out, const char *class)
{
    if (class[0] != '\0')
        strbuf_addf(out, " class=\"%s\"", class);
}

static void add_id(struct strbuf *out, const char *anchor)
{
    if (anchor == NULL)
        return;
    strbuf_adds(out, " id=\"");
    html_add(out, anchor);
    strbuf_addch(out, '"');
}

/* Text that links to an anchor when there is one. */
static void add_linked(struct strbuf *out, const char *text, const char *anchor)
{
    if (anchor != NULL) {
        strbuf_adds(out, "<a href=\"#");
        html_add(out, anchor);
        strbuf_adds(out, "\">");
    }
    html_add(out, text);
    strbuf_adds(out, anchor ? "</a>" : "");
}

static void element(struct sink *s, const char *open, const char *text, const char *close)
{
    strbuf_adds(s->out, open);
    html_add(s->out, text);
    strbuf_adds(s->out, close);
}

static void html_heading(struct sink *s, int level, const char *number, const char *anchor,
                         const char *text)
{
    strbuf_addf(s->out, "<h%d", level);
    add_id(s->out, anchor);
    strbuf_addch(s->out, '>');
    if (number != NULL)
        element(s, "<span class=\"no\">", number, "</span> ");
    html_add(s->out, text);
    strbuf_addf(s->out, "</h%d>\n", level);
}

static void html_badges(struct sink *s, const struct sink_badge *badges, size_t n)
{
    strbuf_adds(s->out, "<p class=\"badges\">");
    for (size_t i = 0; i < n; i++) {
        strbuf_addf(s->out, "<span class=\"badge %s\">", TONES[badges[i].tone]);
        html_add(s->out, badges[i].text);
        strbuf_adds(s->out, "</span> ");
    }
    strbuf_adds(s->out, "</p>\n");
}

static void html_verdict(struct sink *s, enum sink_tone tone, const char *word, const char *text)
{
    strbuf_addf(s->out, "<div class=\"verdict %s\"><strong>", TONES[tone]);
    html_add(s->out, word);
    element(s, "</strong><p>", text, "</p></div>\n");
}

static void html_tiles(struct sink *s, const struct sink_tile *tiles, size_t n)
{
    strbuf_adds(s->out, "<div class=\"tiles\">\n");
    for (size_t i = 0; i < n; i++) {
        const struct sink_tile *t = &tiles[i];
        strbuf_addf(s->out, "<div class=\"tile %s\">", TONES[t->tone]);
        element(s, "<span class=\"label\">", t->label, "</span>");
        element(s, "<span class=\"value\">", t->value, "</span>");
        if (t->change != NULL) {
            strbuf_addf(s->out, "<span class=\"change %s\">", TONES[t->change_tone]);
            element(s, "", t->change, "</span>");
        }
        element(s, "<span class=\"sub\">", t->note, "</span></div>\n");
    }
    strbuf_adds(s->out, "</div>\n");
}

static void html_paragraph(struct sink *s, const char *text)
{
    element(s, "<p>", text, "</p>\n");
}

static void html_note(struct sink *s, const char *text)
{
    element(s, "<p class=\"note\">", text, "</p>\n");
}

static void html_fact(struct sink *s, const char *label, const char *text)
{
    element(s, "<p class=\"fact\"><b>", label, "</b> ");
    element(s, "<span>", text, "</span></p>\n");
}

static void html_code(struct sink *s, const char *label, const char *language, const char *text)
{
    (void)language;
    strbuf_adds(s->out, "<figure class=\"code\">");
    if (label != NULL)
        element(s, "<figcaption>", label, "</figcaption>");
    element(s, "<pre><code>", text, "</code></pre></figure>\n");
}

static void html_list_begin(struct sink *s, bool boxes)
{
    strbuf_adds(s->out, boxes ? "<ul class=\"todo\">\n" : "<ul>\n");
}

static void html_item(struct sink *s, const char *text, const char *anchor)
{
    strbuf_adds(s->out, s->boxes ? "<li><label><input type=\"checkbox\"> " : "<li>");
    if (s->boxes && anchor != NULL) { /* a link inside a label would be ticked with it */
        element(s, "", text, "</label> ");
        add_linked(s->out, "\xE2\x86\x97", anchor);
    } else {
        add_linked(s->out, text, anchor);
        strbuf_adds(s->out, s->boxes ? "</label>" : "");
    }
    strbuf_adds(s->out, "</li>\n");
}

static void html_list_end(struct sink *s)
{
    strbuf_adds(s->out, "</ul>\n");
}

static void html_table_begin(struct sink *s, const char *caption, const struct sink_column *columns,
                             size_t ncolumns)
{
    strbuf_adds(s->out, "<div class=\"scroll\"><table>");
    if (caption != NULL)
        element(s, "<caption>", caption, "</caption>");
    strbuf_adds(s->out, "<thead><tr>");
    for (size_t i = 0; i < ncolumns; i++)
        element(s, columns[i].number ? "<th class=\"n\" scope=\"col\">" : "<th scope=\"col\">",
                columns[i].title, "</th>");
    strbuf_adds(s->out, "</tr></thead><tbody>\n");
}

static void add_cell_class(struct sink *s, const struct sink_cell *c, bool number)
{
    char class[64] = "";
    if (c->heat != 0)
        snprintf(class, sizeof class, "n h%d", c->heat > 0 ? c->heat : 0);
    else if (number || c->tone != TONE_PLAIN || c->code || c->wrap)
        snprintf(class, sizeof class, "%s%s%s%s%s%s", number ? "n" : "",
                 number && c->tone != TONE_PLAIN ? " " : "", TONES[c->tone], c->code ? " code" : "",
                 c->wrap ? " wrap" : "", "");
    add_class(s->out, class[0] == ' ' ? class + 1 : class);
}

/* Paths may break after a slash. */
static void add_breakable(struct strbuf *out, const char *text)
{
    char part[128];
    while (text != NULL && *text != '\0') {
        size_t n = strcspn(text, "/") + 1;
        if (n > strlen(text) || n >= sizeof part || n == 1) {
            html_add(out, text); /* the last part, or an odd one */
            return;
        }
        snprintf(part, sizeof part, "%.*s", (int)n, text);
        html_add(out, part);
        strbuf_adds(out, "<wbr>");
        text += n;
    }
}

static void html_row(struct sink *s, const struct sink_cell *cells, const char *anchor)
{
    strbuf_adds(s->out, "<tr");
    add_id(s->out, anchor);
    strbuf_addch(s->out, '>');
    for (size_t i = 0; i < s->columns; i++) {
        const struct sink_cell *c = &cells[i];
        strbuf_adds(s->out, "<td");
        add_cell_class(s, c, s->heads[i].number);
        if (c->sort != NULL) {
            strbuf_adds(s->out, " data-v=\"");
            html_add(s->out, c->sort);
            strbuf_addch(s->out, '"');
        }
        strbuf_addch(s->out, '>');
        if (i == 0 && c->anchor == NULL && !c->code)
            add_breakable(s->out, c->text);
        else
            add_linked(s->out, c->text, c->anchor);
        if (c->note != NULL)
            element(s, "<small>", c->note, "</small>");
        strbuf_adds(s->out, "</td>");
    }
    strbuf_adds(s->out, "</tr>\n");
}

static void html_table_end(struct sink *s)
{
    strbuf_adds(s->out, "</tbody></table></div>\n");
}

static void html_fold_begin(struct sink *s, const char *summary)
{
    element(s, "<details><summary>", summary, "</summary>\n");
}

static void html_fold_end(struct sink *s)
{
    strbuf_adds(s->out, "</details>\n");
}

static void html_chart(struct sink *s, const char *title, const struct strbuf *svg, bool half)
{
    strbuf_addf(s->out, "<figure class=\"chart%s\">", half ? " half" : "");
    element(s, "<figcaption>", title, "</figcaption><div class=\"scroll\">");
    strbuf_add(s->out, svg->data, svg->len);
    strbuf_adds(s->out, "</div></figure>\n");
}

static void html_charts_begin(struct sink *s)
{
    strbuf_adds(s->out, "<div class=\"charts\">\n");
}

static void html_charts_end(struct sink *s)
{
    strbuf_adds(s->out, "</div>\n");
}

const struct sink_ops sink_html = {
    .heading = html_heading,
    .badges = html_badges,
    .verdict = html_verdict,
    .tiles = html_tiles,
    .paragraph = html_paragraph,
    .note = html_note,
    .fact = html_fact,
    .code = html_code,
    .list_begin = html_list_begin,
    .item = html_item,
    .list_end = html_list_end,
    .table_begin = html_table_begin,
    .row = html_row,
    .table_end = html_table_end,
    .fold_begin = html_fold_begin,
    .fold_end = html_fold_end,
    .chart = html_chart,
    .charts_begin = html_charts_begin,
    .charts_end = html_charts_end,
};
