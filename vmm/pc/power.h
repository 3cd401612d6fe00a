/* How a guest switches its PC off, and resets it: hardware-reduced ACPI's registers, and the two
 * older ways to reset that operating systems try. Either ends the guest with the result "pass";
 * how=poweroff or how=reset tells which it was. And how it says that it has panicked, which ends it
 * with the result "fail" and how=panic: the reset that may follow looks like any other.
 *
 * And how it is asked to switch off: its power button, whose interrupt a Generic Event Device of
 * the DSDT handles. ACPI 6.5, "Interrupt-signaled ACPI events". ACPI's timer is here, too. */
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

struct vcpu;
struct vm;

struct pc_power {
    struct spinlock lock;
    bool pressed; /* the button, and the level of its line */
};

/* Presses the button. Any CPU. */
void pc_power_press(struct vm *vm);

uint32_t pc_power_in(struct vcpu *vcpu, uint16_t port, unsigned size);
void pc_power_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value);

/* ACPI's power management timer counts always and interrupts nobody. */
uint32_t pc_power_timer_in(struct vcpu *vcpu, uint16_t port, unsigned size);

/* The 8042's command port. There is no 8042; it reads as nothing does. */
void pc_power_keyboard_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value);

/* "pvpanic", as QEMU has it. */
uint32_t pc_power_panic_in(struct vcpu *vcpu, uint16_t port, unsigned size);
void pc_power_panic_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value);

/* The reset control register of Intel's chipsets. */
void pc_power_reset_control_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value);
