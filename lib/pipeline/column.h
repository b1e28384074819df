/* lib/pipeline/column.h - from a cell as read to a typed value: strip, null words, numbers as
 * people write them, dates by declared formats, units. One reading of the rules for every source
 * and target. */
#ifndef DINER_PIPELINE_COLUMN_H
#define DINER_PIPELINE_COLUMN_H

#include "pipeline/stream.h"

/* Number and text habits of a source (file sources declare them). */
struct column_habits {
    const char *const *strip; /* literal pieces removed from number, date and bool cells */
    size_t nstrip;
    const char *const *null_words; /* "" is null unless the type is text and it says otherwise */
    size_t nnull_words;
    bool decimal_comma;
    bool guard_apostrophe; /* of a text: one leading ' before = + - @, one leading `, ="..." around
                              it */
    bool unquote;          /* a pair of literal quotes around a text is dropped */
    bool trim;             /* blanks (ASCII, NBSP, ideographic) around every cell */
};
/* Without blanks at both ends (ASCII, NBSP, ideographic space). */
struct span span_trim(struct span s);

/* Fetches the keys of hashed columns from where they are kept; before a reader is made. */
int column_keys_resolve(struct column_spec *columns, size_t n, struct error *err);
/* Whether what is stored differs from what is read: a mask, a hash, a default. */
bool column_is_changed(const struct column_spec *c);
/* Whether a value that is of its type already may still be read as another: null words, units,
 * zeros that are stripped. */
bool column_has_words(const struct column_spec *c);
/* Whether it is what for_each bound, as it was bound (from: $name, as text or int). */
bool column_is_of_child(const struct column_spec *c);

struct column_reader;
struct column_reader *column_reader_new(const struct column_spec *columns, size_t n,
                                        const struct column_habits *habits);
void column_reader_free(struct column_reader *r);

/* The clean text of cell i: *ret_null, or text valid until the next call for that column.
 * Returns NULL or the reason it cannot be one ("not a date in %Y-%m-%d, %Y/%m/%d"). */
const char *column_clean(struct column_reader *r, size_t i, const struct cell *cell,
                         struct span *ret_text, bool *ret_null);
/* As column_clean, and the value is one of the column's type, in PostgreSQL's form (decimals as
 * written): what a target without types is given: a file, an API, the key in a reject. */
const char *column_canonical(struct column_reader *r, size_t i, const struct cell *cell,
                             struct span *ret_text, bool *ret_null);
/* Whether the text cells of column i are their canonical text, those with a NUL and empty ones
 * apart.
 */
bool column_is_verbatim(const struct column_reader *r, size_t i);
/* Appends the field's binary COPY form. Returns NULL or the reason. */
const char *column_encode(struct column_reader *r, size_t i, const struct cell *cell,
                          struct strbuf *out);
/* Appends the fields of the cells from `first` on that are written as most are. The index of the
 * first other one, of which nothing is appended, or how many columns there are. */
size_t column_encode_plain(const struct column_reader *r, const struct cell *cells, size_t first,
                           struct strbuf *out);
/* An empty cell of column i is not among those. */
void column_refuse_null(struct column_reader *r, size_t i);

#endif
