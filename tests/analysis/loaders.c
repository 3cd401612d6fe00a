/* The loaders: a kernel's file of any bytes, with and without an initial RAM disk, for guests with
 * little and with enough memory.
 * Assumed: files, memory and texts are as large as the request says. Each size below stands for
 * others; a kernel's headers fit into the file. What initrd_check() finds is any of its findings:
 * `initrd` is its row. What load_copy.h does is proven, not analysed here. */
#include "tests/analysis/any.h"
#include "vmm/loaders/initrd.h"
#include "vmm/loaders/kernel.h"
#include "vmm/loaders/load_reason.h"

static uint8_t file[16384], file_600[600], file_60[60], file_40[40], initrd[8192];
static uint8_t ram[4 << 20], little_ram[1 << 20], tiny_ram[4096], huge_ram[5ULL << 30];
static char command_line[12], name[12], reason[LOAD_REASON_SIZE];

struct initrd_finding initrd_check(const uint8_t *bytes, uint64_t size) {
    (void)bytes;
    return (struct initrd_finding){any_bool() ? "a gzip file" : NULL, any() % size, any(), any()};
}

static void load(uint8_t *to, uint64_t ram_size, const uint8_t *from, uint64_t size, bool all) {
    struct kernel_entry entry;
    struct kernel_request request = {
        .ram = to,
        .ram_size = ram_size,
        .file = from,
        .file_size = size,
        .initrd = all ? initrd : NULL,
        .initrd_size = all ? sizeof(initrd) : 0,
        .kernel_name = all ? name : NULL,
        .initrd_name = all ? name : NULL,
        .command_line = all ? command_line : NULL,
        .acpi_rsdp = any(),
        .reason = reason,
    };

    if (!kernel_place(&request, &entry))
        kernel_warning(&entry);
}

int main(void) {
    any_bytes(file, sizeof(file));
    any_bytes(file_600, sizeof(file_600));
    any_bytes(file_60, sizeof(file_60));
    any_bytes(file_40, sizeof(file_40));
    any_bytes(command_line, sizeof(command_line) - 1);
    any_bytes(name, sizeof(name) - 1);
    load(ram, sizeof(ram), file, sizeof(file), true);
    load(ram, sizeof(ram), file, sizeof(file), false);
    load(little_ram, sizeof(little_ram), file, sizeof(file), true);
    load(tiny_ram, sizeof(tiny_ram), file, sizeof(file), true);
    load(huge_ram, sizeof(huge_ram), file, sizeof(file), true);
    load(ram, sizeof(ram), file_600, sizeof(file_600), false);
    load(ram, sizeof(ram), file_60, sizeof(file_60), false);
    load(ram, sizeof(ram), file_40, sizeof(file_40), false);
    return 0;
}
