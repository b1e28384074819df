/* lib/core/message.c - gettext's catalogue beside the program, asked in a locale of its own. */
#include "core/message.h"
#include <libintl.h>
#include <locale.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef DINER_PREFIX
#define DINER_PREFIX "/usr/local"
#endif
#define DOMAIN     "diner"
#define PATH_BYTES 4096

static bool is_foreign;        /* the environment asks for a language that is not English */
static atomic_bool is_english; /* the program does */
static locale_t messages_locale;
static pthread_once_t bound = PTHREAD_ONCE_INIT;

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

/* "C", "C.UTF-8" and "POSIX" name no language. */
static bool is_neutral(const char *locale)
{
    return (locale[0] == 'C' && (locale[1] == '\0' || locale[1] == '.')) ||
           strcmp(locale, "POSIX") == 0;
}

static bool is_english_name(const char *name)
{
    return strncmp(name, "en", 2) == 0 && (name[2] == '\0' || strchr("_.@:", name[2]) != NULL);
}

void message_setup(void)
{
    const char *locale = variable("LC_ALL"), *language = variable("LANGUAGE");
    if (locale == NULL) {
        locale = variable("LC_MESSAGES");
    }
    if (locale == NULL) {
        locale = variable("LANG");
    }
    is_foreign = false;
    if (locale != NULL && (strcmp(locale, "C") == 0 || strcmp(locale, "POSIX") == 0)) {
        return;
    }
    if (language == NULL) {
        language = locale;
    }
    if (language == NULL || is_neutral(language) || is_english_name(language)) {
        return;
    }
    /* gettext reads the language from there, whatever the locale it is asked in. */
    is_foreign = setenv("LANGUAGE", language, 1) == 0;
}

void message_set_language(const char *language)
{
    is_foreign = !is_english_name(language) && setenv("LANGUAGE", language, 1) == 0;
    /* gettext keeps what it found for the language before, until something changes that it knows.
     */
    (void)textdomain(DOMAIN);
}

/* build/diner has build/locale beside it, PREFIX/bin/diner has PREFIX/share/locale. */
static const char *catalogue_directory(char path[static PATH_BYTES])
{
    static const char *const places[] = {"locale", "../share/locale"};
    char program[PATH_BYTES];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program);
    const char *slash = n > 0 ? memrchr(program, '/', (size_t)n) : NULL;
    for (size_t i = 0; slash != NULL && i < sizeof places / sizeof *places; i++) {
        int len = snprintf(path, PATH_BYTES, "%.*s/%s", (int)(slash - program), program, places[i]);
        if (len < PATH_BYTES && access(path, R_OK) == 0) {
            return path;
        }
    }
    return DINER_PREFIX "/share/locale";
}

/* A catalogue that is not there answers each text with itself. */
static void bind_catalogue(void)
{
    char path[PATH_BYTES];
    /* Any locale but "C" translates; this one is part of the C library. */
    messages_locale = newlocale(LC_MESSAGES_MASK | LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (messages_locale != (locale_t)0) {
        (void)bindtextdomain(DOMAIN, catalogue_directory(path));
        (void)bind_textdomain_codeset(DOMAIN, "UTF-8");
    }
}

static const char *look_up(const char *text)
{
    (void)pthread_once(&bound, bind_catalogue);
    if (messages_locale == (locale_t)0) {
        return text;
    }
    locale_t before = uselocale(messages_locale);
    const char *found = dgettext(DOMAIN, text);
    (void)uselocale(before);
    return found;
}

const char *message_text(const char *text)
{
    /* The empty text is the key of the catalogue's own header. */
    return !is_foreign || is_english || *text == '\0' ? text : look_up(text);
}

const char *message_text_of(const char *context, const char *text)
{
    char key[128]; /* as msgfmt writes it: context, EOT, text */
    if (!is_foreign || is_english ||
        snprintf(key, sizeof key, "%s\004%s", context, text) >= (int)sizeof key) {
        return text;
    }
    const char *found = look_up(key);
    return found == key ? text : found;
}

bool message_in_english(bool english)
{
    return atomic_exchange(&is_english, english);
}
