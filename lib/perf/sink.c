/* lib/perf/sink.c - passes on to the form that is written. */
#include "perf/sink.h"

void sink_heading(struct sink *s, int level, const char *number, const char *anchor,
                  const char *text)
{
    s->ops->heading(s, level, number, anchor, text);
}

void sink_badges(struct sink *s, const struct sink_badge *badges, size_t n)
{
    s->ops->badges(s, badges, n);
}

void sink_verdict(struct sink *s, enum sink_tone tone, const char *word, const char *text)
{
    s->ops->verdict(s, tone, word, text);
}

void sink_tiles(struct sink *s, const struct sink_tile *tiles, size_t n)
{
    s->ops->tiles(s, tiles, n);
}

void sink_paragraph(struct sink *s, const char *text)
{
    s->ops->paragraph(s, text);
}

void sink_note(struct sink *s, const char *text)
{
    s->ops->note(s, text);
}

void sink_fact(struct sink *s, const char *label, const char *text)
{
    s->ops->fact(s, label, text);
}

void sink_code(struct sink *s, const char *label, const char *language, const char *text)
{
    if (text != NULL)
        s->ops->code(s, label, language, text);
}

void sink_list_begin(struct sink *s, bool boxes)
{
    s->boxes = boxes;
    s->ops->list_begin(s, boxes);
}

void sink_item(struct sink *s, const char *text, const char *anchor)
{
    s->ops->item(s, text, anchor);
}

void sink_list_end(struct sink *s)
{
    s->ops->list_end(s);
}

void sink_table_begin(struct sink *s, const char *caption, const struct sink_column *columns,
                      size_t ncolumns)
{
    s->columns = ncolumns;
    s->heads = columns;
    s->ops->table_begin(s, caption, columns, ncolumns);
}

void sink_row(struct sink *s, const struct sink_cell *cells, const char *anchor)
{
    s->ops->row(s, cells, anchor);
}

void sink_table_end(struct sink *s)
{
    s->ops->table_end(s);
}

void sink_fold_begin(struct sink *s, const char *summary)
{
    s->ops->fold_begin(s, summary);
}

void sink_fold_end(struct sink *s)
{
    s->ops->fold_end(s);
}

void sink_chart(struct sink *s, const char *title, const struct strbuf *svg, bool half)
{
    if (svg->len > 0)
        s->ops->chart(s, title, svg, half);
}

void sink_charts_begin(struct sink *s)
{
    s->ops->charts_begin(s);
}

void sink_charts_end(struct sink *s)
{
    s->ops->charts_end(s);
}
