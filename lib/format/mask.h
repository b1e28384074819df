/* lib/format/mask.h - personal data shown in part: names, phones, numbers of documents and cards.
 * Works on code points. The forms are those that Chinese systems commonly show (Hutool's
 * DesensitizedUtil has the same). */
#ifndef DINER_FORMAT_MASK_H
#define DINER_FORMAT_MASK_H

#include "core/mem.h"
#include "core/strbuf.h"

enum mask_kind {
    MASK_NONE,
    MASK_NAME,      /* first character kept: 段** */
    MASK_CN_PHONE,  /* 3 and 4: 180****1999 */
    MASK_LANDLINE,  /* 4 and 2: 0915*****79 */
    MASK_CN_ID,     /* 1 and 2: 5***************1X */
    MASK_ADDRESS,   /* the last 8 hidden */
    MASK_EMAIL,     /* first character and domain: d*************@gmail.com */
    MASK_BANK_CARD, /* 1101 **** **** **** 3256 */
    MASK_PLATE,     /* 苏D4***0 */
    MASK_ALL,       /* **** whatever the length */
};
extern const char *const mask_names[]; /* NULL-terminated, in the order of the enum */

/* Appends the text masked. What is too short to hide anything in is hidden whole. */
void mask_text(enum mask_kind kind, struct span text, struct strbuf *out);

#endif
