/* lib/core/message.h - the texts people read, in their language.
 *
 * The English text is the key: formats of errors, hints and summaries are looked up where they are
 * formatted, declared texts (help, headings) where they are shown, so that callers write plain
 * English. Catalogues are gettext's, made from lib/messages/LANGUAGE.po. Only the look-up knows the
 * language: the process stays in the locale "C", so that numbers, classes of characters and the
 * texts of libraries (which some code reads) are the same everywhere. What programs read (the API,
 * -o json, logs as JSON) asks for English.
 */
#ifndef DINER_CORE_MESSAGE_H
#define DINER_CORE_MESSAGE_H

#include <stdbool.h>

/* Once, at the start of a program. Reads LC_ALL, LC_MESSAGES, LANG and LANGUAGE as gettext does,
 * but the locale need not be installed, and LANGUAGE counts where no locale is set at all. "C" and
 * "POSIX" are English. Opens nothing: the catalogue is bound at the first look-up. */
void message_setup(void);

/* A constant that is shown through message_text elsewhere: for xgettext. */
#define MESSAGE(text) text

/* The text in the language of the process, or the text itself. Never NULL, lives on. */
const char *message_text(const char *text) __attribute__((format_arg(1), returns_nonnull));

/* The same for a word that is said differently elsewhere: "column" and "name". */
const char *message_text_of(const char *context, const char *text) __attribute__((returns_nonnull));

/* From here on in that language ("zh_CN", "en"), whatever the environment says: for documents that
 * are asked for in one. Before threads are started. */
void message_set_language(const char *language);

/* true: English from here on, whatever the environment says. Returns what was before. */
bool message_in_english(bool english);

#endif
