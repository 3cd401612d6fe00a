/* The firmware, as the boot loader uses it: what UEFI calls the boot services.
 *
 * Everything here ends with ExitBootServices(). Memory that is allocated here stays ours for good:
 * it is of type EfiLoaderData, which the hypervisor never takes for free memory. UEFI 2.10,
 * "Services - Boot Services"; PI 1.8, Vol. 2, "MP Services Protocol". */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <efi.h>

#define EFI_PAGE 4096ULL

/* Set once by firmware_init(). */
extern EFI_HANDLE firmware_image;
extern EFI_SYSTEM_TABLE *firmware_system;
extern EFI_BOOT_SERVICES *firmware_boot;

void firmware_init(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/* `size` bytes, zeroed, in whole pages; NULL if there is no such memory. */
void *firmware_alloc(uint64_t size);

/* The same aligned to `align` (a power of two), or wholly below `limit`; not zeroed. 0 if there is
 * none. */
uint64_t firmware_alloc_aligned(uint64_t size, uint64_t align);
uint64_t firmware_alloc_below(uint64_t size, uint64_t limit);
/* Not zeroed, anywhere. */
uint64_t firmware_alloc_raw(uint64_t size);

/* The first instance of a protocol; NULL if there is none. */
void *firmware_protocol(const EFI_GUID *guid);

/* The configuration table of this GUID; NULL if there is none. */
void *firmware_table(const EFI_GUID *guid);

/* The memory map as it is now, in a buffer of its own. */
struct firmware_map {
    void *descriptors;
    UINTN size;     /* bytes in use */
    UINTN capacity; /* bytes */
    UINTN descriptor_size;
    UINTN key;
};

/* Takes a buffer that will also hold a somewhat longer map, in place of the one before if there is
 * one, and reads the map. */
EFI_STATUS firmware_map_alloc(struct firmware_map *map);
/* Reads it again; allocates nothing. */
EFI_STATUS firmware_map_read(struct firmware_map *map);

/* Waits until a key is pressed or the time is over. */
void firmware_wait_for_key(unsigned seconds);

/* PI 1.8, Vol. 2, "EFI_MP_SERVICES_PROTOCOL": the two functions that are used here. */
#define MP_PROCESSOR_BOOT    1u /* StatusFlag */
#define MP_PROCESSOR_ENABLED 2u
#define MP_PROCESSOR_HEALTHY 4u

struct mp_processor_information {
    UINT64 ProcessorId; /* the local APIC ID */
    UINT32 StatusFlag;
    UINT32 Location[3];
    UINT32 ExtendedLocation[6]; /* since PI 1.7, only on request */
};

struct mp_services {
    EFI_STATUS(EFIAPI *GetNumberOfProcessors)
    (struct mp_services *This, UINTN *NumberOfProcessors, UINTN *NumberOfEnabledProcessors);
    EFI_STATUS(EFIAPI *GetProcessorInfo)
    (struct mp_services *This, UINTN ProcessorNumber, struct mp_processor_information *Info);
};

#define MP_SERVICES_GUID                                                                           \
    {                                                                                              \
        0x3fdda605, 0xa76e, 0x4f46,                                                                \
        {                                                                                          \
            0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08                                         \
        }                                                                                          \
    }
