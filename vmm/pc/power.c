/* Switching a guest's PC off and resetting it, the power button, ACPI's timer: see power.h. */
#include "vmm/pc/power.h"

#include "vmm/devices/pc_map.h"
#include "vmm/pc/pc.h"

_Static_assert(PC_SLEEP_STATUS == PC_SLEEP_CONTROL + 1 && PC_RESET_PORT == PC_SLEEP_CONTROL + 2 &&
                   PC_BUTTON_PORT == PC_SLEEP_CONTROL + 3,
               "one range of ports");

#define PM_TIMER_MASK     0xffffff /* the FADT's flag TMR_VAL_EXT is 0 */

#define RESET_CONTROL_CPU 4 /* resets when it is set */

static void end_guest(struct pc *pc, const char *how, uint32_t code) {
    pc->config.effects->end_guest(pc->config.context, how, code);
}

/* ---- the button ---- */

static void button_set(struct pc *pc, bool pressed) {
    spin_lock(&pc->power.lock);
    pc->power.pressed = pressed;
    irq_lines_set(pc, IRQ_SOURCE_BUTTON, PC_BUTTON_IRQ, pressed);
    spin_unlock(&pc->power.lock);
}

void pc_power_press(struct pc *pc) {
    button_set(pc, true);
}

/* ---- ports ---- */

/* The button's is the only register that holds a value: nothing sleeps, so nothing has woken. */
uint32_t pc_power_in(struct pc *pc, uint16_t port, unsigned size) {
    (void)size;
    spin_lock(&pc->power.lock);
    uint32_t value = port == PC_BUTTON_PORT && pc->power.pressed;
    spin_unlock(&pc->power.lock);
    return value;
}

/* S5 is the only sleep state for which the DSDT has a package. */
void pc_power_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    (void)size;
    if (port == PC_SLEEP_CONTROL && value & PC_SLEEP_ENABLE &&
        (value >> PC_SLEEP_TYPE_SHIFT & 7) == PC_SLEEP_TYPE_S5)
        end_guest(pc, "poweroff", 0);
    else if (port == PC_RESET_PORT && (uint8_t)value == PC_RESET_VALUE)
        end_guest(pc, "reset", 0);
    else if (port == PC_BUTTON_PORT && value & 1)
        button_set(pc, false);
}

uint32_t pc_power_timer_in(struct pc *pc, uint16_t port, unsigned size) {
    (void)size;
    uint32_t count =
        (uint32_t)time_scale(pc_now(pc), pc->config.tsc_hz, PC_PM_TIMER_HZ) & PM_TIMER_MASK;
    return count >> 8 * (port - PC_PM_TIMER);
}

uint32_t pc_power_panic_in(struct pc *pc, uint16_t port, unsigned size) {
    (void)pc;
    (void)port;
    (void)size;
    return PC_PANIC_PANICKED;
}

/* The other event, a crash that the guest handles by a crash kernel, does not end the guest. */
void pc_power_panic_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    (void)port;
    (void)size;
    if (value & PC_PANIC_PANICKED)
        end_guest(pc, "panic", 1);
}

/* ACPI mode is always on. The high byte follows at the next port. */
uint32_t pc_power_pm1_in(struct pc *pc, uint16_t port, unsigned size) {
    (void)pc;
    (void)size;
    return port & 1 ? 0 : PC_PM1_SCI_ENABLED;
}

void pc_power_pm1_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    uint32_t control = port & 1 ? value << 8 : value;
    uint32_t type = control >> PC_PM1_TYPE_SHIFT & 7;

    (void)size;
    if (control & PC_PM1_ENABLE && (type == PC_SLEEP_TYPE_S5 || type == PC_PM1_TYPE_S5_OLD))
        end_guest(pc, "poweroff", 0);
}

void pc_power_reset_control_out(struct pc *pc, uint16_t port, unsigned size, uint32_t value) {
    (void)port;
    (void)size;
    if (value & RESET_CONTROL_CPU)
        end_guest(pc, "reset", 0);
}
