/* lib/perf/inputs_internal.h - one parser a format, and the line reader they share. */
#ifndef DINER_PERF_INPUTS_INTERNAL_H
#define DINER_PERF_INPUTS_INTERNAL_H

#include "perf/inputs.h"

struct input {
    const char *name;
    struct span text;
    size_t next;      /* offset of the next line */
    struct span line; /* the current one, without its end */
    int line_no;
    struct arena *arena;
    const char *path; /* where in a JSON document; NULL: messages name the line instead */
};
bool input_next_line(struct input *in);
/* ERR_DATA "NAME:LINE: ..." */
int input_error(const struct input *in, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool line_starts(struct span line, const char *prefix);
/* What stands after the first `mark` of the line, without blanks at both ends; ptr NULL: absent. */
struct span line_after(struct span line, const char *mark);
/* A number at the start of text; *ret_rest (may be NULL) is what follows it. Finite, not
 * negative, at most 1e15. */
bool span_number(struct span text, double *ret, struct span *ret_rest);
bool span_count(struct span text, uint64_t *ret, struct span *ret_rest);
/* A time as in RFC 3339 whose year has four digits in UTC too, so that it can be written again.
 * *ret stays when it is none, or NULL. */
bool input_time(const char *text, int64_t *ret);
/* A copy with its query cut off, as reports show URLs. */
const char *input_url(const struct input *in, struct span url);

bool input_is_wrk(struct span text);
bool input_is_hey(struct span text);
bool input_is_hey_csv(struct span text);
int input_parse_wrk(struct input *in, struct perf_result *ret, struct error *err);
int input_parse_hey(struct input *in, struct perf_result *ret, struct error *err);
int input_parse_hey_csv(struct input *in, struct perf_result *ret, struct error *err);
bool input_is_vegeta(struct span text);
int input_parse_vegeta(struct input *in, struct perf_result *ret, struct error *err);
struct jsonx;
bool input_is_vegeta_json(const struct jsonx *doc);
int input_parse_vegeta_json(struct input *in, const struct jsonx *doc, struct perf_result *ret,
                            struct error *err);
/* Puts the input at the line where a key first stands, for messages: the tree knows no places. */
void input_seek_key(struct input *in, const char *key);
int input_parse_k6(struct input *in, const struct jsonx *doc, struct perf_result *ret,
                   struct error *err);

#endif
