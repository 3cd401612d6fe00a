/* How a guest's PC is wired to the rest: see pc_wiring.h. */
#include "vmm/vm/pc_wiring.h"

#include "arch/instructions.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vcpu/vm.h"

static void wiring_set_pin(void *context, unsigned pin, bool level) {
    routing_set_line(&((struct vm *)context)->routing, pin, level);
}

static void wiring_intr_rose(void *context) {
    struct vm *vm = context;

    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        vcpu_request(vm->vcpu[i], REQUEST_LINT0);
}

static void wiring_timer_changed(void *context) {
    vcpu_request(((struct vm *)context)->vcpu[0], REQUEST_TIMER);
}

static void wiring_end_guest(void *context, const char *how, uint32_t code) {
    vm_exit(context, how, code);
}

static void wiring_console_put(void *context, enum pc_console console, char c) {
    guest_console_put(&((struct vm *)context)->console[console], c);
}

static bool wiring_console_has_room(void *context, enum pc_console console) {
    return guest_console_has_room(&((struct vm *)context)->console[console]);
}

const struct pc_effects pc_wiring = {
    .now = rdtsc,
    .set_pin = wiring_set_pin,
    .intr_rose = wiring_intr_rose,
    .timer_changed = wiring_timer_changed,
    .end_guest = wiring_end_guest,
    .console_put = wiring_console_put,
    .console_has_room = wiring_console_has_room,
};
