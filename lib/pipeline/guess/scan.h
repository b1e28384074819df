/* lib/pipeline/guess/scan.h - the rows of a text with columns, looked at for a guess: all of the
 * first ones, of those after them a fair sample; and what is said of them in the pipeline. */
#ifndef DINER_PIPELINE_GUESS_SCAN_H
#define DINER_PIPELINE_GUESS_SCAN_H

#include "pipeline/guess/draft.h"
#include "pipeline/guess/layout.h"

enum { TOTAL_WORDS = 8 };
struct reservoir;
struct total_word {
    const char *word;
    uint64_t count, last_line;
};

struct scan {
    struct draft *draft;
    struct layout layout;
    struct seen_readers *readers;
    struct reservoir *reservoir;
    struct keys *keys;
    uint64_t rows; /* records that are data */
    uint64_t looked_at;
    uint64_t last_line; /* of the last record with data */
    uint64_t short_rows, faults;
    struct total_word totals[TOTAL_WORDS];
    size_t ntotals;
    /* records of another width at the end of the file */
    const char *tail;
    uint64_t tail_rows;
};

/* The columns of the draft are there. */
void scan_begin(struct scan *s);
void scan_end(struct scan *s);
/* One row of data; one that is a total, by its first word. */
void scan_row(struct scan *s, const struct span *fields, size_t n, uint64_t line);
void scan_total(struct scan *s, struct span word, uint64_t line);
/* All rows are there. */
void scan_look_at_sample(struct scan *s);
/* Types, columns that are given once a group, keys: the draft has all but its texts. */
void scan_decide(struct scan *s);
/* Lines of `source:`. */
void scan_print_encoding(const struct scan *s, struct strbuf *out);
void scan_print_habits(const struct scan *s, struct strbuf *out);
/* skip, trailer and stop_at. */
void scan_print_totals(const struct scan *s, struct strbuf *out);
/* The comment above the pipeline; more: further lines of it, or "". */
const char *scan_intro(const struct scan *s, const char *more);

#endif
