/* Switching the machine off: see power.h. */
#include "drivers/power.h"

#include "arch/instructions.h"
#include "drivers/console.h"

#define SCI_ENABLE         (1u << 0)
#define SLEEP_ENABLE       (1u << 13)
#define SLEEP_TYPE_SHIFT   10
#define SLEEP_TYPE_MASK    (7u << SLEEP_TYPE_SHIFT)
#define EFI_RESET_SHUTDOWN 2
#define ATTEMPT_READS      100000 /* of a port: about 100 ms */
#define PORT_DELAY         0x80   /* the POST code: reading it only takes time */

typedef void reset_system_function(uint32_t type, uint64_t status, uint64_t size, void *data)
    __attribute__((ms_abi));

static struct power_methods methods;

/* ResetSystem() runs under the boot loader's page tables, where the hypervisor's stacks are not
 * mapped, but its image is. */
static _Alignas(16) uint8_t firmware_stack[16384];

void power_init(const struct power_methods *m) {
    methods = *m;
}

static void write_pm1_control(uint16_t port, uint8_t sleep_type) {
    uint16_t kept = in16(port) & (uint16_t)~SLEEP_TYPE_MASK;

    out16(port, (uint16_t)(kept | sleep_type << SLEEP_TYPE_SHIFT | SLEEP_ENABLE));
}

static void power_off_by_acpi(const struct acpi_soft_off *off) {
    if (!off->pm1a_control)
        return;
    if (!(in16(off->pm1a_control) & SCI_ENABLE) && off->smi_command) {
        out8(off->smi_command, off->acpi_enable);
        for (unsigned i = 0; i < ATTEMPT_READS && !(in16(off->pm1a_control) & SCI_ENABLE); i++)
            cpu_pause();
    }
    wbinvd();
    write_pm1_control(off->pm1a_control, off->sleep_type_a);
    if (off->pm1b_control)
        write_pm1_control(off->pm1b_control, off->sleep_type_b);
    for (unsigned i = 0; i < ATTEMPT_READS; i++)
        in8(PORT_DELAY);
}

static void call_reset_system(void) {
    write_cr3(methods.firmware_cr3);
    ((reset_system_function *)methods.reset_system)(EFI_RESET_SHUTDOWN, 0, 0, 0);
    for (;;)
        halt();
}

_Noreturn void power_off(void) {
    interrupts_off();
    console_drain();
    power_off_by_acpi(&methods.acpi);
    if (methods.reset_system) {
        __asm__ volatile("mov %0, %%rsp\n\t"
                         "call %P1"
                         :
                         : "r"(firmware_stack + sizeof(firmware_stack)), "i"(call_reset_system)
                         : "memory");
    }
    console_print(
        "pinwheel: this machine cannot be switched off by software; switch it off by hand.\n");
    for (;;)
        halt();
}
