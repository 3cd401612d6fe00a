/* The contract between the boot loader and the hypervisor: what only the firmware knows.
 *
 * The boot loader (boot/) fills this structure in, leaves the firmware, and jumps to the ELF entry
 * point with the structure's address in RDI and interrupts off. CR3 then holds the boot loader's
 * page tables. They map all RAM and everything below 4 GiB at its physical address (readable,
 * writable, executable), and the hypervisor's image at the addresses that it is linked at, each
 * segment with its own rights. All addresses in the structure are physical. The structure, the
 * guests' files and the page tables lie in regions that are not listed as usable. Read next:
 * boot/main.c, which fills it in, and vmm/main.c, which reads it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOOT_INFO_MAGIC   0x6c656568776e6950ULL /* "Pinwheel", little endian */
#define BOOT_MAX_CPUS     256
#define BOOT_MAX_REGIONS  256
#define BOOT_MAX_GUESTS   16
#define BOOT_NAME_SIZE    32
#define BOOT_PATH_SIZE    128
#define BOOT_CMDLINE_SIZE 512
#define BOOT_MAX_VCPUS    64
#define BOOT_PROBLEM_SIZE 192

enum boot_memory_kind {
    BOOT_MEMORY_USABLE,   /* free for the hypervisor; includes the firmware's boot services */
    BOOT_MEMORY_LOADER,   /* this structure, the image, the page tables, the guests' files */
    BOOT_MEMORY_ACPI,     /* ACPI tables: read, never overwritten */
    BOOT_MEMORY_RUNTIME,  /* code and data of the UEFI runtime services */
    BOOT_MEMORY_MMIO,     /* device memory that the firmware lists */
    BOOT_MEMORY_RESERVED, /* everything else */
};

/* A page-aligned range of physical memory; its size in bytes is not 0. Regions are sorted by
 * address and do not overlap. */
struct boot_region {
    uint64_t base;
    uint64_t size;
    uint32_t kind; /* enum boot_memory_kind */
    uint32_t reserved;
};

struct boot_framebuffer {
    uint64_t base; /* 0: there is no framebuffer */
    uint64_t size;
    uint32_t width, height;
    uint32_t pixels_per_line;
    uint32_t pixel_size;       /* bytes, 1 to 4 */
    uint32_t red, green, blue; /* masks of a pixel: consecutive bits, at least one of each */
};

/* A serial port with the registers of a 16550. */
struct boot_serial {
    uint64_t base;    /* of the first register: an I/O port or a physical address; 0: none */
    uint32_t baud;    /* 0: as the firmware has set it */
    uint16_t divisor; /* 0: as the firmware has set it */
    uint8_t access;   /* the size of an access in bytes, 1, 2 or 4; 0: I/O ports */
    uint8_t stride;   /* from one register to the next, at least `access` */
};
#define BOOT_SERIAL_REGISTERS 8

/* Who delivers a guest's interrupts. */
enum boot_delivery {
    BOOT_DELIVERY_AUTO,     /* the first of the following that the processor has */
    BOOT_DELIVERY_POSTED,   /* the processor, and edges reach it as posted interrupts */
    BOOT_DELIVERY_VID,      /* the processor: virtual-interrupt delivery */
    BOOT_DELIVERY_SOFTWARE, /* the hypervisor, at VM entries */
};

/* One block of the configuration file, after its values have been checked. */
struct guest_config {
    char name[BOOT_NAME_SIZE];
    char kernel[BOOT_PATH_SIZE]; /* as written, for messages */
    char initrd[BOOT_PATH_SIZE]; /* empty: none */
    char disk[BOOT_PATH_SIZE];   /* empty: none */
    char command_line[BOOT_CMDLINE_SIZE];
    char after[BOOT_NAME_SIZE]; /* starts when this guest has ended; empty: at once */
    uint64_t memory;            /* bytes, a multiple of 2 MiB */
    uint32_t vcpus;             /* 1 to BOOT_MAX_VCPUS */
    uint32_t ioapic_version;    /* 0x11 or 0x20 */
    uint32_t delivery;          /* enum boot_delivery */
    bool stale_rescan;          /* rescan the routes after a stale EOI */
    bool x2apic;                /* offer x2APIC mode */
    bool story;                 /* print the interrupt trace as sentences when the guest ends */
    bool trace;                 /* trace every exit too, and print each record */
};

struct boot_guest {
    struct guest_config config;
    uint64_t kernel_base, kernel_size;
    uint64_t initrd_base, initrd_size; /* 0, 0: none */
    uint64_t disk_base, disk_size;     /* 0, 0: none; this guest's own copy, which it writes */
    char
        problem[BOOT_PROBLEM_SIZE]; /* "file:line: reason" why the guest is not started; or empty */
};

struct boot_info {
    uint64_t magic;
    uint64_t tsc_at_start; /* the TSC at the first instruction of BOOTX64.EFI */
    uint64_t time;         /* by the firmware's clock, seconds since 1970 in UTC; 0: no clock */
    uint64_t time_tsc;     /* the TSC when `time` was read */
    uint64_t image_base;   /* where the hypervisor's image lies */
    uint64_t image_size;   /* bytes of all segments, including .bss */
    uint64_t trampoline;   /* one page below 1 MiB for starting CPUs */
    uint64_t rsdp;         /* ACPI root pointer; 0: there is none */
    uint64_t firmware_cr3; /* the boot loader's page tables, to call runtime services under */
    uint64_t reset_system; /* EFI ResetSystem(), Microsoft calling convention; 0: none */
    uint64_t report;       /* the text that the boot loader printed, ASCII: to be shown again */
    uint64_t report_size;  /* bytes */
    struct boot_framebuffer framebuffer;
    uint32_t cpu_count; /* entries of cpu_apic_id; the first is the boot CPU */
    uint32_t region_count;
    uint32_t guest_count;
    uint32_t mitigations_on, mitigations_off; /* struct speculation_request, arch/speculation.h */
    struct boot_serial serial;                /* the one to try first; there may be none */
    uint32_t cpu_apic_id[BOOT_MAX_CPUS];      /* enabled CPUs only */
    struct boot_region region[BOOT_MAX_REGIONS];
    struct boot_guest guest[BOOT_MAX_GUESTS];
};
