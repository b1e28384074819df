/* Whole reads, atomic outputs, directories. */
#include "core/fileio.h"
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/diner-fileio-XXXXXX";

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int group_setup(void **state)
{
    (void)state;
    return mkdtemp(root) != NULL && chdir(root) == 0 ? 0 : -1;
}

static int group_teardown(void **state)
{
    (void)state;
    return chdir("/") == 0 ? nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS) : -1;
}

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void assert_content(const char *path, const char *expected)
{
    struct strbuf sb;
    struct error err = ERROR_INIT;
    strbuf_init(&sb, 0);
    assert_int_equal(file_read(path, 1 << 20, &sb, &err), 0);
    assert_string_equal(sb.data, expected);
    strbuf_release(&sb);
}

static int entries_in(const char *path)
{
    int count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        count += d->d_name[0] != '.' || strlen(d->d_name) > 2;
    }
    closedir(dir);
    return count;
}

static void test_read_appends_up_to_the_limit(void **state)
{
    (void)state;
    put("five", "12345");
    struct strbuf sb;
    struct error err = ERROR_INIT;
    strbuf_init(&sb, 0);
    strbuf_adds(&sb, ">");
    assert_int_equal(file_read("five", 5, &sb, &err), 0);
    assert_string_equal(sb.data, ">12345");
    assert_int_equal(file_read("five", 4, &sb, &err), ERR_LIMIT);
    assert_string_equal(sb.data, ">12345"); /* untouched on failure */
    struct strbuf narrow;
    strbuf_init(&narrow, 3);
    assert_int_equal(file_read("five", 100, &narrow, &err), ERR_LIMIT);
    assert_false(narrow.overflow);
    strbuf_release(&narrow);
    strbuf_release(&sb);
}

static void test_read_failures(void **state)
{
    (void)state;
    struct strbuf sb;
    struct error err = ERROR_INIT;
    strbuf_init(&sb, 0);
    assert_int_equal(file_read("absent", 10, &sb, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "'absent'"));
    assert_int_equal(file_read(".", 10, &sb, &err), ERR_IO);
    assert_non_null(strstr(err.message, "directory"));
    strbuf_release(&sb);
}

static void test_read_standard_input(void **state)
{
    (void)state;
    put("input", "from stdin");
    int saved = dup(STDIN_FILENO);
    int fd = open("input", O_RDONLY);
    dup2(fd, STDIN_FILENO);
    close(fd);
    assert_content("-", "from stdin");
    if (saved >= 0) {
        dup2(saved, STDIN_FILENO);
        close(saved);
    }
}

static void test_output_appears_on_commit_only(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct atomic_file *f = NULL;
    mkdir("out", 0755);
    put("out/report.csv", "old");
    assert_int_equal(atomic_file_open("out/report.csv", &f, &err), 0);
    char *large = calloc(1, 200001);
    memset(large, 'x', 200000);
    assert_int_equal(atomic_file_write(f, "new,", 4, &err), 0);
    assert_int_equal(atomic_file_write(f, large, 200000, &err), 0);
    assert_int_equal(atomic_file_write(f, ",end", 4, &err), 0);
    assert_content("out/report.csv", "old");
    assert_int_equal(atomic_file_commit(f, &err), 0);
    struct strbuf sb;
    strbuf_init(&sb, 0);
    assert_int_equal(file_read("out/report.csv", 1 << 20, &sb, &err), 0);
    assert_int_equal(sb.len, 200008);
    assert_memory_equal(sb.data, "new,xxx", 7);
    assert_memory_equal(sb.data + 200001, "xxx,end", 7);
    strbuf_release(&sb);
    free(large);
    assert_int_equal(entries_in("out"), 1);
}

static void test_discard_leaves_nothing(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct atomic_file *f = NULL;
    mkdir("discard", 0755);
    assert_int_equal(atomic_file_open("discard/a.csv", &f, &err), 0);
    assert_int_equal(atomic_file_write(f, "half", 4, &err), 0);
    atomic_file_discard(f);
    atomic_file_discard(NULL);
    assert_int_equal(entries_in("discard"), 0);
}

static void test_mode_and_link_are_kept(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct atomic_file *f = NULL;
    struct stat st;
    put("private", "old");
    chmod("private", 0640);
    assert_int_equal(symlink("private", "link"), 0);
    assert_int_equal(atomic_file_open("link", &f, &err), 0);
    assert_int_equal(atomic_file_write(f, "new", 3, &err), 0);
    assert_int_equal(atomic_file_commit(f, &err), 0);
    assert_content("private", "new");
    assert_int_equal(lstat("link", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat("private", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
}

/* Writes half an output in another process and waits to be killed. */
static pid_t start_writer(const char *path)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct error err = ERROR_INIT;
        struct atomic_file *f = NULL;
        if (atomic_file_open(path, &f, &err) == 0 && write(ready[1], "r", 1) == 1) {
            pause();
        }
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void test_leftovers_of_the_dead_go_those_of_the_living_stay(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct atomic_file *f = NULL;
    mkdir("left", 0755);
    put("left/.sales.csv.notours.tmp", ""); /* other shapes are nobody's business */
    pid_t living = start_writer("left/sales.csv");
    pid_t other = start_writer("left/stock.csv");
    assert_int_equal(entries_in("left"), 3);
    assert_int_equal(atomic_file_open("left/sales.csv", &f, &err), 0);
    atomic_file_discard(f);
    assert_int_equal(entries_in("left"), 3); /* both writers live */
    kill(living, SIGKILL);
    kill(other, SIGKILL);
    waitpid(living, NULL, 0);
    waitpid(other, NULL, 0);
    assert_int_equal(entries_in("left"), 3);
    assert_int_equal(atomic_file_open("left/sales.csv", &f, &err), 0);
    assert_int_equal(entries_in("left"), 3); /* its own instead of the dead one's */
    atomic_file_discard(f);
    assert_int_equal(entries_in("left"), 2); /* the other name's and the foreign one */
}

static void test_a_full_disk_fails_and_says_so(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct atomic_file *f = NULL;
    assert_int_equal(atomic_file_open("/dev/full", &f, &err), 0);
    assert_int_equal(atomic_file_write(f, "x", 1, &err), 0); /* buffered */
    assert_int_equal(atomic_file_commit(f, &err), ERR_IO);
    assert_non_null(strstr(err.message, "No space left"));
    assert_true(strlen(err.hint) > 0);
    struct stat st;
    assert_int_equal(stat("/dev/full", &st), 0);
    assert_true(S_ISCHR(st.st_mode)); /* written into, not replaced */
}

static void test_a_lost_write_cannot_be_committed(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct atomic_file *f = NULL;
    char *large = calloc(1, 1 << 20);
    assert_int_equal(atomic_file_open("/dev/full", &f, &err), 0);
    assert_int_equal(atomic_file_write(f, large, 1 << 20, &err), ERR_IO);
    assert_int_equal(atomic_file_commit(f, &err), ERR_IO);
    free(large);
}

static void test_open_failures(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct atomic_file *f = NULL;
    assert_int_equal(atomic_file_open(".", &f, &err), ERR_IO);
    assert_int_equal(atomic_file_open("no/such/dir/a.csv", &f, &err), ERR_IO);
    assert_int_equal(atomic_file_open("five/a.csv", &f, &err), ERR_IO);
    assert_null(f);
}

static void test_directory_make(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct stat st;
    assert_int_equal(directory_make("a/b//c/", &err), 0);
    assert_int_equal(stat("a/b/c", &st), 0);
    assert_int_equal(directory_make("a/b/c", &err), 0); /* again */
    assert_int_equal(directory_make("/", &err), 0);
    put("a/file", "");
    assert_int_equal(directory_make("a/file", &err), ERR_IO);
    assert_int_equal(directory_make("a/file/d", &err), ERR_IO);
    assert_int_equal(directory_make("", &err), ERR_IO);
}

static void test_prepared_files_are_complete_and_only_renamed(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct atomic_file *f = NULL;
    struct stat st;
    assert_int_equal(atomic_file_open("prepared", &f, &err), 0);
    assert_int_equal(atomic_file_write(f, "text", 4, &err), 0);
    assert_int_equal(stat(atomic_file_temporary(f), &st), 0);
    assert_int_equal(st.st_size, 0); /* in the buffer still */
    assert_int_equal(atomic_file_prepare(f, &err), 0);
    assert_int_equal(stat(atomic_file_temporary(f), &st), 0);
    assert_int_equal(st.st_size, 4);
    assert_int_not_equal(access("prepared", F_OK), 0);
    assert_int_equal(atomic_file_prepare(f, &err), 0);
    assert_int_equal(atomic_file_commit(f, &err), 0);
    assert_int_equal(access("prepared", F_OK), 0);
}

static void test_a_sweep_takes_the_dead_of_all_names_it_stands_for(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    struct atomic_file *alive = NULL;
    assert_int_equal(directory_make("sweep", &err), 0);
    put("sweep/.s_1.csv.abcdef.tmp", "");
    put("sweep/.s_22.csv.abcdef.tmp", "");
    put("sweep/.s_1.csv.abcdefg.tmp", "");
    put("sweep/.t_1.csv.abcdef.tmp", "");
    put("sweep/s_1.csv", "");
    assert_int_equal(atomic_file_open("sweep/s_3.csv", &alive, &err), 0);
    atomic_file_sweep("sweep/s_*.csv");
    assert_int_not_equal(access("sweep/.s_1.csv.abcdef.tmp", F_OK), 0);
    assert_int_not_equal(access("sweep/.s_22.csv.abcdef.tmp", F_OK), 0);
    assert_int_equal(access("sweep/.s_1.csv.abcdefg.tmp", F_OK), 0);
    assert_int_equal(access("sweep/.t_1.csv.abcdef.tmp", F_OK), 0);
    assert_int_equal(access("sweep/s_1.csv", F_OK), 0);
    assert_int_equal(access(atomic_file_temporary(alive), F_OK), 0);
    atomic_file_discard(alive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_appends_up_to_the_limit),
        cmocka_unit_test(test_read_failures),
        cmocka_unit_test(test_read_standard_input),
        cmocka_unit_test(test_output_appears_on_commit_only),
        cmocka_unit_test(test_discard_leaves_nothing),
        cmocka_unit_test(test_mode_and_link_are_kept),
        cmocka_unit_test(test_leftovers_of_the_dead_go_those_of_the_living_stay),
        cmocka_unit_test(test_a_full_disk_fails_and_says_so),
        cmocka_unit_test(test_a_lost_write_cannot_be_committed),
        cmocka_unit_test(test_open_failures),
        cmocka_unit_test(test_directory_make),
        cmocka_unit_test(test_prepared_files_are_complete_and_only_renamed),
        cmocka_unit_test(test_a_sweep_takes_the_dead_of_all_names_it_stands_for),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
