/* lib/pipeline/guess/guess.h - a first pipeline from a file, an API or a table, to be reviewed.
 *
 * What comes out is a complete, commented pipeline: it lints clean and runs as it is. A guess never
 * bends a value: what might be a code stays text, what is in doubt is said in a comment and left
 * to the reader. Files are read in flat memory; comments hold no value of the data, only shapes.
 */
#ifndef DINER_PIPELINE_GUESS_H
#define DINER_PIPELINE_GUESS_H

#include "net/connector.h"
#include "schema/config.h"

#define GUESS_ROWS_DEFAULT "1000000"

struct guess_options {
    const char *name;   /* of the pipeline and its stream; NULL: from what is read */
    const char *schema; /* of the target table */
    const char
        *member;      /* of a zip: glob of the one to look at; NULL: the only one, or the largest */
    int64_t rows_max; /* so many records are all looked at; of those after them a sample */
    const char *connector_file; /* where the connector of a URL goes; NULL: a comment */
    const struct config *config;
    const struct connector_builtin *builtins;
};

/* Delimited text, columns of fixed width, JSON or JSON Lines, plain or packed. Reads the file three
 * times: ERR_USAGE for standard input. */
int guess_file(const char *path, const struct guess_options *o, struct strbuf *out,
               struct error *err);
/* One GET, nothing else is sent. The connector is written to o->connector_file, or stands as a
 * comment above the pipeline. */
int guess_url(const char *url, const struct guess_options *o, struct strbuf *out,
              struct error *err);
/* "connection.schema.table": columns and key from the catalogue. */
int guess_table(const char *name, const struct guess_options *o, struct strbuf *out,
                struct error *err);

#endif
