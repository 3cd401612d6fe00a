/* Describes the machine: see machine.h.
 *
 * Every part is optional in the firmware. One that is missing leaves its fields 0; without any list
 * of CPUs the boot CPU is the only one. */
#include "boot/machine.h"

#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "boot/firmware.h"
#include "boot/graphics.h"
#include "boot/memory_map.h"
#include "drivers/acpi.h"
#include "drivers/uart.h"
#include "lib/calendar.h"

/* PI 1.8, Vol. 2, "EFI_MP_SERVICES_PROTOCOL": its first two functions. */
#define MP_PROCESSOR_USABLE 6u /* StatusFlag: enabled and healthy */

struct mp_processor_information {
    UINT64 ProcessorId; /* the local APIC ID */
    UINT32 StatusFlag;
    UINT32 Location[3];
    UINT32 ExtendedLocation[6]; /* written since PI 1.7, if requested */
};

struct mp_services {
    EFI_STATUS(EFIAPI *GetNumberOfProcessors)
    (struct mp_services *This, UINTN *NumberOfProcessors, UINTN *NumberOfEnabledProcessors);
    EFI_STATUS(EFIAPI *GetProcessorInfo)
    (struct mp_services *This, UINTN ProcessorNumber, struct mp_processor_information *Info);
};

static uint64_t find_rsdp(void) {
    EFI_GUID acpi_2 = ACPI_20_TABLE_GUID, acpi_1 = ACPI_TABLE_GUID;
    void *rsdp = NULL;

    if (EFI_ERROR(LibGetSystemConfigurationTable(&acpi_2, &rsdp)))
        LibGetSystemConfigurationTable(&acpi_1, &rsdp);
    return (uint64_t)rsdp;
}

/* An unspecified time zone counts as UTC. UEFI 2.10, "GetTime()". */
static void read_time(struct boot_info *info) {
    EFI_TIME time;

    if (EFI_ERROR(ST->RuntimeServices->GetTime(&time, NULL)))
        return;
    info->time_tsc = rdtsc();
    struct calendar date = {.year = time.Year,
                            .month = time.Month,
                            .day = time.Day,
                            .hour = time.Hour,
                            .minute = time.Minute,
                            .second = time.Second};
    info->time = calendar_to_seconds(&date);
    if (time.TimeZone != EFI_UNSPECIFIED_TIMEZONE)
        info->time += (uint64_t)(time.TimeZone * 60LL);
}

/* Whether the graphics output of this handle is a framebuffer, and which. */
static bool framebuffer_of(EFI_HANDLE handle, struct boot_framebuffer *framebuffer) {
    EFI_GRAPHICS_OUTPUT_PROTOCOL *graphics;

    if (EFI_ERROR(BS->HandleProtocol(handle, &GraphicsOutputProtocol, (void **)&graphics)) ||
        !graphics->Mode || !graphics->Mode->Info)
        return false;
    const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info = graphics->Mode->Info;
    struct graphics_mode mode = {
        .format = info->PixelFormat,
        .red = info->PixelInformation.RedMask,
        .green = info->PixelInformation.GreenMask,
        .blue = info->PixelInformation.BlueMask,
        .unused = info->PixelInformation.ReservedMask,
        .width = info->HorizontalResolution,
        .height = info->VerticalResolution,
        .pixels_per_line = info->PixelsPerScanLine,
        .base = graphics->Mode->FrameBufferBase,
        .size = graphics->Mode->FrameBufferSize,
    };
    return graphics_framebuffer(&mode, framebuffer);
}

/* Prefers the display that the firmware's console is on. */
static void find_framebuffer(struct boot_framebuffer *framebuffer) {
    EFI_HANDLE *handles;
    UINTN count;

    if (ST->ConsoleOutHandle && framebuffer_of(ST->ConsoleOutHandle, framebuffer))
        return;
    if (EFI_ERROR(
            BS->LocateHandleBuffer(ByProtocol, &GraphicsOutputProtocol, NULL, &count, &handles)))
        return;
    for (UINTN i = 0; i < count && !framebuffer_of(handles[i], framebuffer); i++)
        ;
    BS->FreePool(handles);
}

/* The x2APIC ID, or on CPUs without leaf 0BH the 8 bits of leaf 1. SDM Vol. 2A, "CPUID". */
static uint32_t own_apic_id(void) {
    if (cpuid_has_leaf(CPUID_LEAF_TOPOLOGY) && cpuid(CPUID_LEAF_TOPOLOGY, 0).ebx)
        return cpuid(CPUID_LEAF_TOPOLOGY, 0).edx;
    return cpuid(CPUID_LEAF_FEATURES, 0).ebx >> CPUID_1_EBX_APIC_ID_SHIFT;
}

/* Adds a CPU unless it is in the list: the boot CPU is, and a MADT may list a CPU twice. */
static void add_cpu(struct boot_info *info, uint32_t apic_id) {
    for (uint32_t i = 0; i < info->cpu_count; i++) {
        if (info->cpu_apic_id[i] == apic_id)
            return;
    }
    if (info->cpu_count < BOOT_MAX_CPUS)
        info->cpu_apic_id[info->cpu_count++] = apic_id;
}

static bool cpus_from_firmware(struct boot_info *info) {
    EFI_GUID guid = {0x3fdda605, 0xa76e, 0x4f46, {0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08}};
    struct mp_services *services;
    UINTN count, enabled;

    if (EFI_ERROR(LibLocateProtocol(&guid, (void **)&services)) ||
        EFI_ERROR(services->GetNumberOfProcessors(services, &count, &enabled)))
        return false;
    for (UINTN i = 0; i < count; i++) {
        struct mp_processor_information cpu = {0};

        if (!EFI_ERROR(services->GetProcessorInfo(services, i, &cpu)) &&
            (cpu.StatusFlag & MP_PROCESSOR_USABLE) == MP_PROCESSOR_USABLE)
            add_cpu(info, (uint32_t)cpu.ProcessorId);
    }
    return true;
}

/* The firmware's page tables map all memory at its physical address. */
static const void *identity(uint64_t phys, uint64_t size) {
    return phys && phys + size > phys ? (const void *)phys : NULL;
}

static void cpus_from_acpi(struct boot_info *info) {
    struct acpi acpi = {.map = identity};
    uint32_t index = 0, offset = 0, apic_id;

    if (!info->rsdp || !acpi_open(&acpi, info->rsdp))
        return;
    struct acpi_table madt = acpi_next_table(&acpi, "APIC", &index);
    while (acpi_next_cpu(&madt, &offset, &apic_id))
        add_cpu(info, apic_id);
}

void machine_describe(struct boot_info *info) {
    info->rsdp = find_rsdp();
    info->reset_system = (uint64_t)ST->RuntimeServices->ResetSystem;
    read_time(info);
    find_framebuffer(&info->framebuffer);
    info->cpu_apic_id[0] = own_apic_id();
    info->cpu_count = 1;
    if (!cpus_from_firmware(info))
        cpus_from_acpi(info);
}

const char *machine_find_serial(struct boot_info *info) {
    struct acpi acpi = {.map = identity};
    const char *problem = NULL;

    info->serial = UART_COM1;
    if (!info->rsdp || !acpi_open(&acpi, info->rsdp))
        return NULL;
    struct boot_serial serial = acpi_find_serial(&acpi, &problem);
    if (serial.access && memory_map_has_ram(info->region, info->region_count, serial.base,
                                            BOOT_SERIAL_REGISTERS * serial.stride))
        return "its address is in RAM";
    if (serial.base)
        info->serial = serial;
    return problem;
}
