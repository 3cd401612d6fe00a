/* What the firmware knows of the machine: see machine.h.
 *
 * None of it has to be there: each finding that is missing leaves its fields 0, and the CPU list
 * then holds the boot CPU alone. */
#include "boot/machine.h"

#include "arch/instructions.h"
#include "boot/firmware.h"
#include "drivers/acpi.h"

static uint64_t find_rsdp(void)
{
    static const EFI_GUID acpi_2 = {
        0x8868e871, 0xe4f1, 0x11d3, {0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}};
    static const EFI_GUID acpi_1 = {
        0xeb9d2d30, 0x2d88, 0x11d3, {0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d}};
    void *rsdp = firmware_table(&acpi_2);

    return (uint64_t)(rsdp ? rsdp : firmware_table(&acpi_1));
}

/* Only pixels of four bytes with blue or red first are of use: the common ones. */
static void find_framebuffer(struct boot_framebuffer *framebuffer)
{
    static const EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
    EFI_GRAPHICS_OUTPUT_PROTOCOL *graphics = firmware_protocol(&guid);

    if (!graphics || !graphics->Mode || !graphics->Mode->Info)
        return;
    const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *info = graphics->Mode->Info;
    if (info->PixelFormat != PixelRedGreenBlueReserved8BitPerColor &&
        info->PixelFormat != PixelBlueGreenRedReserved8BitPerColor)
        return;
    *framebuffer = (struct boot_framebuffer){
        .base = graphics->Mode->FrameBufferBase,
        .size = graphics->Mode->FrameBufferSize,
        .width = info->HorizontalResolution,
        .height = info->VerticalResolution,
        .pixels_per_line = info->PixelsPerScanLine,
        .blue_first = info->PixelFormat == PixelBlueGreenRedReserved8BitPerColor,
    };
}

/* SDM Vol. 2A, "CPUID": the x2APIC ID, or the 8 bits of leaf 1 on CPUs without leaf 0BH. */
static uint32_t own_apic_id(void)
{
    if (cpuid(0, 0).eax >= 0xb && cpuid(0xb, 0).ebx != 0)
        return cpuid(0xb, 0).edx;
    return cpuid(1, 0).ebx >> 24;
}

/* The boot CPU is in the list already; the MADT may name a CPU twice. */
static void add_cpu(struct boot_info *info, uint32_t apic_id)
{
    for (uint32_t i = 0; i < info->cpu_count; i++) {
        if (info->cpu_apic_id[i] == apic_id)
            return;
    }
    if (info->cpu_count < BOOT_MAX_CPUS)
        info->cpu_apic_id[info->cpu_count++] = apic_id;
}

static bool cpus_from_firmware(struct boot_info *info)
{
    static const EFI_GUID guid = MP_SERVICES_GUID;
    struct mp_services *services = firmware_protocol(&guid);
    UINTN count, enabled;

    if (!services || EFI_ERROR(services->GetNumberOfProcessors(services, &count, &enabled)))
        return false;
    for (UINTN i = 0; i < count; i++) {
        struct mp_processor_information cpu = {0};
        UINT32 usable = MP_PROCESSOR_ENABLED | MP_PROCESSOR_HEALTHY;

        if (!EFI_ERROR(services->GetProcessorInfo(services, i, &cpu)) &&
            (cpu.StatusFlag & usable) == usable)
            add_cpu(info, (uint32_t)cpu.ProcessorId);
    }
    return true;
}

/* The firmware maps all memory at its physical address. */
static const void *identity(void *ctx, uint64_t phys, uint64_t size)
{
    (void)ctx;
    return phys && phys + size > phys ? (const void *)phys : NULL;
}

static void cpus_from_acpi(struct boot_info *info)
{
    struct acpi acpi = {.map = identity};
    struct acpi_madt madt;
    struct acpi_madt_entry entry;
    uint32_t offset = 0;

    if (!info->rsdp || acpi_open(&acpi, info->rsdp) != ACPI_OK ||
        acpi_find_madt(&acpi, &madt) != ACPI_OK)
        return;
    while (acpi_madt_next(&madt, &offset, &entry)) {
        if (entry.type == ACPI_MADT_CPU)
            add_cpu(info, entry.apic_id);
    }
}

void machine_describe(struct boot_info *info)
{
    info->rsdp = find_rsdp();
    info->reset_system = (uint64_t)firmware_system->RuntimeServices->ResetSystem;
    find_framebuffer(&info->framebuffer);
    info->cpu_apic_id[0] = own_apic_id();
    info->cpu_count = 1;
    if (!cpus_from_firmware(info))
        cpus_from_acpi(info);
}
