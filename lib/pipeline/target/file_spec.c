/* The keys of a file target, and what lint says of them. */
#include "pipeline/target/file_target.h"

#include <string.h>

#define AT(member) offsetof(struct file_target_spec, member)
static const char *const formats[] = {"csv", "jsonl", "xlsx", NULL};
static const char *const compressions[] = {"none", "gzip", NULL};
static const char *const checksums[] = {"none", "sha256", NULL};

static const struct field split_fields[] = {
    {"rows", FIELD_INT, offsetof(struct split_spec, rows), "at most this many rows a file",
     .min = 1, .max = INT64_MAX},
    {"bytes", FIELD_SIZE, offsetof(struct split_spec, bytes),
     "at most this much text a file, before it is packed", .min = 1, .max = INT64_MAX},
    {"by", FIELD_STRINGS, offsetof(struct split_spec, by),
     "one file for each value of these columns"},
    {0}};
static const struct field_set split_set = {.name = "split",
                                           .help = "Several files instead of one",
                                           .struct_size = sizeof(struct split_spec),
                                           .fields = split_fields};

static const struct field file_fields[] = {
    {"file", FIELD_STRING, AT(file),
     "path; relative ones are under the setting output_dir; of a split with ${split.part} or "
     "${split.COLUMN}",
     .flags = FIELD_REQUIRED | FIELD_LATE, .complete = "file"},
    {"format", FIELD_CHOICE, AT(format), "csv, jsonl or xlsx", .def = "csv", .choices = formats},
    {"compress", FIELD_CHOICE, AT(compress), "pack the file: gzip", .def = "none",
     .choices = compressions},
    {"checksum", FIELD_CHOICE, AT(checksum),
     "sha256: NAME.sha256 beside the file, as sha256sum writes it, put into place last: who sees "
     "it sees all files whole",
     .def = "none", .choices = checksums},
    {"split", FIELD_OBJECT, AT(split), "several files instead of one", .sub = &split_set},
    {"encoding", FIELD_STRING, AT(encoding),
     "UTF-8, GB18030 or a name iconv knows; characters it lacks fail the stream and are listed",
     .def = "UTF-8"},
    {"delimiter", FIELD_STRING, AT(delimiter), "one ASCII character, or tab", .def = ","},
    {"null", FIELD_STRING, AT(null_text), "what null is written as", .def = ""},
    {"bom", FIELD_BOOL, AT(bom), "begin with a byte order mark (Excel, FineBI)"},
    {"crlf", FIELD_BOOL, AT(crlf), "end lines with CR LF"},
    {"quote_all", FIELD_BOOL, AT(quote_all), "quote every field"},
    {"formula_guard", FIELD_BOOL, AT(formula_guard),
     "put an apostrophe before text that a spreadsheet would run", .def = "true"},
    {"header", FIELD_BOOL, AT(header), "first line has the column names", .def = "true"},
    {0}};
const struct field_set file_target_set = {.name = "file target",
                                          .help = "Rows into files that appear whole",
                                          .struct_size = sizeof(struct file_target_spec),
                                          .fields = file_fields};

bool file_target_is_split(const struct file_target_spec *spec)
{
    return spec->split.rows > 0 || spec->split.bytes > 0 || spec->split.by.count > 0;
}

static const struct ynode *place(const struct stream_spec *s, const char *key)
{
    const struct ynode *node = ynode_get(s->target_node, key);
    return node != NULL ? node : s->target_node;
}

/* A key that the format does not look at would be believed to work. */
static void check_keys(const struct stream_spec *s, struct diagnostics *d)
{
    enum { CSV = 1 << TARGET_CSV, JSONL = 1 << TARGET_JSONL, XLSX = 1 << TARGET_XLSX };
    static const struct {
        const char *key;
        unsigned formats;
    } KEYS[] = {{"delimiter", CSV},        {"null", CSV},        {"quote_all", CSV},
                {"formula_guard", CSV},    {"crlf", CSV},        {"header", CSV | XLSX},
                {"encoding", CSV | JSONL}, {"bom", CSV | JSONL}, {"compress", CSV | JSONL}};
    const struct file_target_spec *spec = s->target_spec;
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        const struct ynode *node = ynode_get(s->target_node, KEYS[i].key);
        if (node != NULL && (KEYS[i].formats & 1U << spec->format) == 0)
            diagnostics_add(d, node, NULL, "'%s' means nothing to the format %s", KEYS[i].key,
                            formats[spec->format]);
    }
}

static bool has_name(const char *file, const char *name)
{
    const char *at = strstr(file, "${split.");
    for (; at != NULL; at = strstr(at + 1, "${split.")) {
        const char *text = at + strlen("${split.");
        if (strncmp(text, name, strlen(name)) == 0 && text[strlen(name)] == '}')
            return true;
    }
    return false;
}

static void check_split(const struct stream_spec *s, struct diagnostics *d)
{
    const struct file_target_spec *spec = s->target_spec;
    const struct split_spec *split = &spec->split;
    int ways = (split->rows > 0) + (split->bytes > 0) + (split->by.count > 0);
    if (ynode_get(s->target_node, "split") != NULL && ways != 1)
        diagnostics_add(d, place(s, "split"), NULL,
                        "files are split by one of 'rows', 'bytes' and 'by'");
    if ((split->rows > 0 || split->bytes > 0) && !has_name(spec->file, "part"))
        diagnostics_add(d, place(s, "file"), "for example  file: \"sales_${split.part}.csv\"",
                        "the parts of a split would all have this name");
    for (size_t i = 0; i < split->by.count; i++) {
        const char *column = split->by.items[i];
        if (s->columns_node != NULL && stream_column(s, column) < 0)
            diagnostics_add(d, place(s, "split"), NULL, "split: '%s' is not a column of the stream",
                            column);
        else if (!has_name(spec->file, column))
            diagnostics_add(d, place(s, "file"), NULL,
                            "the parts of a split by '%s' would have one name: add ${split.%s}",
                            column, column);
    }
    const char *slash = strrchr(spec->file, '/'), *name = strstr(spec->file, "${split.");
    if (spec->checksum && name != NULL && slash != NULL && name < slash)
        diagnostics_add(d, place(s, "checksum"), NULL,
                        "with a checksum, the parts of a split are in one directory");
}

static void check_name_of_packed(const struct stream_spec *s, struct diagnostics *d)
{
    const struct file_target_spec *spec = s->target_spec;
    size_t n = strlen(spec->file);
    bool says_packed = n > 3 && strcmp(spec->file + n - 3, ".gz") == 0;
    if (says_packed && spec->compress == COMPRESS_NONE)
        diagnostics_add(d, place(s, "file"), "add  compress: gzip",
                        "'%s' would be no gzip file, as its name says", spec->file);
}

void file_target_check(const struct pipeline *p, const struct stream_spec *s, struct diagnostics *d)
{
    const struct file_target_spec *spec = s->target_spec;
    struct error err = ERROR_INIT;
    struct encoding encoding;
    (void)p;
    if (encoding_named(spec->encoding, &encoding, &err) != 0)
        diagnostics_add(d, place(s, "encoding"), NULL, "%s", err.message);
    if (strcmp(spec->delimiter, "tab") != 0 && strlen(spec->delimiter) != 1)
        diagnostics_add(d, place(s, "delimiter"), NULL,
                        "'delimiter' is one ASCII character or 'tab'");
    if (s->mode != MODE_APPEND)
        diagnostics_add(d, ynode_get(s->node, "mode"), NULL,
                        "a file target is written anew by each run: leave 'mode' out");
    check_keys(s, d);
    if (spec->file != NULL) { /* else told already */
        check_split(s, d);
        check_name_of_packed(s, d);
    }
}
