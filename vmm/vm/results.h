/* What a guest leaves behind: its counters, its story, its result; and the end of everything. */
#pragma once
#include <stdint.h>

struct vm;

/* The lines that others parse (README, "Output"). The guest's vCPUs have stopped. */
void results_of_guest(struct vm *vm);

/* Parts of it, also while the guest runs: the counters; what the last `most` records of each CPU's
 * trace tell of the guest, as sentences. */
void results_print_counters(const struct vm *vm);
void results_tell_story(const struct vm *vm, uint64_t most);
/* A vCPU's registers, on its own CPU: its VMCS is current. */
struct vcpu;
void results_print_registers(const struct vcpu *vcpu);

/* A guest of the configuration that could not be started. */
struct boot_guest;
void results_not_started(const struct boot_guest *guest, const char *reason);

/* On the boot CPU, when all guests have ended. */
_Noreturn void results_and_power_off(void);
