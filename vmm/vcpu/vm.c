/* A virtual machine as its vCPUs see it: see vm.h. */
#include "vmm/vcpu/vm.h"

#include <stdarg.h>

#include "drivers/console.h"
#include "lib/format.h"
#include "vmm/vcpu/vcpu.h"

/* ---- the end ---- */

/* False: the guest is ending already, or has not started. */
static bool vm_begin_end(struct vm *vm, enum vm_result result, const char *how, uint32_t code) {
    uint32_t running = VM_RUNNING;

    if (!atomic_compare_exchange_strong(&vm->state, &running, VM_ENDING))
        return false;
    vm->result = result;
    vm->how = how;
    vm->code = code;
    return true;
}

static void vm_stop_vcpus(struct vm *vm) {
    for (uint32_t i = 0; i < vm->vcpu_count; i++)
        vcpu_request(vm->vcpu[i], REQUEST_STOP);
}

void vm_exit(struct vm *vm, const char *how, uint32_t code) {
    if (vm_begin_end(vm, code == 0 ? VM_PASSED : VM_FAILED, how, code))
        vm_stop_vcpus(vm);
}

void vm_kill(struct vm *vm, const char *fmt, ...) {
    va_list args;

    if (!vm_begin_end(vm, VM_KILLED, "killed", 0))
        return;
    va_start(args, fmt);
    format_va(vm->reason, sizeof(vm->reason), fmt, args);
    va_end(args);
    console_print("pinwheel: guest %s is killed: %s\n", vm->name, vm->reason);
    vm_stop_vcpus(vm);
}

/* ---- memory ---- */

void *vm_ram(const struct vm *vm, uint64_t address, uint64_t size) {
    if (size > vm->ram_size || address > vm->ram_size - size)
        return NULL;
    return vm->ram + address;
}

/* ---- reports, bounded ---- */

void vm_log_access(struct vm *vm, const char *what, uint64_t address) {
    uint32_t before = atomic_fetch_add(&vm->logged, 1);

    if (before < VM_LOGGED_ACCESSES)
        console_print("pinwheel: guest %s: %s at 0x%lx: no RAM or device at this address\n",
                      vm->name, what, address);
    else if (before == VM_LOGGED_ACCESSES)
        console_print("pinwheel: guest %s: further accesses to such addresses are not reported\n",
                      vm->name);
    else
        atomic_store(&vm->logged, VM_LOGGED_ACCESSES + 1); /* never wraps */
}

void vm_log_msr(struct vm *vm, const char *what, uint32_t msr) {
    for (unsigned i = 0; i < VM_LOGGED_MSRS; i++) {
        uint64_t seen = 0;

        if (atomic_compare_exchange_strong(&vm->logged_msr[i], &seen, msr + 1ULL)) {
            console_print("pinwheel: guest %s: %s of 0x%x: no such MSR, #GP\n", vm->name, what,
                          msr);
            return;
        }
        if (seen == msr + 1ULL)
            return;
    }
}
