/* lib/pipeline/guess/seen.h - what was seen of a column, value by value in flat memory, and the
 * type that follows from it. The readings are those of a run (pipeline/column.h), so that what a
 * guess took for a number is one when it is loaded. */
#ifndef DINER_PIPELINE_GUESS_SEEN_H
#define DINER_PIPELINE_GUESS_SEEN_H

#include "pipeline/column.h"

/* ---- dates and times -------------------------------------------------------------------- */

enum { TIMES_DATES = 20, TIMES_CLOCKS = 6 };
/* Which of the known date forms fit one value, and the clock that follows it. */
struct times_fit {
    uint32_t dates; /* bits of times_format's first argument */
    int clock;      /* 0: none */
    bool has_zone;
};
bool times_fit(struct span value, struct times_fit *ret);
const char *times_format(size_t date, int clock); /* "%Y-%m-%d %H:%M:%S", or "iso" */

struct times_seen { /* values that fit the same forms */
    struct times_fit fit;
    uint64_t count, line; /* line of the first */
};

/* ---- one column ------------------------------------------------------------------------- */

enum { MARK_POINT, MARK_COMMA };
enum { SEEN_WORDS = 13, SEEN_TIMES = 24, SEEN_LINES = 3 };
extern const char *const seen_words[SEEN_WORDS]; /* that often mean null */
extern const char *const seen_pieces[];          /* around numbers; NULL-terminated */

struct seen_lines { /* the first few places of something */
    uint64_t count, lines[SEEN_LINES];
};
struct seen {
    uint64_t rows, empty;
    uint64_t words[SEEN_WORDS];
    /* numbers, read with either decimal mark */
    struct seen_lines not_number[2], not_time;
    uint64_t numbers[2], decided[2]; /* decided: only this mark explains the value */
    int whole_digits[2], fraction_digits[2];
    unsigned pieces; /* bits of seen_pieces that had to be dropped */
    uint64_t percents;
    uint64_t serials, part_serials; /* numbers as spreadsheets count days; with a time of day */
    uint64_t times;
    struct times_seen forms[SEEN_TIMES];
    size_t nforms;
    bool too_many_forms;
    uint64_t bools, phones, with_unit, uuids;
    struct seen_lines zero_led, long_digits, scientific, guarded, padded;
    uint64_t backticks; /* values that begin with one: text in spite of a spreadsheet */
    uint64_t lengths;   /* sum, in bytes */
    size_t length_min, length_max;
    bool is_dead;     /* nothing but text: no further reading */
    uint64_t json[8]; /* by enum jpull_kind, for JSON sources */
    char shape[128];  /* of the first value */
    /* runs of empty cells under a value */
    bool first_is_set, last_was_set;
    uint64_t repeats; /* values equal to the one before */
    uint64_t last_hash;
};

/* Numbers are read through these; one set serves all columns. */
struct seen_readers;
struct seen_readers *seen_readers_new(void);
void seen_readers_free(struct seen_readers *r);

/* form CELL_TEXT: as in a file; CELL_CLEAN: of JSON, without habits. */
void seen_add(struct seen *s, struct seen_readers *r, enum cell_form form, struct span value,
              uint64_t line);

/* ---- the type --------------------------------------------------------------------------- */

struct seen_type {
    const char *type;       /* "numeric(12,2)" */
    const char *formats[6]; /* of dates */
    size_t nformats;
    const char *nulls[SEEN_WORDS];
    size_t nnulls;
    bool needs_zone; /* a time without one */
    bool is_number, is_time;
    const char *note;      /* for the comment; NULL: nothing to say */
    const char *undecided; /* a line of what it might be, for a comment of its own */
    unsigned pieces;
    uint64_t lost; /* values that the type refuses */
    const uint64_t *lost_lines;
};
/* mark: the decimal mark of the whole source. Texts in the arena. */
struct seen_type seen_decide(const struct seen *s, const char *header, int mark,
                             struct arena *arena);

#endif
