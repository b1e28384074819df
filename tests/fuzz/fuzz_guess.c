/* A file of any bytes: it is refused, or what is guessed from it is a sound pipeline that reads it
 * (draft_verify of the guess itself makes sure, and says ERR_BUG when it is none). */
#include "pipeline/guess/guess.h"
#include "pipeline/spec.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct config *config;
static char directory[64], paths[3][96];

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void remove_files(void)
{
    (void)unlink(paths[0]);
    (void)unlink(paths[1]);
    (void)unlink(paths[2]);
    (void)rmdir(directory);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libFuzzer's signature */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct error err = ERROR_INIT;
    (void)argc;
    (void)argv;
    snprintf(directory, sizeof directory, "/dev/shm/diner-fuzz-XXXXXX");
    require(mkdtemp(directory) != NULL);
    snprintf(paths[0], sizeof paths[0], "%s/in.csv", directory);
    snprintf(paths[1], sizeof paths[1], "%s/in.jsonl", directory);
    snprintf(paths[2], sizeof paths[2], "%s/in.json", directory);
    require(config_load("/dev/null", &config, &err) == 0);
    return atexit(remove_files);
}

/* The first byte says which format and how many rows are looked at. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;
    if (size == 0)
        return 0;
    const char *path = paths[(data[0] & 4) != 0 ? 2 : data[0] & 1];
    struct guess_options options = {.rows_max = (data[0] & 2) != 0 ? 2 : 1000000, .config = config};
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(fd >= 0 && write(fd, data + 1, size - 1) == (ssize_t)size - 1);
    close(fd);
    strbuf_init(&out, 8 << 20);
    int code = guess_file(path, &options, &out, &err);
    require(code != ERR_BUG && (code != 0 || out.len > 0));
    return 0;
}
