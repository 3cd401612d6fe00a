/* Switches the machine off: by ACPI's S5 state if the tables describe it, else by the firmware's
 * runtime services. If both fail, the machine stops. ACPI 6.5, "PM1 Control Grouping"; UEFI 2.10,
 * "ResetSystem()". Read next: acpi.h. */
#pragma once
#include <stdint.h>

#include "drivers/acpi.h"

struct power_methods {
    struct acpi_soft_off acpi; /* all 0: not available */
    uint64_t reset_system;     /* physical address of ResetSystem(); 0: not available */
    uint64_t firmware_cr3;     /* the page tables under which it can be called */
};

/* Sets the methods for power_off(). */
void power_init(const struct power_methods *methods);

/* Waits until all output has been sent, then switches off. All other CPUs have stopped. */
_Noreturn void power_off(void);
