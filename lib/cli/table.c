#include "cli/table.h"
#include "cli/internal.h"
#include "core/decimal.h"
#include "core/message.h"
#include "format/csvio.h"
#include "format/jsonx.h"
#include <ctype.h>
#include <errno.h>

#define COLUMNS_MAX    128
#define HELD_BYTES_MAX ((size_t)4 << 20)

/* How the lines of a table are laid out. */
struct layout {
    size_t widths[COLUMNS_MAX], last;
    bool shown[COLUMNS_MAX];
};

struct table {
    struct cli *cli;
    const struct table_column *columns;
    size_t ncolumns;
    const char *currency;
    size_t rows;
    /* Tables keep cells made safe, row after row; JSON keeps rows as text. What is more than is
     * kept is written, and all that comes after it at once. */
    const char **held;
    size_t nheld, capacity, held_bytes;
    bool is_flowing;
    struct layout layout; /* since it flows */
    struct error bad;     /* the first value that is not what its column says */
};

static void csv_header(const struct table *t);

struct table *table_new(struct cli *cli, const struct table_column *columns)
{
    struct table *t = arena_alloc(cli->arena, sizeof(*t));

    t->cli = cli;
    t->columns = columns;
    while (columns[t->ncolumns].key && t->ncolumns < COLUMNS_MAX)
        t->ncolumns++;
    t->currency = cli->config ? config_settings(cli->config)->currency : "CNY";
    if (cli->output == CLI_OUTPUT_CSV)
        csv_header(t);
    return t;
}

size_t table_rows(const struct table *t)
{
    return t->rows;
}

static void hold(struct table *t, const char *text)
{
    if (t->nheld == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 64;
        const char **items = arena_array(t->cli->arena, capacity, sizeof(*items));
        if (t->nheld > 0)
            memcpy(items, t->held, t->nheld * sizeof(*items));
        t->held = items;
        t->capacity = capacity;
    }
    t->held[t->nheld++] = text;
    t->held_bytes += strlen(text) + 1 + sizeof text;
}

static bool is_number_kind(enum table_kind kind)
{
    return kind == TABLE_INT || kind == TABLE_DECIMAL || kind == TABLE_MONEY;
}

static void bad_value(struct table *t, const struct table_column *column, const char *value)
{
    if (t->bad.code == ERR_OK)
        error_set(&t->bad, ERR_BUG, "column '%s' cannot show '%s'", column->key, value);
}

/* "t", "true" and so on to 1, 0; -1 for anything else. */
static int truth(const char *value)
{
    if (strcmp(value, "t") == 0 || strcmp(value, "true") == 0)
        return 1;
    return strcmp(value, "f") == 0 || strcmp(value, "false") == 0 ? 0 : -1;
}

/* ---- JSON and JSON Lines ----------------------------------------------------------------- */

static bool is_json_integer(const char *s)
{
    s += *s == '-';
    if (!isdigit((unsigned char)*s) || (*s == '0' && s[1]))
        return false;
    while (isdigit((unsigned char)*s))
        s++;
    return *s == '\0';
}

static void json_money(struct table *t, const struct table_column *column, const char *value,
                       struct jwriter *w)
{
    struct money money;

    if (!money_parse(value, strlen(value), t->currency, &money)) {
        bad_value(t, column, value);
        jwriter_null(w);
        return;
    }
    jwriter_object(w);
    jwriter_kint(w, "amount_minor", money.amount_minor);
    jwriter_kstring(w, "currency", t->currency);
    jwriter_end(w);
}

/* JSON text on one line: its line ends can only stand between tokens. */
static void json_raw(struct table *t, const char *value, struct jwriter *w)
{
    char *line = arena_strdup(t->cli->arena, value);

    for (char *p = line + strcspn(line, "\r\n"); *p; p += strcspn(p, "\r\n"))
        *p = ' ';
    jwriter_raw(w, span_of(line));
}

static void json_value(struct table *t, const struct table_column *column, const char *value,
                       struct jwriter *w)
{
    if (!value) {
        jwriter_null(w);
        return;
    }
    switch (column->kind) {
    case TABLE_INT:
        if (is_json_integer(value)) {
            jwriter_raw(w, span_of(value));
            return;
        }
        break;
    case TABLE_MONEY: json_money(t, column, value, w); return;
    case TABLE_BOOL:
        if (truth(value) >= 0) {
            jwriter_bool(w, truth(value) == 1);
            return;
        }
        break;
    case TABLE_JSON: json_raw(t, value, w); return;
    case TABLE_TEXT:
    case TABLE_DECIMAL:
    case TABLE_TIME: jwriter_span(w, span_of(value)); return;
    }
    bad_value(t, column, value);
    jwriter_null(w);
}

static void json_row(struct table *t, const char *const *values, struct strbuf *out)
{
    struct jwriter w;

    jwriter_init(&w, out);
    jwriter_object(&w);
    for (size_t i = 0; i < t->ncolumns; i++) {
        jwriter_key(&w, t->columns[i].key);
        json_value(t, &t->columns[i], values[i], &w);
    }
    jwriter_end(&w);
}

static void json_item(const struct table *t, const char *row, bool is_first)
{
    (void)fputs(is_first ? "[\n  " : ",\n  ", t->cli->out);
    (void)fputs(row, t->cli->out);
}

static void json_held(const struct table *t)
{
    for (size_t i = 0; i < t->nheld; i++)
        json_item(t, t->held[i], i == 0);
}

static void json_end(const struct table *t)
{
    if (!t->is_flowing)
        json_held(t);
    (void)fputs(t->rows ? "\n]\n" : "[]\n", t->cli->out);
}

/* ---- CSV --------------------------------------------------------------------------------- */

static const struct csvio_style csv_style = {.formula_guard = true};

static void csv_header(const struct table *t)
{
    AUTO_STRBUF struct strbuf line = {0};

    strbuf_init(&line, 0);
    for (size_t i = 0; i < t->ncolumns; i++)
        csvio_write_field(&line, &csv_style, span_of(t->columns[i].key), false, i == 0);
    csvio_write_end(&line, &csv_style);
    (void)fwrite(line.data, 1, line.len, t->cli->out);
}

static void csv_row(struct table *t, const char *const *values, struct strbuf *line)
{
    for (size_t i = 0; i < t->ncolumns; i++) {
        const char *value = values[i];
        if (value && t->columns[i].kind == TABLE_BOOL && truth(value) >= 0)
            value = truth(value) ? "true" : "false";
        csvio_write_field(line, &csv_style, span_of(value), is_number_kind(t->columns[i].kind),
                          i == 0);
    }
    csvio_write_end(line, &csv_style);
}

/* ---- tables ------------------------------------------------------------------------------ */

static const char *text_cell(struct table *t, size_t column, const char *value, struct strbuf *out)
{
    const struct table_column *c = &t->columns[column];

    if (value && c->kind == TABLE_BOOL && truth(value) >= 0)
        value = truth(value) ? message_text("yes") : message_text("no");
    else if (value && c->is_words)
        value = message_text(value);
    strbuf_clear(out);
    if (value)
        cli_add_safe(out, value, strlen(value), false);
    else
        strbuf_addch(out, '-');
    return out->data;
}

static void text_row(struct table *t, const char *const *values)
{
    AUTO_STRBUF struct strbuf cell = {0};

    strbuf_init(&cell, 0);
    for (size_t i = 0; i < t->ncolumns; i++)
        hold(t, arena_strdup(t->cli->arena, text_cell(t, i, values[i], &cell)));
}

static bool says_nothing(const char *cell)
{
    return cell[0] == '\0' || strcmp(cell, "-") == 0 || strcmp(cell, "0") == 0;
}

/* What a column says later nobody knows while it flows. */
static void choose_columns(const struct table *t, struct layout *l)
{
    for (size_t i = 0; i < t->ncolumns; i++) {
        l->shown[i] = !t->columns[i].is_quiet || t->is_flowing;
        for (size_t at = i; at < t->nheld && !l->shown[i]; at += t->ncolumns)
            l->shown[i] = !says_nothing(t->held[at]);
        if (l->shown[i])
            l->last = i;
    }
}

static void add_cell(const struct table *t, const struct layout *l, size_t column, const char *cell,
                     bool is_first, struct strbuf *line)
{
    size_t width = display_width(cell, strlen(cell));
    size_t pad = l->widths[column] > width ? l->widths[column] - width : 0;
    bool right = is_number_kind(t->columns[column].kind);

    if (!is_first)
        strbuf_adds(line, "  ");
    if (right)
        cli_pad(line, pad);
    strbuf_adds(line, cell);
    if (!right && column < l->last) /* no blanks at the end of a line */
        cli_pad(line, pad);
}

static void text_line(const struct table *t, const char *const *cells, const struct layout *l,
                      struct strbuf *line)
{
    size_t start = line->len;

    for (size_t i = 0; i < t->ncolumns; i++) {
        if (l->shown[i])
            add_cell(t, l, i, cells[i], line->len == start, line);
    }
}

/* The key in the reader's words, or in upper case. */
static const char *heading(const struct table *t, const char *key)
{
    const char *words = message_text_of("column", key);

    if (words != key)
        return words;
    char *name = arena_strdup(t->cli->arena, key);
    for (char *p = name; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    return name;
}

static void measure(const struct table *t, const char *const *headings, struct layout *l)
{
    choose_columns(t, l);
    for (size_t i = 0; i < t->ncolumns; i++)
        l->widths[i] = display_width(headings[i], strlen(headings[i]));
    for (size_t i = 0, column = 0; i < t->nheld; i++, column++) {
        size_t width = display_width(t->held[i], strlen(t->held[i]));
        if (column == t->ncolumns)
            column = 0;
        if (width > l->widths[column])
            l->widths[column] = width;
    }
}

static void text_held(const struct table *t, struct layout *l)
{
    AUTO_STRBUF struct strbuf line = {0};
    const char *headings[COLUMNS_MAX];

    for (size_t i = 0; i < t->ncolumns; i++)
        headings[i] = heading(t, t->columns[i].key);
    measure(t, headings, l);
    strbuf_init(&line, 0);
    strbuf_adds(&line, t->cli->color ? "\033[1m" : "");
    text_line(t, headings, l, &line);
    strbuf_adds(&line, t->cli->color ? "\033[0m\n" : "\n");
    (void)fwrite(line.data, 1, line.len, t->cli->out);
    for (size_t i = 0; i < t->nheld; i += t->ncolumns) {
        strbuf_clear(&line);
        text_line(t, t->held + i, l, &line);
        strbuf_addch(&line, '\n');
        (void)fwrite(line.data, 1, line.len, t->cli->out);
    }
}

static void text_write(struct table *t, const char *const *values)
{
    AUTO_STRBUF struct strbuf line = {0}, cell = {0};
    bool is_first = true;

    strbuf_init(&line, 0);
    strbuf_init(&cell, 0);
    for (size_t i = 0; i < t->ncolumns; i++) {
        if (!t->layout.shown[i])
            continue;
        add_cell(t, &t->layout, i, text_cell(t, i, values[i], &cell), is_first, &line);
        is_first = false;
    }
    strbuf_addch(&line, '\n');
    (void)fwrite(line.data, 1, line.len, t->cli->out);
}

/* ---- all forms --------------------------------------------------------------------------- */

static void keep_row(struct table *t, const char *const *values, struct strbuf *json)
{
    bool is_json = t->cli->output == CLI_OUTPUT_JSON;

    if (is_json)
        hold(t, arena_strndup(t->cli->arena, json->data, json->len));
    else
        text_row(t, values);
    if (t->held_bytes < HELD_BYTES_MAX)
        return;
    t->is_flowing = true;
    if (is_json)
        json_held(t);
    else
        text_held(t, &t->layout);
}

static void write_row(struct table *t, const char *const *values, struct strbuf *json)
{
    if (t->cli->output == CLI_OUTPUT_JSON)
        json_item(t, json->data, false);
    else
        text_write(t, values);
}

static void stream_row(struct table *t, const char *const *values, struct strbuf *line)
{
    if (t->cli->output == CLI_OUTPUT_CSV) {
        csv_row(t, values, line);
    } else {
        json_row(t, values, line);
        strbuf_addch(line, '\n');
    }
    (void)fwrite(line->data, 1, line->len, t->cli->out);
}

void table_row(struct table *t, const char *const *values)
{
    AUTO_STRBUF struct strbuf line = {0};

    t->rows++;
    strbuf_init(&line, 0);
    if (t->cli->output == CLI_OUTPUT_CSV || t->cli->output == CLI_OUTPUT_JSONL) {
        stream_row(t, values, &line);
        return;
    }
    if (t->cli->output == CLI_OUTPUT_JSON)
        json_row(t, values, &line);
    if (t->is_flowing)
        write_row(t, values, &line);
    else
        keep_row(t, values, &line);
}

/* What is left of it; a list that flows is ended whatever came of it. */
static void render(struct table *t, const char *empty)
{
    struct layout layout = {0};
    bool is_table = t->cli->output == CLI_OUTPUT_TABLE;
    bool is_good = t->bad.code == ERR_OK;

    if (t->cli->output == CLI_OUTPUT_JSON && (is_good || t->is_flowing))
        json_end(t);
    else if (is_table && is_good && t->rows > 0 && !t->is_flowing)
        text_held(t, &layout);
    else if (is_table && is_good && t->rows == 0 && empty && t->cli->is_terminal && !t->cli->quiet)
        (void)fprintf(t->cli->err, "%s\n", message_text(empty));
}

int table_end(struct table *t, const char *empty, struct error *err)
{
    render(t, empty);
    if (t->bad.code != ERR_OK) {
        *err = t->bad;
        return (int)t->bad.code;
    }
    if (fflush(t->cli->out) != 0)
        return error_set_errno(err, ERR_IO, errno, "cannot write the output");
    if (ferror(t->cli->out))
        return error_set(err, ERR_IO, "cannot write the output");
    return 0;
}
