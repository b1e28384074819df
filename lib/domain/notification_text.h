/* lib/domain/notification_text.h - the words of a message: templates, escaping, byte limits.
 *
 * A template is text with {name}; its first line is the title. Names are members of the payload,
 * and key, type, id, store_name, local_time, created_at, items (a line each). What is put in is
 * people's input: it is escaped for where it goes, and stays on its line. A line all of whose names
 * are empty is left out. Pure. */
#ifndef DINER_DOMAIN_NOTIFICATION_TEXT_H
#define DINER_DOMAIN_NOTIFICATION_TEXT_H

#include "core/strbuf.h"
#include "domain/notification.h"

enum notification_escape {
    NOTIFICATION_PLAIN,
    NOTIFICATION_MARKDOWN, /* backslashes; < > & as HTML has them */
    NOTIFICATION_HTML,     /* & < > as entities: also what Slack asks for */
    NOTIFICATION_WIDE,     /* < > as ＜ ＞: where entities are not known, a tag would be obeyed */
};
/* The template of the type: of the settings, else our own. */
const char *notification_template(const struct field_string_map *templates, const char *type);
/* ERR_DATA when the payload is no JSON. */
int notification_render(const char *text, const struct notification_message *m,
                        enum notification_escape escape, struct strbuf *out, struct error *err);
/* At most max_bytes, ending in … when something was cut; no character, entity or escape is. */
void notification_text_cut(struct strbuf *text, size_t max_bytes);
/* For texts about failures: long numbers and mail addresses masked, secrets out. */
void notification_scrub(const char *text, struct strbuf *out);

#endif
