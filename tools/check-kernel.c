/* Checks before a machine boots whether a kernel can be started, by the loaders that the hypervisor
 * has: tools/one-guest calls it.
 *
 *     check-kernel MIB KERNEL INITRD COMMAND-LINE
 *
 * MIB is the guest's memory; an empty INITRD is none. Prints nothing, a warning, or why the kernel
 * cannot be started, in the hypervisor's words. Status: 0: it can be started; 1: it cannot; 2: a
 * file cannot be read, or the host has too little memory. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/devices/pc_map.h"
#include "vmm/loaders/kernel.h"
#include "vmm/loaders/load_reason.h"

static _Noreturn void fail(const char *what) {
    perror(what);
    exit(2);
}

/* The contents of a file, which stay mapped. An empty one is NULL. */
static const uint8_t *contents(const char *path, uint64_t *size) {
    struct stat status;
    int file = open(path, O_RDONLY);

    if (file < 0 || fstat(file, &status) != 0)
        fail(path);
    *size = (uint64_t)status.st_size;
    if (*size == 0)
        return NULL;
    void *at = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, file, 0);
    if (at == MAP_FAILED)
        fail(path);
    close(file);
    return at;
}

int main(int argc, char **argv) {
    char reason[LOAD_REASON_SIZE];
    struct kernel_request request = {.acpi_rsdp = PC_ACPI_BASE, .reason = reason};
    struct kernel_entry entry;

    if (argc != 5) {
        fprintf(stderr, "usage: check-kernel MIB KERNEL INITRD COMMAND-LINE\n");
        return 2;
    }
    request.ram_size = strtoull(argv[1], NULL, 10) * LOAD_MIB;
    request.kernel_name = argv[2];
    request.file = contents(argv[2], &request.file_size);
    if (argv[3][0]) {
        request.initrd_name = argv[3];
        request.initrd = contents(argv[3], &request.initrd_size);
    }
    request.command_line = argv[4];
    request.ram = mmap(NULL, request.ram_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (request.ram == MAP_FAILED)
        fail("the guest's memory");
    const char *problem = kernel_place(&request, &entry);
    const char *words = problem ? problem : kernel_warning(&entry);
    if (words)
        printf("%s\n", words);
    return problem != NULL;
}
