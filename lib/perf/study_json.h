/* lib/perf/study_json.h - a study (study.h) as JSON and back: what the phases of perf-report hand
 * to each other, and what a later run takes as its baseline.
 *
 * `"diner_perf_study": 1` is the version of the form. A figure that may be unknown is null then; a
 * key that is absent has the value of an empty study, and keys that are not known here are passed
 * over, so that a newer diner may add some. Times, shares and sizes have the units of study.h. */
#ifndef DINER_PERF_STUDY_JSON_H
#define DINER_PERF_STUDY_JSON_H

#include "core/error.h"
#include "core/strbuf.h"
#include "perf/study.h"

#define PERF_STUDY_VERSION   1
#define PERF_STUDY_MAX_BYTES ((size_t)16 << 20)

/* Appends the document, with the raw histograms. ERR_LIMIT when it would be more than can be read
 * again: out wants room for PERF_STUDY_MAX_BYTES. */
int perf_study_write(const struct perf_study *s, struct strbuf *out, struct error *err);
/* ERR_DATA "NAME: 'server.statements[3].calls' must be a number" for what does not fit; links
 * between the parts are checked. Release *ret with perf_study_release. */
int perf_study_parse(struct span text, const char *name, struct arena *arena,
                     struct perf_study *ret, struct error *err);
/* Whether text may be one: another form of JSON is somebody else's. */
bool perf_study_is(struct span text);

#endif
