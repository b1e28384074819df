#include "format/xlsx.h"
#include "core/datetime.h"
#include "format/encoding.h"
#include "format/library.h"
#include "format/vendor.h"
#include <stdlib.h>
#include <string.h>
#include <xlsxwriter.h>

#define DIGITS_EXACT 15
#define SCALE_MAX    15
#define DAY_FIRST    (-25508) /* 1900-03-01: before it Excel counts a day that never was */
/* "Created" is a fixed instant, so that equal sheets are equal files: 2000-01-01. */
#define CREATED_S 946684800

static struct {
    __typeof__(workbook_new_opt) *open;
    __typeof__(workbook_add_worksheet) *sheet;
    __typeof__(workbook_add_format) *format;
    __typeof__(workbook_set_properties) *properties;
    __typeof__(workbook_close) *close;
    __typeof__(lxw_workbook_free) *discard;
    __typeof__(format_set_num_format) *set_format;
    __typeof__(worksheet_write_string) *string;
    __typeof__(worksheet_write_number) *number;
    __typeof__(worksheet_write_boolean) *boolean;
    __typeof__(lxw_strerror) *error;
} lib;

static int load_library(struct error *err)
{
#define SYMBOL(function, member)                                                                   \
    {                                                                                              \
#function, (size_t)((char *)&lib.member - (char *)&lib)                                    \
    }
    static const char *const SONAMES[] = {"libxlsxwriter.so.4", "libxlsxwriter.so.5",
                                          "libxlsxwriter.so.6", NULL};
    const struct library_symbol symbols[] = {SYMBOL(workbook_new_opt, open),
                                             SYMBOL(workbook_add_worksheet, sheet),
                                             SYMBOL(workbook_add_format, format),
                                             SYMBOL(workbook_set_properties, properties),
                                             SYMBOL(workbook_close, close),
                                             SYMBOL(lxw_workbook_free, discard),
                                             SYMBOL(format_set_num_format, set_format),
                                             SYMBOL(worksheet_write_string, string),
                                             SYMBOL(worksheet_write_number, number),
                                             SYMBOL(worksheet_write_boolean, boolean),
                                             SYMBOL(lxw_strerror, error),
                                             {0}};
#undef SYMBOL
    const struct library l = {SONAMES, "libxlsxwriter4", symbols};
    return lib.open ? 0 : library_load(&l, &lib, err);
}

struct xlsx_writer {
    char *path;
    lxw_workbook *book;
    lxw_worksheet *sheet;
    lxw_format *by_scale[SCALE_MAX + 1]; /* made when first needed */
    lxw_format *date;
    struct strbuf text; /* of a cell, NUL-terminated */
};

static int check(const struct xlsx_writer *w, lxw_error code, struct error *err)
{
    return code == LXW_NO_ERROR
               ? 0
               : error_set(err, ERR_IO, "cannot write '%s': %s", w->path, lib.error(code));
}

/* Names of sheets: at most 31 characters, none of []:*?/\ ; an apostrophe not at the ends. */
static void sheet_name(const char *name, char ret[32])
{
    size_t n = utf8_cut(name, strlen(name), 31);
    memcpy(ret, name, n);
    ret[n] = '\0';
    for (char *c = ret; *c != '\0'; c++)
        if (strchr("[]:*?/\\'", *c))
            *c = '_';
}

int xlsx_open(const char *path, const char *sheet, struct xlsx_writer **ret, struct error *err)
{
    TRY(load_library(err));
    char name[32];
    const char *directory = getenv("TMPDIR");
    lxw_workbook_options options = {.constant_memory = 1, .use_zip64 = 1};
    lxw_doc_properties properties = {.created = CREATED_S};
    options.tmpdir = directory && *directory ? unconst(directory) : NULL;
    struct xlsx_writer *w = mem_alloc(sizeof(*w));
    w->path = mem_strdup(path);
    strbuf_init(&w->text, (size_t)4 * XLSX_TEXT_MAX + 1);
    sheet_name(sheet, name);
    w->book = lib.open(path, &options);
    w->sheet = w->book ? lib.sheet(w->book, name) : NULL;
    if (!w->sheet) {
        xlsx_discard(w);
        return error_set(err, ERR_IO, "cannot begin '%s': no temporary file can be made", path);
    }
    (void)lib.properties(w->book, &properties);
    *ret = w;
    return 0;
}

/* A character beyond the BMP is two units of UTF-16. */
bool xlsx_fits(struct span text)
{
    size_t units = 0;
    if (text.len <= XLSX_TEXT_MAX)
        return true;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        units += (c & 0xC0) != 0x80 ? (c >= 0xF0 ? 2 : 1) : 0;
    }
    return units <= XLSX_TEXT_MAX;
}

int xlsx_text(struct xlsx_writer *w, uint32_t row, uint16_t column, struct span text,
              struct error *err)
{
    strbuf_clear(&w->text);
    if (!strbuf_add(&w->text, text.ptr, text.len))
        return error_set(err, ERR_LIMIT, "a text of %zu bytes for '%s'", text.len, w->path);
    return check(w, lib.string(w->sheet, row, column, w->text.data, NULL), err);
}

/* Digits that count: without leading zeros. -1: not plain. */
static int digits_of(struct span text, int *ret_scale)
{
    int digits = 0, scale = -1;
    size_t i = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;
    if (i == text.len)
        return -1;
    for (; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '.' && scale < 0) {
            scale = 0;
        } else if (c >= '0' && c <= '9') {
            digits += digits > 0 || c != '0' ? 1 : 0;
            scale += scale >= 0 ? 1 : 0;
        } else {
            return -1;
        }
    }
    *ret_scale = scale < 0 ? 0 : scale;
    return digits;
}

static lxw_format *format_of(struct xlsx_writer *w, int scale)
{
    static const char TEXT[] = "0.000000000000000";
    if (w->by_scale[scale])
        return w->by_scale[scale];
    char format[sizeof(TEXT)];
    size_t n = scale == 0 ? 1 : (size_t)scale + 2;
    memcpy(format, TEXT, n);
    format[n] = '\0';
    w->by_scale[scale] = lib.format(w->book);
    lib.set_format(w->by_scale[scale], format);
    return w->by_scale[scale];
}

int xlsx_number(struct xlsx_writer *w, uint32_t row, uint16_t column, struct span text,
                struct error *err)
{
    int scale = 0;
    int digits = digits_of(text, &scale);
    if (digits < 0 || digits > DIGITS_EXACT || scale > SCALE_MAX)
        return xlsx_text(w, row, column, text, err);
    char plain[64];
    memcpy(plain, text.ptr, text.len); /* 15 digits, 15 zeros, a sign and a point at most */
    plain[text.len] = '\0';
    lxw_format *format = scale > 0 ? format_of(w, scale) : NULL;
    return check(w, lib.number(w->sheet, row, column, strtod(plain, NULL), format), err);
}

int xlsx_date(struct xlsx_writer *w, uint32_t row, uint16_t column, int32_t days, struct error *err)
{
    const int32_t serial_of_1970 = 25569;
    if (days < DAY_FIRST) {
        char text[11];
        date_print(days, text);
        return xlsx_text(w, row, column, span_of(text), err);
    }
    if (!w->date) {
        w->date = lib.format(w->book);
        lib.set_format(w->date, "yyyy-mm-dd");
    }
    return check(w, lib.number(w->sheet, row, column, days + serial_of_1970, w->date), err);
}

int xlsx_bool(struct xlsx_writer *w, uint32_t row, uint16_t column, bool value, struct error *err)
{
    return check(w, lib.boolean(w->sheet, row, column, value, NULL), err);
}

static void free_writer(struct xlsx_writer *w)
{
    strbuf_release(&w->text);
    free(w->path);
    free(w);
}

int xlsx_close(struct xlsx_writer *w, struct error *err)
{
    int code = check(w, lib.close(w->book), err);
    free_writer(w);
    return code;
}

void xlsx_discard(struct xlsx_writer *w)
{
    if (!w)
        return;
    if (w->book)
        lib.discard(w->book);
    free_writer(w);
}
