/* lib/pipeline/guess/draft.h - a guessed stream on its way to text: columns with their types, and
 * the pipeline printed, held against what it reads, and printed again with what that told. */
#ifndef DINER_PIPELINE_GUESS_DRAFT_H
#define DINER_PIPELINE_GUESS_DRAFT_H

#include "pipeline/guess/guess.h"
#include "pipeline/guess/input.h"
#include "pipeline/guess/keys.h"
#include "pipeline/guess/seen.h"

enum { DRAFT_COLUMNS_MAX = 1600 }; /* as many as a table of PostgreSQL has */

struct draft_column {
    const char *name;   /* in the target */
    const char *header; /* as the source calls it, for the comment and for hints */
    const char *from;   /* NULL: found by its name */
    const char *at;     /* of fixed width: its places, "1-12"; else NULL */
    struct seen *seen;  /* NULL: the type is known */
    struct seen_type type;
    bool required, fill_down;
};

enum { DRAFT_REJECTS_SHOWN = 5 };
struct draft_check { /* what a run of the draft would do */
    uint64_t rows, rejected, skipped;
    bool is_partial; /* the source has more rows than were read */
    struct draft_reject {
        uint64_t line;
        const char *column, *reason;
    } shown[DRAFT_REJECTS_SHOWN];
};

struct draft {
    struct arena *arena;
    const struct guess_options *options;
    const struct guess_input *input; /* of a file */
    const char *name;
    const char *intro;  /* comment lines of what was read and how */
    const char *source; /* the lines of `source:`, indented, comments included */
    int mark;           /* decimal mark of the source */
    struct draft_column *columns;
    size_t ncolumns;
    struct key_candidate keys[KEYS_MAX];
    size_t nkeys;
    bool has_key;      /* the first candidate is the key */
    bool replaces;     /* every read is the whole: mode replace */
    bool is_unread;    /* nothing was held against the source: no counts to tell */
    const char *extra; /* further lines of the stream (a hint as a comment), or NULL */
    struct draft_check check;
};

/* Names made unique, in the order of the columns. */
void draft_name_columns(struct draft *d);
/* Types by what was seen; weights of the columns as keys. */
void draft_decide(struct draft *d);
int draft_key_weight(const struct draft_column *c, size_t at);
/* The whole pipeline as YAML. */
void draft_print(const struct draft *d, struct strbuf *out);
/* Reads the source as a run would, converts every cell, checks key candidates. No database. */
int draft_verify(struct draft *d, const char *yaml, struct error *err);
/* Chooses the key, verifies, prints. */
int draft_finish(struct draft *d, struct strbuf *out, struct error *err);

#endif
