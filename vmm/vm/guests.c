/* The guests of the configuration: see guests.h. */
#include "vmm/vm/guests.h"

#include "drivers/console.h"
#include "lib/text.h"
#include "vmm/host/host.h"
#include "vmm/vcpu/vcpu.h"
#include "vmm/vm/results.h"
#include "vmm/vm/vm_create.h"

struct vm *guests[BOOT_MAX_GUESTS];
uint32_t guest_count;

/* ---- at the start ---- */

void guests_create(const struct boot_info *info) {
    for (uint32_t i = 0; i < info->guest_count; i++) {
        const struct boot_guest *guest = &info->guest[i];
        const char *reason = guest->problem;

        if (!guest->problem[0])
            guests[i] = vm_create(i, guest, &reason);
        if (!guests[i])
            results_not_started(guest, reason);
    }
    guest_count = info->guest_count;
    for (uint32_t i = 0; i < guest_count && guest_count > 1; i++) {
        for (unsigned j = 0; j < PC_CONSOLES && guests[i]; j++)
            guests[i]->console[j].prefix = guests[i]->name;
    }
}

static void guests_start_one(struct vm *vm) {
    uint32_t waiting = VM_WAITING;

    if (!atomic_compare_exchange_strong(&vm->state, &waiting, VM_RUNNING))
        return;
    atomic_store(&vm->live_vcpus, vm->vcpu_count);
    console_print("pinwheel: guest %s starts: %u vCPU%s, %lu MiB, stale_rescan=%s%s\n", vm->name,
                  vm->vcpu_count, vm->vcpu_count == 1 ? "" : "s", vm->ram_size >> 20,
                  vm->config->stale_rescan ? "on" : "off",
                  vm->software ? ", delivery=software"
                  : vm->posted ? ", delivery=posted"
                               : "");
    results_guest_starts(vm);
    vcpu_request(vm->vcpu[0], REQUEST_START);
}

/* Starts the guests that wait for the end of the guest `name`; "": those that wait for no other. */
static void guests_start_after(const char *name) {
    for (uint32_t i = 0; i < guest_count; i++) {
        if (guests[i] && text_equals(guests[i]->config->after, name, BOOT_NAME_SIZE))
            guests_start_one(guests[i]);
    }
}

/* A guest that could not be created counts as ended: otherwise others would wait for it for ever.
 */
void guests_start(void) {
    guests_start_after("");
    for (uint32_t i = 0; i < guest_count; i++) {
        if (!guests[i])
            guests_start_after(host.boot->guest[i].config.name);
    }
}

/* ---- at the end ---- */

void guests_vcpu_ended(struct vm *vm) {
    if (atomic_fetch_sub(&vm->live_vcpus, 1) != 1)
        return;
    for (unsigned i = 0; i < PC_CONSOLES; i++)
        guest_console_flush(&vm->console[i]);
    results_of_guest(vm);
    host_wake(host.cpu[0]);
}

void guests_print_results(void) {
    struct vm *vm = results_step();

    if (!vm)
        return;
    guests_start_after(vm->name);
    atomic_store(&vm->state, VM_ENDED);
}

void guests_end_all(const char *reason) {
    for (uint32_t i = 0; i < guest_count; i++) {
        uint32_t waiting = VM_WAITING;
        if (guests[i] && atomic_compare_exchange_strong(&guests[i]->state, &waiting, VM_ENDED))
            results_not_started(guests[i]->boot, reason);
    }
    for (uint32_t i = 0; i < guest_count; i++) {
        if (guests[i])
            vm_kill(guests[i], "%s", reason);
    }
}

bool guests_all_ended(void) {
    for (uint32_t i = 0; i < guest_count; i++) {
        if (guests[i] && atomic_load(&guests[i]->state) != VM_ENDED)
            return false;
    }
    return true;
}
