/* lib/format/xlsx.h - one sheet of an xlsx workbook, row by row in constant memory, by
 * libxlsxwriter, which is loaded when the first workbook is begun.
 *
 * The numbers of a spreadsheet are doubles: what has more than 15 digits is written as text, so
 * that no digit of an identifier or amount is lost. The same cells give the same file. */
#ifndef DINER_FORMAT_XLSX_H
#define DINER_FORMAT_XLSX_H

#include "core/error.h"
#include "core/mem.h"
#include <stdbool.h>
#include <stdint.h>

#define XLSX_ROWS_MAX    1048576
#define XLSX_COLUMNS_MAX 16384
#define XLSX_TEXT_MAX    32767 /* UTF-16 units of a cell */

struct xlsx_writer;
/* Writes to path, which is made anew by xlsx_close. Temporary files go to TMPDIR. */
int xlsx_open(const char *path, const char *sheet, struct xlsx_writer **ret, struct error *err);
/* False when a cell cannot hold the text. */
bool xlsx_fits(struct span text);
/* Cells in the order of rows, from 0. ERR_IO when a temporary file cannot be written. */
int xlsx_text(struct xlsx_writer *w, uint32_t row, uint16_t column, struct span text,
              struct error *err);
/* Plain decimal digits, "-12.30"; with a fraction it is shown with as many digits. */
int xlsx_number(struct xlsx_writer *w, uint32_t row, uint16_t column, struct span text,
                struct error *err);
/* Civil days since 1970-01-01. Before March 1900: as text. */
int xlsx_date(struct xlsx_writer *w, uint32_t row, uint16_t column, int32_t days,
              struct error *err);
int xlsx_bool(struct xlsx_writer *w, uint32_t row, uint16_t column, bool value, struct error *err);
int xlsx_close(struct xlsx_writer *w, struct error *err); /* frees, on failure too */
void xlsx_discard(struct xlsx_writer *w);                 /* NULL-safe */

#endif
