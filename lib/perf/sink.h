/* lib/perf/sink.h - what a report is written into: HTML or Markdown. The sections (section.h) are
 * written once and say what stands there; a sink says how it looks. All texts given are plain: a
 * sink escapes them. Private to lib/perf. */
#ifndef DINER_PERF_SINK_H
#define DINER_PERF_SINK_H

#include "perf/document.h"

enum sink_tone { TONE_PLAIN, TONE_GOOD, TONE_WARN, TONE_BAD, TONE_MUTED };

struct sink_cell {
    const char *text;
    const char *note;   /* smaller, below; or NULL */
    const char *anchor; /* the text links to it; or NULL */
    const char *sort;   /* what the column sorts by; NULL: the text */
    enum sink_tone tone;
    bool code; /* SQL, a rule */
    bool wrap; /* long text */
    int heat;  /* of a heat table: 1..9 coloured by value, -1 nothing there; 0: no heat table */
};
struct sink_column {
    const char *title;
    bool number; /* aligned to the right */
};
struct sink_tile {
    const char *label, *value, *note, *change;
    enum sink_tone tone, change_tone;
};
struct sink_badge {
    const char *text;
    enum sink_tone tone;
};

struct sink;
struct sink_ops {
    void (*heading)(struct sink *s, int level, const char *number, const char *anchor,
                    const char *text);
    void (*badges)(struct sink *s, const struct sink_badge *badges, size_t n);
    void (*verdict)(struct sink *s, enum sink_tone tone, const char *word, const char *text);
    void (*tiles)(struct sink *s, const struct sink_tile *tiles, size_t n);
    void (*paragraph)(struct sink *s, const char *text);
    void (*note)(struct sink *s, const char *text);
    void (*fact)(struct sink *s, const char *label, const char *text);
    void (*code)(struct sink *s, const char *label, const char *language, const char *text);
    void (*list_begin)(struct sink *s, bool boxes);
    void (*item)(struct sink *s, const char *text, const char *anchor);
    void (*list_end)(struct sink *s);
    void (*table_begin)(struct sink *s, const char *caption, const struct sink_column *columns,
                        size_t ncolumns);
    void (*row)(struct sink *s, const struct sink_cell *cells, const char *anchor);
    void (*table_end)(struct sink *s);
    void (*fold_begin)(struct sink *s, const char *summary);
    void (*fold_end)(struct sink *s);
    void (*chart)(struct sink *s, const char *title, const struct strbuf *svg, bool half);
    void (*charts_begin)(struct sink *s);
    void (*charts_end)(struct sink *s);
};
extern const struct sink_ops sink_html, sink_markdown;

struct sink {
    const struct sink_ops *ops;
    const struct perf_document *d;
    struct strbuf *out;
    struct arena *arena;
    bool boxes;          /* of the list that is open */
    size_t columns, row; /* of the table that is open */
    const struct sink_column *heads;
    size_t serial; /* of charts: their ids */
};

/* number: "1" or NULL. level: 1 the document's title, 2 sections, 3 parts, 4 findings. */
void sink_heading(struct sink *s, int level, const char *number, const char *anchor,
                  const char *text);
void sink_badges(struct sink *s, const struct sink_badge *badges, size_t n);
void sink_verdict(struct sink *s, enum sink_tone tone, const char *word, const char *text);
void sink_tiles(struct sink *s, const struct sink_tile *tiles, size_t n);
void sink_paragraph(struct sink *s, const char *text);
void sink_note(struct sink *s, const char *text); /* small print */
/* "Label: text" */
void sink_fact(struct sink *s, const char *label, const char *text);
void sink_code(struct sink *s, const char *label, const char *language, const char *text);

void sink_list_begin(struct sink *s, bool boxes); /* boxes: each item has a checkbox */
void sink_item(struct sink *s, const char *text, const char *anchor);
void sink_list_end(struct sink *s);

/* ncolumns columns; sortable by its heads. caption may be NULL. */
void sink_table_begin(struct sink *s, const char *caption, const struct sink_column *columns,
                      size_t ncolumns);
void sink_row(struct sink *s, const struct sink_cell *cells, const char *anchor);
void sink_table_end(struct sink *s);

void sink_fold_begin(struct sink *s, const char *summary); /* closed at first */
void sink_fold_end(struct sink *s);

/* A chart: svg is markup made by chart.h. Markdown leaves it out. */
void sink_chart(struct sink *s, const char *title, const struct strbuf *svg, bool half);
void sink_charts_begin(struct sink *s); /* two halves side by side where there is room */
void sink_charts_end(struct sink *s);

/* Text into HTML and XML: nothing of it becomes markup; control characters and what is no UTF-8
 * become U+FFFD. */
void html_add(struct strbuf *out, const char *text);
/* Text into Markdown: nothing of it becomes markup or breaks a table. */
void markdown_add(struct strbuf *out, const char *text);

#endif
