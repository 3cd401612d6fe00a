/* Off and reset, and the timer: see power.h. */
#include "vmm/pc/power.h"

#include "arch/instructions.h"
#include "drivers/tsc.h"
#include "vmm/devices/pc_map.h"
#include "vmm/pc/irq_lines.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vm.h"

_Static_assert(PC_SLEEP_STATUS == PC_SLEEP_CONTROL + 1 && PC_RESET_PORT == PC_SLEEP_CONTROL + 2 &&
                   PC_BUTTON_PORT == PC_SLEEP_CONTROL + 3,
               "one range of ports");

/* Command FxH: the output lines whose bit is 0 are pulsed; line 0 is the processor's reset. */
#define KEYBOARD_PULSE_MASK  0xf1
#define KEYBOARD_PULSE_RESET 0xf0

#define PM_TIMER_MASK        0xffffff /* the FADT's flag TMR_VAL_EXT is 0 */

#define RESET_CONTROL_CPU    4 /* its rise resets; it is never seen set */

/* ---- the button ---- */

static void set_pressed(struct vm *vm, bool pressed) {
    spin_lock(&vm->power.lock);
    vm->power.pressed = pressed;
    irq_lines_set_line(vm, IRQ_SOURCE_BUTTON, PC_BUTTON_IRQ, pressed);
    spin_unlock(&vm->power.lock);
}

void pc_power_press(struct vm *vm) {
    set_pressed(vm, true);
}

/* ---- ports ---- */

/* No other register keeps anything: nothing is asleep, and nothing has woken. */
uint32_t pc_power_in(struct vcpu *vcpu, uint16_t port, unsigned size) {
    struct pc_power *power = &vcpu->vm->power;

    (void)size;
    spin_lock(&power->lock);
    uint32_t value = port == PC_BUTTON_PORT && power->pressed;
    spin_unlock(&power->lock);
    return value;
}

/* S5 is the one sleep state that \_Sx packages name. */
void pc_power_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value) {
    (void)size;
    if (port == PC_SLEEP_CONTROL && value & PC_SLEEP_ENABLE &&
        (value >> PC_SLEEP_TYPE_SHIFT & 7) == PC_SLEEP_TYPE_S5)
        vm_exit(vcpu->vm, "poweroff", 0);
    else if (port == PC_RESET_PORT && (uint8_t)value == PC_RESET_VALUE)
        vm_exit(vcpu->vm, "reset", 0);
    else if (port == PC_BUTTON_PORT && value & 1)
        set_pressed(vcpu->vm, false);
}

uint32_t pc_power_timer_in(struct vcpu *vcpu, uint16_t port, unsigned size) {
    (void)vcpu;
    (void)size;
    uint32_t count = (uint32_t)tsc_scale(rdtsc(), tsc_frequency(), PC_PM_TIMER_HZ) & PM_TIMER_MASK;
    return count >> 8 * (port - PC_PM_TIMER);
}

uint32_t pc_power_panic_in(struct vcpu *vcpu, uint16_t port, unsigned size) {
    (void)vcpu;
    (void)port;
    (void)size;
    return PC_PANIC_PANICKED;
}

/* Another event is a panic that the guest has a crash kernel for: that one goes on. */
void pc_power_panic_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value) {
    (void)port;
    (void)size;
    if (value & PC_PANIC_PANICKED)
        vm_exit(vcpu->vm, "panic", 1);
}

void pc_power_keyboard_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value) {
    (void)port;
    (void)size;
    if ((value & KEYBOARD_PULSE_MASK) == KEYBOARD_PULSE_RESET)
        vm_exit(vcpu->vm, "reset", 0);
}

void pc_power_reset_control_out(struct vcpu *vcpu, uint16_t port, unsigned size, uint32_t value) {
    (void)port;
    (void)size;
    if (value & RESET_CONTROL_CPU)
        vm_exit(vcpu->vm, "reset", 0);
}
