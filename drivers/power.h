/* Switching the machine off: by ACPI's S5 state where there are tables, else through the firmware's
 * runtime services, else by stopping. ACPI 6.5, "PM1 Control Grouping"; UEFI 2.10, "ResetSystem()".
 */
#pragma once
#include <stdint.h>

#include "drivers/acpi.h"

struct power_methods {
    struct acpi_soft_off acpi; /* zeroes: none */
    uint64_t reset_system;     /* physical address of ResetSystem(); 0: none */
    uint64_t firmware_cr3;     /* tables under which it may be called */
};

void power_init(const struct power_methods *methods);

/* The other CPUs have stopped. */
_Noreturn void power_off(void);
