/* Switching the machine off: see power.h. */
#include "drivers/power.h"

#include "arch/instructions.h"
#include "drivers/console.h"

#define SCI_ENABLE         (1u << 0)
#define SLEEP_ENABLE       (1u << 13)
#define SLEEP_TYPE_SHIFT   10
#define EFI_RESET_SHUTDOWN 2
#define ATTEMPT_READS      100000 /* some 100 ms */

typedef void reset_system_function(uint32_t type, uint64_t status, uint64_t size, void *data)
    __attribute__((ms_abi));

static struct power_methods methods;

/* ResetSystem() runs under the firmware's identity map, where our stacks are not. */
static _Alignas(16) uint8_t firmware_stack[16384];

void power_init(const struct power_methods *m)
{
    methods = *m;
}

static void acpi_off(void)
{
    uint16_t a = (uint16_t)(methods.sleep_type_a << SLEEP_TYPE_SHIFT | SLEEP_ENABLE);
    uint16_t b = (uint16_t)(methods.sleep_type_b << SLEEP_TYPE_SHIFT | SLEEP_ENABLE);

    if (!methods.pm1a_control)
        return;
    if (!(in16(methods.pm1a_control) & SCI_ENABLE) && methods.smi_command) {
        out8(methods.smi_command, methods.acpi_enable);
        for (unsigned i = 0; i < ATTEMPT_READS && !(in16(methods.pm1a_control) & SCI_ENABLE); i++)
            cpu_pause();
    }
    wbinvd();
    out16(methods.pm1a_control, (uint16_t)((in16(methods.pm1a_control) & ~0x3c00u) | a));
    if (methods.pm1b_control)
        out16(methods.pm1b_control, (uint16_t)((in16(methods.pm1b_control) & ~0x3c00u) | b));
    for (unsigned i = 0; i < ATTEMPT_READS; i++)
        in8(0x80);
}

static void call_reset_system(void)
{
    write_cr3(methods.firmware_cr3);
    ((reset_system_function *)methods.reset_system)(EFI_RESET_SHUTDOWN, 0, 0, 0);
    for (;;)
        halt();
}

_Noreturn void power_off(void)
{
    interrupts_off();
    console_drain();
    acpi_off();
    if (methods.reset_system) {
        __asm__ volatile("mov %0, %%rsp\n\t"
                         "call *%1"
                         :
                         : "r"(firmware_stack + sizeof(firmware_stack)), "r"(call_reset_system)
                         : "memory");
    }
    console_print("pinwheel: this machine cannot be switched off by software; it may be now.\n");
    for (;;)
        halt();
}
