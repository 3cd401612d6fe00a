/* Switching a guest's PC off and resetting it: by the registers of hardware-reduced ACPI, and by
 * two older ways to reset that operating systems try. Each ends the guest with the result "pass"
 * and with how=poweroff or how=reset. A guest that reports a panic ends with the result "fail" and
 * how=panic: the reset that may follow would look like any other.
 *
 * Also the power button, which requests a power-off: a Generic Event Device of the DSDT handles its
 * interrupt (ACPI 6.5, "Interrupt-signaled ACPI events"); and ACPI's timer. Read next:
 * vmm/devices/pc_map.h, vmm/devices/dsdt.asl. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"

#define PC_POWER_REGISTERS     4 /* from PC_SLEEP_CONTROL to PC_BUTTON_PORT */
#define PC_POWER_TIMER_BYTES   4 /* from PC_PM_TIMER */
#define PC_POWER_RESET_CONTROL 0xcf9

struct pc;

struct pc_power {
    struct spinlock lock;
    bool pressed; /* the button was pressed; also the level of its line */
};

/* Presses the power button. Any CPU. */
void pc_power_press(struct pc *pc);

/* The guest's accesses to the ports from PC_SLEEP_CONTROL on, and below to others. Any CPU. */
uint32_t pc_power_in(struct pc *pc, uint16_t port, unsigned size);
void pc_power_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);

/* ACPI's power management timer. It always counts, and it causes no interrupt. */
uint32_t pc_power_timer_in(struct pc *pc, uint16_t port, unsigned size);

/* PM1 control: of all that it does on a PC, it only switches off. */
uint32_t pc_power_pm1_in(struct pc *pc, uint16_t port, unsigned size);
void pc_power_pm1_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);

/* QEMU's "pvpanic" device, by which a kernel reports its panic. */
uint32_t pc_power_panic_in(struct pc *pc, uint16_t port, unsigned size);
void pc_power_panic_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);

/* The reset control register of Intel's chipsets. */
void pc_power_reset_control_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
