/* Checking an initial RAM disk: any bytes.
 * Assumed: a file is as large as its reader is told. The sizes stand for others. */
#include "vmm/loaders/initrd.h"

#include "tests/analysis/any.h"

static uint8_t file[4096], short_file[10];

int main(void) {
    any_bytes(file, sizeof(file));
    any_bytes(short_file, sizeof(short_file));
    initrd_check(file, sizeof(file));
    initrd_check(short_file, sizeof(short_file));
    return 0;
}
