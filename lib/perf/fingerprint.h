/* lib/perf/fingerprint.h - what a statement is, whatever its constants: libpg_query, PostgreSQL's
 * own parser as a library.
 *
 * The library is loaded at the first call and is optional: without it every call is ERR_CONFIG with
 * the package's name, and who calls goes on with what the server knows (its queryid). It exports
 * over 2,000 names such as errmsg and palloc; loaded RTLD_LOCAL none of them is seen by others, and
 * of its own names only strnlen and pg_utf_mblen also stand elsewhere, where they do the same.
 * It speaks the grammar of PostgreSQL 15. Not thread safe; does not block. */
#ifndef DINER_PERF_FINGERPRINT_H
#define DINER_PERF_FINGERPRINT_H

#include "format/jsonx.h"

/* Longer texts are refused: how deep the parser's trees nest is bounded by it. */
#define FINGERPRINT_TEXT_MAX ((size_t)64 << 10)

/* Loads the library; ERR_CONFIG with the reason when it is not installed. */
int perf_parser_load(struct error *err);

/* 16 hexadecimal digits, equal for texts that differ in constants, parameters' numbers, blanks,
 * aliases, the length of an IN list (= ANY($1) included) and the rows of VALUES. libpg_query's own,
 * except that a statement with OFFSET is told from the same one without. ERR_DATA for what does not
 * parse, ERR_LIMIT for what is too long. */
int perf_fingerprint(const char *text, char ret[17], struct error *err);

/* The parse tree as libpg_query's JSON: {"version": .., "stmts": [{"stmt": {..}}]}. Free with
 * jsonx_free. Errors as perf_fingerprint; ERR_LIMIT also for a tree nested too deep. */
int perf_parse(const char *text, struct jsonx **ret, struct error *err);

#endif
