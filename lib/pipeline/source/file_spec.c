/* The keys of a file source, and what lint says of them. */
#include "pipeline/source/file.h"

#include <stdlib.h>
#include <string.h>

#define AT(member) offsetof(struct file_source_spec, member)

static const char *const file_choices[] = {"all", "last", NULL};
static const char *const formats[] = {"csv", "tsv", "fixed", "alv", "jsonl", "json", NULL};
static const char *const decimals[] = {"point", "comma", NULL};
static const char *const positions[] = {"characters", "bytes", NULL};
static const char *const changed_choices[] = {"refuse", "reload", "ignore", NULL};

static const struct field header_fields[] = {
    {"find", FIELD_STRINGS, offsetof(struct header_spec, find),
     "names that the header has: lines before the first record with all of them are skipped; of "
     "fixed width: texts of the last line above the data"},
    {"skip_max", FIELD_INT, offsetof(struct header_spec, skip_max),
     "how many records may stand before the header", .def = "20", .min = 0, .max = 1000},
    {"none", FIELD_BOOL, offsetof(struct header_spec, none),
     "there is no header: columns are `from: $1`, `$2` and so on"},
    {"row", FIELD_INT, offsetof(struct header_spec, row),
     "the header is this record, from 1, whatever it has in it", .min = 1, .max = 1000},
    {"rows", FIELD_INT, offsetof(struct header_spec, rows),
     "the header has this many records: a column's name is its parts joined, an empty part above "
     "another is the one to its left (a merged cell)",
     .def = "1", .min = 1, .max = 10},
    {"join", FIELD_STRING, offsetof(struct header_spec, join), "what joins the parts of a name",
     .def = " "},
    {"until", FIELD_STRING, offsetof(struct header_spec, until),
     "pattern of the last record above the data, when more stand between it and the header"},
    {"repeats", FIELD_BOOL, offsetof(struct header_spec, repeats),
     "records equal to the header are page headers: skipped and counted (of alv: always)"},
    {0}};
static const struct field_set header_set = {.name = "header",
                                            .help = "Where the column names are",
                                            .struct_size = sizeof(struct header_spec),
                                            .fields = header_fields,
                                            .scalar = "find"};
static const struct field trailer_fields[] = {
    {"match", FIELD_STRING, offsetof(struct trailer_spec, match),
     "pattern of the total's record; it ends the data", .flags = FIELD_REQUIRED},
    {"sum", FIELD_STRING_MAP, offsetof(struct trailer_spec, sum),
     "column: header name or $N (of fixed width: range) under which the file states its total; "
     "loaded + "
     "rejected must equal it"},
    {0}};
static const struct field_set trailer_set = {.name = "trailer",
                                             .help = "What the file says of itself at its end",
                                             .struct_size = sizeof(struct trailer_spec),
                                             .fields = trailer_fields};

static const char *const subtotal_actions[] = {"abort", "warn", NULL};
static const struct field subtotal_fields[] = {
    {"match", FIELD_STRING, offsetof(struct subtotal_spec, match),
     "pattern of a subtotal's record, on its first field that is not empty; such records are no "
     "rows, and counted as skipped",
     .flags = FIELD_REQUIRED},
    {"by", FIELD_STRING, offsetof(struct subtotal_spec, by),
     "column whose rows of one value it is about: what a group in `match` captures, else its own "
     "cell there, else the value of the row above",
     .flags = FIELD_REQUIRED},
    {"value", FIELD_STRING, offsetof(struct subtotal_spec, value),
     "header name or $N (of fixed width: range) of that value, where it is another than the "
     "column's"},
    {"rows", FIELD_STRING, offsetof(struct subtotal_spec, rows),
     "header name or $N (of fixed width: range) under which it states how many rows there are"},
    {"sum", FIELD_STRING_MAP, offsetof(struct subtotal_spec, sum),
     "column: header name or $N (of fixed width: range) under which its total stands; loaded + "
     "rejected must equal it"},
    {"on_fail", FIELD_CHOICE, offsetof(struct subtotal_spec, on_fail),
     "of a difference: load nothing, or load all the same and record a finding", .def = "abort",
     .choices = subtotal_actions},
    {0}};
static const struct field_set subtotal_set = {
    .name = "subtotals",
    .help = "What the file says of each store, or any other group of its rows",
    .struct_size = sizeof(struct subtotal_spec),
    .fields = subtotal_fields};

/* How the text of a file is read, wherever the file comes from. */
/* clang-format off */
#define READING_FIELDS                                                                      \
    {"member", FIELD_STRING, AT(member),                                                           \
     "of a zip: glob of the members to read; without it the only one, or those that have the "     \
     "header to `find`"},                                                                          \
    {"records", FIELD_STRING, AT(records),                                                         \
     "of json: pointer to the array of records; default: the document is the array"},              \
    {"positions", FIELD_CHOICE, AT(positions),                                                     \
     "of fixed: what `at` counts, characters or bytes of the file's encoding", .def = "characters", \
     .choices = positions},                                                                        \
    {"pad", FIELD_BOOL, AT(pad), "of fixed: lines may end early, what is missing is blank"},       \
    {"encoding", FIELD_STRING, AT(encoding),                                                       \
     "auto (BOM, strict UTF-8, then GB18030) or a name iconv knows", .def = "auto"},               \
    {"header", FIELD_OBJECT, AT(header), "where the column names are", .sub = &header_set},        \
    {"delimiter", FIELD_STRING, AT(delimiter), "one ASCII character, or tab"},                     \
    {"quote", FIELD_STRING, AT(quote), "the quoting character, or none", .def = "\""},             \
    {"skip", FIELD_STRING, AT(skip),                                                               \
     "pattern on the first field that is not empty: such records are skipped and counted"},        \
    {"stop_at", FIELD_STRING, AT(stop_at),                                                         \
     "pattern after which nothing is read; counted as skipped"},                                   \
    {"null", FIELD_STRINGS, AT(null), "words that mean null in every column, beside an empty cell"}, \
    {"strip", FIELD_STRINGS, AT(strip), "pieces removed from number, date and bool cells"},        \
    {"fill_down", FIELD_STRINGS, AT(fill_down),                                                    \
     "columns whose empty cells take the value of the record above"},                              \
    {"decimal", FIELD_CHOICE, AT(decimal), "decimal mark of numbers", .def = "point",              \
     .choices = decimals},                                                                         \
    {"trim", FIELD_BOOL, AT(trim),                                                                 \
     "drop blanks around text (around numbers and dates, and in fixed and alv: always)"},          \
    {"guard", FIELD_BOOL, AT(guard),                                                               \
     "text cells carry an apostrophe before = + - @, a backtick, or stand in =\"...\" (guards "    \
     "against spreadsheets): drop them; of numbers and dates by `strip`"},                         \
    {"unquote", FIELD_BOOL, AT(unquote), "drop a pair of literal quotes around text"},             \
    {"preamble", FIELD_STRING_MAP, AT(preamble),                                                   \
     "NAME: regular expression with one group, looked for above the header; used as `from: $NAME`"}, \
    {"trailer", FIELD_OBJECT, AT(trailer), "what the file says of itself at its end",              \
     .sub = &trailer_set},                                                                         \
    {"subtotals", FIELD_OBJECT, AT(subtotals), "what the file says of each group of its rows",     \
     .sub = &subtotal_set},                                                                        \
    WHERE_FIELD(AT(where))
/* clang-format on */

#define FORMAT_HELP                                                                                \
    "csv, tsv (csv with TAB), fixed (columns `at` places), alv (SAP lists framed by |), jsonl "    \
    "(an object a line) or json (one document)"

static const struct field file_fields[] = {
    SOURCE_FOR_EACH,
    {"file", FIELD_STRING, AT(file),
     "path or glob, relative to the pipeline file; - is standard input; gzip, zstd and zip are "
     "known by their first bytes and unpacked",
     .flags = FIELD_REQUIRED | FIELD_LATE, .complete = "file"},
    {"files", FIELD_CHOICE, AT(files),
     "of those that match: all in the order of their names, or only the last (the newest, when "
     "names carry the date)",
     .def = "all", .choices = file_choices},
    {"changed", FIELD_CHOICE, AT(changed),
     "of a file that was loaded before and has other content now: refuse it, reload it (not in "
     "mode append), or ignore the name and take it for another file; to declare it makes merge "
     "leave out files it has loaded, as append does, and an API be told of each once",
     .def = "refuse", .choices = changed_choices},
    {"settle", FIELD_DURATION, AT(settle_ms),
     "refuse a file that was written to less than this ago: it may not be whole yet", .def = "0s"},
    {"format", FIELD_CHOICE, AT(format), FORMAT_HELP, .def = "csv", .choices = formats},
    {"optional", FIELD_BOOL, AT(optional), "no file is no error"},
    READING_FIELDS,
    {0}};
const struct field_set file_source_set = {
    .name = "file source",
    .help = "Rows from delimited text, fixed width, SAP lists, JSON or JSON Lines",
    .struct_size = sizeof(struct file_source_spec),
    .fields = file_fields};

#define FETCH(member) offsetof(struct download_source_spec, member)
static const struct field download_fields[] = {
    SOURCE_FOR_EACH,
    {"connector", FIELD_STRING, FETCH(connector), "name of the connector", .flags = FIELD_REQUIRED},
    {"resource", FIELD_STRING, FETCH(resource),
     "one of its resources whose answer or export is a file", .flags = FIELD_REQUIRED},
    {"params", FIELD_STRING_MAP, FETCH(params), "values for the resource's ${...}",
     .flags = FIELD_LATE},
    {"format", FIELD_CHOICE, AT(format), FORMAT_HELP, .flags = FIELD_REQUIRED, .choices = formats},
    READING_FIELDS,
    {0}};
const struct field_set download_source_set = {
    .name = "download source",
    .help = "Rows from a file that an API gives, through a connector",
    .struct_size = sizeof(struct download_source_spec),
    .fields = download_fields};

/* ---- lint ------------------------------------------------------------------------------- */

static const struct ynode *place(const struct stream_spec *s, const char *key)
{
    const struct ynode *node = ynode_get(s->source_node, key);
    return node != NULL ? node : s->source_node;
}

/* A key that a format does not look at would be believed to work. */
static void check_keys(const struct stream_spec *s, struct diagnostics *d)
{
    enum {
        CSV = 1 << FILE_CSV,
        TSV = 1 << FILE_TSV,
        FIXED = 1 << FILE_FIXED,
        ALV = 1 << FILE_ALV,
        JSON = 1 << FILE_JSON
    };
    static const struct {
        const char *key;
        unsigned formats;
        const char *of;
    } KEYS[] = {
        {"delimiter", CSV | TSV, "csv"},
        {"quote", CSV | TSV, "csv and tsv"},
        {"header", CSV | TSV | FIXED | ALV, "text with columns"},
        {"preamble", CSV | TSV | FIXED | ALV, "text with columns"},
        {"skip", CSV | TSV | FIXED | ALV, "text with columns"},
        {"stop_at", CSV | TSV | FIXED | ALV, "text with columns"},
        {"trailer", CSV | TSV | FIXED | ALV, "text with columns"},
        {"subtotals", CSV | TSV | FIXED | ALV, "text with columns"},
        {"records", JSON, "json"},
        {"positions", FIXED, "fixed"},
        {"pad", FIXED, "fixed"},
    };
    const struct file_source_spec *spec = s->source_spec;
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        const struct ynode *node = ynode_get(s->source_node, KEYS[i].key);
        if (node != NULL && (KEYS[i].formats & 1U << spec->format) == 0)
            diagnostics_add(d, node, NULL, "'%s' is for %s, the format is %s", KEYS[i].key,
                            KEYS[i].of, formats[spec->format]);
    }
}

static void check_pattern(const char *text, const char *key, const struct stream_spec *s,
                          struct diagnostics *d)
{
    struct pattern p;
    struct error err = ERROR_INIT;
    if (pattern_compile(text, &p, &err) != 0)
        diagnostics_add(d, place(s, key), NULL, "%s", err.message);
    else
        pattern_release(&p);
}

static void check_patterns(const struct stream_spec *s, struct diagnostics *d)
{
    const struct file_source_spec *spec = s->source_spec;
    check_pattern(spec->skip, "skip", s, d);
    check_pattern(spec->stop_at, "stop_at", s, d);
    check_pattern(spec->trailer.match, "trailer", s, d);
    check_pattern(spec->subtotals.match, "subtotals", s, d);
    check_pattern(spec->header.until, "header", s, d);
    for (size_t i = 0; i < spec->preamble.count; i++)
        check_pattern(spec->preamble.values[i], "preamble", s, d);
}

static void check_column_names(const struct stream_spec *s, struct diagnostics *d)
{
    const struct file_source_spec *spec = s->source_spec;
    for (size_t i = 0; i < spec->fill_down.count; i++)
        if (stream_column(s, spec->fill_down.items[i]) < 0)
            diagnostics_add(d, place(s, "fill_down"), NULL,
                            "fill_down: '%s' is not a column of the stream",
                            spec->fill_down.items[i]);
    for (size_t i = 0; i < spec->trailer.sum.count; i++)
        if (stream_column(s, spec->trailer.sum.keys[i]) < 0)
            diagnostics_add(d, place(s, "trailer"), NULL,
                            "trailer: '%s' is not a column of the stream",
                            spec->trailer.sum.keys[i]);
    if (spec->trailer.sum.count > 8)
        diagnostics_add(d, place(s, "trailer"), NULL, "at most 8 sums");
}

bool file_range_parse(const char *text, size_t *ret_first, size_t *ret_last)
{
    char *end;
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return false;
    unsigned long first = strtoul(text, &end, 10), last = first;
    if (*end == '-' && end[1] == '\0') {
        last = 1000000;
        end++;
    } else if (*end == '-' && end[1] >= '0' && end[1] <= '9') {
        last = strtoul(end + 1, &end, 10);
    }
    *ret_first = first;
    *ret_last = last;
    return *end == '\0' && first >= 1 && last >= first && last <= 1000000;
}

static void check_places(const struct stream_spec *s, struct diagnostics *d)
{
    const struct file_source_spec *spec = s->source_spec;
    size_t first, last;
    for (size_t i = 0; i < s->ncolumns; i++) {
        const struct column_spec *c = &s->columns[i];
        if (spec->format != FILE_FIXED && c->at != NULL)
            diagnostics_add(d, c->node, NULL, "column '%s': 'at' is for the format fixed", c->name);
        if (spec->format != FILE_FIXED || c->from[0] == '$')
            continue;
        if (c->at == NULL)
            diagnostics_add(d, c->node, "add  at: 1-12",
                            "column '%s': a column of fixed width needs 'at'", c->name);
        else if (!file_range_parse(c->at, &first, &last))
            diagnostics_add(d, c->node, "places count from 1: 1-12, 13, or 20- (to the end)",
                            "column '%s': '%s' is no range", c->name, c->at);
    }
    for (size_t i = 0; spec->format == FILE_FIXED && i < spec->trailer.sum.count; i++)
        if (!file_range_parse(spec->trailer.sum.values[i], &first, &last))
            diagnostics_add(d, place(s, "trailer"), NULL,
                            "trailer: the total of '%s' stands at a range such as 20-31",
                            spec->trailer.sum.keys[i]);
}

static void check_subtotals(const struct stream_spec *s, struct diagnostics *d)
{
    const struct file_source_spec *spec = s->source_spec;
    const struct subtotal_spec *sub = &spec->subtotals;
    const struct ynode *at = place(s, "subtotals");
    size_t first, last;
    if (sub->match == NULL || sub->by == NULL)
        return;
    if (sub->rows == NULL && sub->sum.count == 0)
        diagnostics_add(d, at, NULL, "subtotals: compares 'rows', 'sum' or both");
    if (sub->sum.count > SUBTOTAL_SUMS_MAX)
        diagnostics_add(d, at, NULL, "at most 8 sums");
    if (stream_column(s, sub->by) < 0)
        diagnostics_add(d, at, NULL, "subtotals: '%s' is not a column of the stream", sub->by);
    for (size_t i = 0; i < sub->sum.count; i++)
        if (stream_column(s, sub->sum.keys[i]) < 0)
            diagnostics_add(d, at, NULL, "subtotals: '%s' is not a column of the stream",
                            sub->sum.keys[i]);
    const char *ranges[SUBTOTAL_SUMS_MAX + 2] = {sub->value, sub->rows};
    for (size_t i = 0; i < sub->sum.count && i < SUBTOTAL_SUMS_MAX; i++)
        ranges[i + 2] = sub->sum.values[i] != NULL ? sub->sum.values[i] : "";
    for (size_t i = 0; spec->format == FILE_FIXED && i < SUBTOTAL_SUMS_MAX + 2; i++)
        if (ranges[i] != NULL && !file_range_parse(ranges[i], &first, &last))
            diagnostics_add(d, at, "places count from 1: 1-12, 13, or 20- (to the end)",
                            "subtotals: '%s' is no range", ranges[i]);
}

static void check_header(const struct stream_spec *s, struct diagnostics *d)
{
    const struct header_spec *h = &((const struct file_source_spec *)s->source_spec)->header;
    int ways = (h->find.count > 0) + (h->row > 0) + h->none;
    if (ways > 1)
        diagnostics_add(d, place(s, "header"), NULL,
                        "a header is found by one of 'find', 'row' and 'none'");
    if (h->none && (h->rows > 1 || h->until != NULL || h->repeats))
        diagnostics_add(d, place(s, "header"), NULL, "'none' leaves nothing to say of a header");
}

static void check_dialect(const struct stream_spec *s, struct diagnostics *d)
{
    const struct file_source_spec *spec = s->source_spec;
    struct error err = ERROR_INIT;
    struct encoding encoding;
    if (spec->encoding != NULL && strcmp(spec->encoding, "auto") != 0 &&
        encoding_named(spec->encoding, &encoding, &err) != 0)
        diagnostics_add(d, place(s, "encoding"), NULL, "%s", err.message);
    if (spec->delimiter != NULL && strcmp(spec->delimiter, "tab") != 0 &&
        strlen(spec->delimiter) != 1)
        diagnostics_add(d, place(s, "delimiter"), NULL,
                        "'delimiter' is one ASCII character or 'tab'");
    if (strcmp(spec->quote, "none") != 0 && strlen(spec->quote) != 1)
        diagnostics_add(d, place(s, "quote"), NULL, "'quote' is one ASCII character or 'none'");
    if (spec->records != NULL && spec->records[0] != '\0' && spec->records[0] != '/')
        diagnostics_add(d, place(s, "records"), "for example  records: /data/items",
                        "'records' is a JSON pointer, found '%s'", spec->records);
}

static void check_where(const struct stream_spec *s, struct diagnostics *d)
{
    const struct file_source_spec *spec = s->source_spec;
    where_check(s, &spec->where, d);
    if (spec->where.count > 0 && spec->subtotals.match != NULL)
        diagnostics_add(d, ynode_get(s->source_node, "where"),
                        "leave rows out by a  transform: - filter",
                        "'subtotals' are those of all rows, and 'where' reads fewer");
    if (spec->where.count > 0 && spec->trailer.sum.count > 0)
        diagnostics_add(d, ynode_get(s->source_node, "where"),
                        "leave rows out by a  transform: - filter",
                        "the total of 'trailer.sum' is that of all rows, and 'where' reads fewer");
}

static bool is_partitioned_by_file(const struct stream_spec *s)
{
    for (size_t i = 0; i < s->partition_by.count; i++) {
        int column = stream_column(s, s->partition_by.items[i]);
        if (column >= 0 && strcmp(s->columns[column].from, "$file") == 0)
            return true;
    }
    return false;
}

static void check_changed(const struct stream_spec *s, struct diagnostics *d)
{
    const struct file_source_spec *spec = s->source_spec;
    const struct ynode *node = ynode_get(s->source_node, "changed");
    if (node == NULL)
        return;
    if (s->target == &target_file)
        diagnostics_add(d, node, NULL, "'changed' needs a PostgreSQL target or an API");
    else if (s->mode == MODE_APPEND && spec->changed == CHANGED_RELOAD)
        diagnostics_add(d, node, "use  mode: merge  with a key, or  changed: refuse",
                        "to reload a file in mode 'append' would add its rows again");
    else if (spec->changed == CHANGED_RELOAD && s->mode == MODE_SCD2)
        diagnostics_add(d, node, "use  changed: refuse",
                        "to reload a file in mode 'scd2' would make history of its mistakes");
    else if (spec->changed == CHANGED_RELOAD && s->mode == MODE_DELETE_INSERT &&
             !is_partitioned_by_file(s))
        diagnostics_add(d, node, "add a column  { from: $file }  to 'partition_by'",
                        "to reload a file in mode 'delete_insert' its rows must be a partition");
}

void file_check(const struct pipeline *p, const struct stream_spec *s, struct diagnostics *d)
{
    (void)p;
    check_keys(s, d);
    check_patterns(s, d);
    check_column_names(s, d);
    check_dialect(s, d);
    check_header(s, d);
    check_places(s, d);
    check_changed(s, d);
    check_where(s, d);
    check_subtotals(s, d);
    if (s->incremental != NULL && s->source == &source_file)
        diagnostics_add(d, s->node, NULL, "'incremental' is for APIs and queries, not for files");
}
