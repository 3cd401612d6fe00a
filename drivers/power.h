/* Switching the machine off: by ACPI's S5 state where there are tables, else through the firmware's
 * runtime services, else by stopping. ACPI 6.5, "PM1 Control Grouping"; UEFI 2.10, "ResetSystem()".
 */
#pragma once
#include <stdint.h>

struct power_methods {
    uint16_t pm1a_control, pm1b_control; /* ports; 0: none */
    uint16_t smi_command;                /* port that switches ACPI mode on; 0: it is on */
    uint8_t acpi_enable;                 /* what to write there */
    uint8_t sleep_type_a, sleep_type_b;  /* SLP_TYP for S5 */
    uint64_t reset_system;               /* physical address of ResetSystem(); 0: none */
    uint64_t firmware_cr3;               /* tables under which it may be called */
};

void power_init(const struct power_methods *methods);

/* The other CPUs have stopped. */
_Noreturn void power_off(void);
