// Runs a fuzz target over every file of the folders given, so that a corpus is an ordinary test of every build.
// An empty or unreadable folder is a failure: a replay of nothing proves nothing.
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
        return 1;
    }
    // Exactly as large as the input, so that a sanitizer sees the first byte read past it.
    uint8_t *data = malloc(size ? size : 1);
    size_t got = data ? fread(data, 1, size, file) : 0;
    fclose(file);
    if (!data || got != size) {
        fprintf(stderr, "replay: %s: short read\n", path);
        free(data);
        return 1;
    }
    // libFuzzer hands over whatever the target returns; only -1 and 0 are defined.
    int result = LLVMFuzzerTestOneInput(data, size);
    free(data);
    if (result != 0 && result != -1) {
        fprintf(stderr, "replay: %s: the target returned %d\n", path, result);
        return 1;
    }
    return 0;
}

static int replay_folder(const char *folder, size_t *files)
{
    DIR *stream = opendir(folder);
    if (!stream) {
        fprintf(stderr, "replay: %s: %s\n", folder, strerror(errno));
        return 1;
    }
    int failures = 0;
    for (struct dirent *entry = readdir(stream); entry; entry = readdir(stream)) {
        char path[4096];
        int written = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        struct stat status;
        if (written < 0 || (size_t)written >= sizeof path || stat(path, &status) != 0) {
            fprintf(stderr, "replay: %s/%s: cannot be read\n", folder, entry->d_name);
            failures++;
        } else if (S_ISREG(status.st_mode)) {
            failures += replay_file(path, (size_t)status.st_size);
            (*files)++;
        }
    }
    closedir(stream);
    return failures;
}

int main(int argument_count, char **arguments)
{
    size_t files = 0;
    int failures = 0;
    for (int i = 1; i < argument_count; i++) {
        size_t before = files;
        failures += replay_folder(arguments[i], &files);
        if (files == before) {
            fprintf(stderr, "replay: %s: holds no input\n", arguments[i]);
            failures++;
        }
    }
    printf("replay: %zu inputs, %d failures\n", files, failures);
    return failures || !files ? 1 : 0;
}
