/* The firmware as the boot loader uses it: see firmware.h.
 *
 * Thin wrappers, each around one or two services, that turn a status into a pointer or 0. Nothing
 * is printed here: the caller knows what the user should read. */
#include "boot/firmware.h"

#include "arch/memory.h"

#define MAP_SLACK 32 /* descriptors that may be added between two readings of the map */

EFI_HANDLE firmware_image;
EFI_SYSTEM_TABLE *firmware_system;
EFI_BOOT_SERVICES *firmware_boot;

void firmware_init(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
    firmware_image = image;
    firmware_system = system;
    firmware_boot = system->BootServices;
    /* A slow stick must not run into the watchdog of the boot manager. */
    firmware_boot->SetWatchdogTimer(0, 0, 0, NULL);
}

static uint64_t pages_of(uint64_t size)
{
    return (size + EFI_PAGE - 1) / EFI_PAGE;
}

uint64_t firmware_alloc_raw(uint64_t size)
{
    EFI_PHYSICAL_ADDRESS address = 0;

    if (EFI_ERROR(firmware_boot->AllocatePages(AllocateAnyPages, EfiLoaderData, pages_of(size),
                                               &address)))
        return 0;
    return address;
}

void *firmware_alloc(uint64_t size)
{
    uint64_t address = firmware_alloc_raw(size);

    return address ? memset((void *)address, 0, pages_of(size) * EFI_PAGE) : NULL;
}

uint64_t firmware_alloc_aligned(uint64_t size, uint64_t align)
{
    uint64_t all = pages_of(size) + align / EFI_PAGE;
    uint64_t start = firmware_alloc_raw(all * EFI_PAGE);

    if (!start)
        return 0;
    uint64_t aligned = (start + align - 1) & ~(align - 1);
    uint64_t before = (aligned - start) / EFI_PAGE;
    uint64_t behind = all - before - pages_of(size);
    if (before)
        firmware_boot->FreePages(start, before);
    if (behind)
        firmware_boot->FreePages(aligned + pages_of(size) * EFI_PAGE, behind);
    return aligned;
}

uint64_t firmware_alloc_below(uint64_t size, uint64_t limit)
{
    EFI_PHYSICAL_ADDRESS address = limit - 1;

    if (EFI_ERROR(firmware_boot->AllocatePages(AllocateMaxAddress, EfiLoaderData, pages_of(size),
                                               &address)))
        return 0;
    return address; /* page 0 reads as "none", which is what it has to be */
}

void *firmware_protocol(const EFI_GUID *guid)
{
    void *protocol = NULL;

    if (EFI_ERROR(firmware_boot->LocateProtocol((EFI_GUID *)guid, NULL, &protocol)))
        return NULL;
    return protocol;
}

void *firmware_table(const EFI_GUID *guid)
{
    for (UINTN i = 0; i < firmware_system->NumberOfTableEntries; i++) {
        const EFI_CONFIGURATION_TABLE *entry = &firmware_system->ConfigurationTable[i];

        if (memcmp(&entry->VendorGuid, guid, sizeof(*guid)) == 0)
            return entry->VendorTable;
    }
    return NULL;
}

EFI_STATUS firmware_map_read(struct firmware_map *map)
{
    UINT32 version;

    map->size = map->capacity;
    return firmware_boot->GetMemoryMap(&map->size, map->descriptors, &map->key,
                                       &map->descriptor_size, &version);
}

EFI_STATUS firmware_map_alloc(struct firmware_map *map)
{
    if (map->descriptors)
        firmware_boot->FreePages((EFI_PHYSICAL_ADDRESS)map->descriptors, pages_of(map->capacity));
    *map = (struct firmware_map){0};
    EFI_STATUS status = firmware_map_read(map);
    if (status != EFI_BUFFER_TOO_SMALL)
        return EFI_ERROR(status) ? status : EFI_DEVICE_ERROR;
    map->capacity = map->size + MAP_SLACK * map->descriptor_size;
    map->descriptors = (void *)firmware_alloc_raw(map->capacity);
    return map->descriptors ? firmware_map_read(map) : EFI_OUT_OF_RESOURCES;
}

void firmware_wait_for_key(unsigned seconds)
{
    SIMPLE_INPUT_INTERFACE *keyboard = firmware_system->ConIn;
    EFI_EVENT event[2];
    EFI_INPUT_KEY key;
    UINTN index;

    if (EFI_ERROR(firmware_boot->CreateEvent(EVT_TIMER, TPL_APPLICATION, NULL, NULL, &event[0])))
        return;
    firmware_boot->SetTimer(event[0], TimerRelative, seconds * 10000000ULL); /* of 100 ns */
    if (keyboard) {
        while (!EFI_ERROR(keyboard->ReadKeyStroke(keyboard, &key)))
            ; /* what was typed before */
        event[1] = keyboard->WaitForKey;
    }
    firmware_boot->WaitForEvent(keyboard ? 2 : 1, event, &index);
    if (keyboard)
        keyboard->ReadKeyStroke(keyboard, &key);
    firmware_boot->CloseEvent(event[0]);
}
