/* A firmware with oddities: a UEFI application that is started in place of Pinwheel's, changes the
 * firmware under it in ways that real machines show, and starts \guests\BOOTX64.EFI.
 *
 * - ExitBootServices() fails the first time, because the memory map has changed;
 * - Read() fails for more than 1 MiB or to an address above 4 GiB, and reads 64 KiB at most;
 * - the first graphics output has no framebuffer, the second has one with pixels of 16 bits;
 * - CR4.PCIDE, CR4.PGE and CR4.SMEP are 1, as far as the processor has them;
 * - the IA32_TSC_ADJUST of all CPUs but the boot CPU is not 0;
 * - a pin of the I/O APIC is unmasked and its vector, 20, is pending in the local APIC;
 * - the boot CPU's local APIC is in x2APIC mode, the others' are not;
 * - ACPI's SPCR names a serial port with registers in memory, where nothing answers.
 *
 * Only for an emulator with OVMF. tests/emulator/firmware.t checks what becomes of it. */
#include "arch/apic_registers.h"
#include "arch/control_registers.h"
#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "boot/firmware.h"

#define READ_FAILS_ABOVE (1ULL << 20)
#define READ_AT_MOST     (64ULL << 10)
#define LOW_END          (4ULL << 30)
#define SCREEN_WIDTH     640
#define SCREEN_HEIGHT    400
#define TSC_SKEW         0x123456789ULL
#define VECTOR_ODD       20 /* as an exception it is #VE */
#define IOAPIC           ((volatile uint32_t *)0xfec00000)
#define IOAPIC_PIT_PIN   2
#define LAPIC            ((volatile uint32_t *)APIC_DEFAULT_BASE)
#define WAIT_TICKS       20000000
#define SERIAL           0xfedc0000 /* nothing is there */

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/* ---- ExitBootServices() and the interrupt ---- */

static EFI_EXIT_BOOT_SERVICES exit_boot_services;

/* The timer that the firmware uses, at the other interrupt controller. Interrupts are off from here
 * on, so the local APIC keeps the vector pending. */
static void leave_interrupt(void) {
    const uint32_t index = 0x10 + 2 * IOAPIC_PIT_PIN;

    interrupts_off();
    LAPIC[APIC_SVR / 4] = APIC_SVR_ENABLE | 0xff;
    IOAPIC[0] = index + 1;
    IOAPIC[4] = LAPIC[APIC_ID / 4];
    IOAPIC[0] = index;
    IOAPIC[4] = VECTOR_ODD | 1u << 15; /* level-triggered */
    uint64_t start = rdtsc();
    while (!(LAPIC[APIC_IRR / 4] >> VECTOR_ODD & 1) && rdtsc() - start < WAIT_TICKS)
        ;
    if (cpuid(CPUID_LEAF_FEATURES, 0).ecx & CPUID_1_ECX_X2APIC)
        wrmsr(MSR_IA32_APIC_BASE, rdmsr(MSR_IA32_APIC_BASE) | APIC_BASE_X2APIC);
}

static EFI_STATUS EFIAPI exit_later(EFI_HANDLE image, UINTN key) {
    static unsigned calls;
    void *page;

    if (calls++ == 0) {
        BS->AllocatePool(EfiLoaderData, 5000, &page); /* the map changes */
        return EFI_INVALID_PARAMETER;
    }
    EFI_STATUS status = exit_boot_services(image, key);
    if (!EFI_ERROR(status))
        leave_interrupt();
    return status;
}

/* ---- files ---- */

static EFI_FILE_OPEN open_file;
static EFI_FILE_READ read_file;
static EFI_STATUS(EFIAPI *open_volume)(EFI_FILE_IO_INTERFACE *, EFI_FILE_HANDLE *);

static EFI_STATUS EFIAPI read_little(EFI_FILE_HANDLE file, UINTN *size, void *to) {
    if (*size > READ_FAILS_ABOVE || (uint64_t)to + *size > LOW_END)
        return EFI_DEVICE_ERROR;
    if (*size > READ_AT_MOST)
        *size = READ_AT_MOST;
    return read_file(file, size, to);
}

static EFI_STATUS EFIAPI open_odd(EFI_FILE_HANDLE directory, EFI_FILE_HANDLE *file, CHAR16 *name,
                                  UINT64 mode, UINT64 attributes) {
    EFI_STATUS status = open_file(directory, file, name, mode, attributes);

    if (!EFI_ERROR(status)) {
        read_file = (*file)->Read;
        (*file)->Read = read_little;
    }
    return status;
}

static EFI_STATUS EFIAPI open_odd_volume(EFI_FILE_IO_INTERFACE *volume, EFI_FILE_HANDLE *root) {
    EFI_STATUS status = open_volume(volume, root);

    if (!EFI_ERROR(status)) {
        open_file = (*root)->Open;
        (*root)->Open = open_odd;
    }
    return status;
}

static void make_files_odd(EFI_HANDLE device) {
    EFI_FILE_IO_INTERFACE *volume;

    if (EFI_ERROR(BS->HandleProtocol(device, &FileSystemProtocol, (void **)&volume)))
        return;
    open_volume = volume->OpenVolume;
    volume->OpenVolume = open_odd_volume;
}

/* ---- the screen ---- */

/* The firmware itself tries what is installed. */
static EFI_STATUS EFIAPI query_nothing(EFI_GRAPHICS_OUTPUT_PROTOCOL *screen, UINT32 mode,
                                       UINTN *size, EFI_GRAPHICS_OUTPUT_MODE_INFORMATION **info) {
    (void)screen, (void)mode, (void)size, (void)info;
    return EFI_UNSUPPORTED;
}

static EFI_STATUS EFIAPI set_nothing(EFI_GRAPHICS_OUTPUT_PROTOCOL *screen, UINT32 mode) {
    (void)screen, (void)mode;
    return EFI_UNSUPPORTED;
}

static EFI_STATUS EFIAPI draw_nothing(EFI_GRAPHICS_OUTPUT_PROTOCOL *screen,
                                      EFI_GRAPHICS_OUTPUT_BLT_PIXEL *buffer,
                                      EFI_GRAPHICS_OUTPUT_BLT_OPERATION operation, UINTN from_x,
                                      UINTN from_y, UINTN to_x, UINTN to_y, UINTN width,
                                      UINTN height, UINTN delta) {
    (void)screen, (void)buffer, (void)operation, (void)from_x, (void)from_y;
    (void)to_x, (void)to_y, (void)width, (void)height, (void)delta;
    return EFI_UNSUPPORTED;
}

static void install_screens(void) {
    static EFI_GRAPHICS_OUTPUT_MODE_INFORMATION info[2];
    static EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE mode[2];
    static EFI_GRAPHICS_OUTPUT_PROTOCOL screen[2];
    EFI_PHYSICAL_ADDRESS memory = 0;
    const UINTN size = 2 * SCREEN_WIDTH * SCREEN_HEIGHT;

    BS->AllocatePages(AllocateAnyPages, EfiReservedMemoryType, EFI_SIZE_TO_PAGES(size), &memory);
    for (unsigned i = 0; i < 2; i++) {
        EFI_HANDLE handle = NULL;

        info[i] = (EFI_GRAPHICS_OUTPUT_MODE_INFORMATION){
            .HorizontalResolution = SCREEN_WIDTH,
            .VerticalResolution = SCREEN_HEIGHT,
            .PixelFormat = i ? PixelBitMask : PixelBltOnly,
            .PixelInformation = {0xf800, 0x07e0, 0x001f, 0},
            .PixelsPerScanLine = SCREEN_WIDTH,
        };
        mode[i] = (EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE){.MaxMode = 1,
                                                      .Info = &info[i],
                                                      .SizeOfInfo = sizeof(info[i]),
                                                      .FrameBufferBase = i ? memory : 0,
                                                      .FrameBufferSize = i ? size : 0};
        screen[i] = (EFI_GRAPHICS_OUTPUT_PROTOCOL){.QueryMode = query_nothing,
                                                   .SetMode = set_nothing,
                                                   .Blt = draw_nothing,
                                                   .Mode = &mode[i]};
        BS->InstallProtocolInterface(&handle, &GraphicsOutputProtocol, EFI_NATIVE_INTERFACE,
                                     &screen[i]);
    }
}

/* ---- the processors ---- */

static void make_control_registers_odd(void) {
    uint64_t cr4 = read_cr4() | CR4_PGE;

    if (cpuid(CPUID_LEAF_FEATURES, 0).ecx & 1u << 17) /* PCID */
        cr4 |= CR4_PCIDE;
    if (cpuid(CPUID_LEAF_STRUCTURED_FEATURES, 0).ebx & CPUID_7_EBX_SMEP)
        cr4 |= CR4_SMEP;
    write_cr4(cr4);
}

static void EFIAPI skew_tsc(void *nothing) {
    (void)nothing;
    wrmsr(MSR_IA32_TSC_ADJUST, rdmsr(MSR_IA32_TSC_ADJUST) + TSC_SKEW);
}

/* PI 1.8, Vol. 2, "EFI_MP_SERVICES_PROTOCOL": its third function. */
struct mp_services {
    void *first_functions[2];
    EFI_STATUS(EFIAPI *StartupAllAPs)
    (struct mp_services *This, void(EFIAPI *Procedure)(void *), BOOLEAN SingleThread,
     EFI_EVENT WaitEvent, UINTN Timeout, void *Argument, UINTN **Failed);
};

static void skew_other_cpus(void) {
    EFI_GUID guid = {0x3fdda605, 0xa76e, 0x4f46, {0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08}};
    struct mp_services *services;

    if ((cpuid(CPUID_LEAF_STRUCTURED_FEATURES, 0).ebx & CPUID_7_EBX_TSC_ADJUST) &&
        !EFI_ERROR(LibLocateProtocol(&guid, (void **)&services)))
        services->StartupAllAPs(services, skew_tsc, TRUE, NULL, 0, NULL, NULL);
}

/* ---- ACPI ---- */

static void finish(uint8_t *table, uint32_t size, uint32_t checksum) {
    uint8_t sum = 0;

    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + table[i]);
    table[checksum] = (uint8_t)-sum;
}

static void finish_table(uint8_t *table, const char *signature, uint32_t size) {
    CopyMem(table, signature, 4);
    CopyMem(table + 4, &size, 4);
    finish(table, size, 9);
}

/* An RSDP of revision 2, the XSDT and the SPCR. */
static void install_acpi(void) {
    const uint64_t serial = SERIAL;
    EFI_PHYSICAL_ADDRESS page = 0;
    EFI_GUID guid = ACPI_20_TABLE_GUID;

    if (EFI_ERROR(BS->AllocatePages(AllocateAnyPages, EfiACPIReclaimMemory, 1, &page)))
        return;
    uint8_t *rsdp = (uint8_t *)page, *xsdt = rsdp + 64, *spcr = rsdp + 128;
    const uint64_t addresses[] = {(uint64_t)xsdt, (uint64_t)spcr};
    ZeroMem(rsdp, EFI_PAGE_SIZE);
    CopyMem(spcr + 44, &serial, 8);
    spcr[36] = 0x12; /* the structure behind it describes the registers: */
    spcr[41] = 32;   /* each has 32 bits, */
    spcr[43] = 3;    /* and is accessed as a whole */
    finish_table(spcr, "SPCR", 80);
    CopyMem(xsdt + 36, &addresses[1], 8);
    finish_table(xsdt, "XSDT", 44);
    CopyMem(rsdp, "RSD PTR ", 8);
    rsdp[15] = 2;
    rsdp[20] = 36;
    CopyMem(rsdp + 24, &addresses[0], 8);
    finish(rsdp, 20, 8);
    finish(rsdp, 36, 32);
    BS->InstallConfigurationTable(&guid, rsdp);
}

/* ---- the start ---- */

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system) {
    EFI_LOADED_IMAGE *self;
    EFI_HANDLE pinwheel;

    InitializeLib(image, system);
    if (EFI_ERROR(BS->HandleProtocol(image, &LoadedImageProtocol, (void **)&self)))
        return EFI_NOT_FOUND;
    EFI_DEVICE_PATH *path = FileDevicePath(self->DeviceHandle, L"\\guests\\BOOTX64.EFI");
    EFI_STATUS status = BS->LoadImage(FALSE, image, path, NULL, 0, &pinwheel);
    if (EFI_ERROR(status))
        return status;
    exit_boot_services = BS->ExitBootServices;
    BS->ExitBootServices = exit_later;
    make_files_odd(self->DeviceHandle);
    install_screens();
    skew_other_cpus();
    install_acpi();
    make_control_registers_odd();
    return BS->StartImage(pinwheel, NULL, NULL);
}
