/* How a guest switches its PC off and resets it: hardware-reduced ACPI's registers, and the two
 * older ways to reset that operating systems try. Either ends the guest with the result "pass";
 * how=poweroff or how=reset tells them apart. A guest that reports a panic ends with the result
 * "fail" and how=panic: the reset that may follow would look like any other.
 *
 * Also the power button, which asks the guest to switch off: a Generic Event Device of the DSDT
 * handles its interrupt (ACPI 6.5, "Interrupt-signaled ACPI events"); and ACPI's timer. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "arch/spinlock.h"

#define PC_POWER_REGISTERS                                                                         \
    4 /* PC_SLEEP_CONTROL, PC_SLEEP_STATUS, PC_RESET_PORT, PC_BUTTON_PORT                          \
       */
#define PC_POWER_TIMER_BYTES   4 /* from PC_PM_TIMER */
#define PC_POWER_KEYBOARD      0x64
#define PC_POWER_RESET_CONTROL 0xcf9

struct pc;

struct pc_power {
    struct spinlock lock;
    bool pressed; /* the button, and the level of its line */
};

/* Presses the button. Any CPU. */
void pc_power_press(struct pc *pc);

/* The guest's ports; `port` is the whole number. */
uint32_t pc_power_in(struct pc *pc, uint16_t port, unsigned size);
void pc_power_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);

/* ACPI's power management timer: it always counts and never interrupts. */
uint32_t pc_power_timer_in(struct pc *pc, uint16_t port, unsigned size);

/* The 8042's command port. There is no 8042: only the reset pulse has an effect. */
void pc_power_keyboard_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);

/* QEMU's "pvpanic" device. */
uint32_t pc_power_panic_in(struct pc *pc, uint16_t port, unsigned size);
void pc_power_panic_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);

/* The reset control register of Intel's chipsets. */
void pc_power_reset_control_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value);
