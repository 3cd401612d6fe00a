/* The results of guests: counters, story, outcome; and the last line of all. */
#pragma once
#include <stdint.h>

struct vm;

/* Prints the results of a guest whose vCPUs have stopped: docs/configuration.md, "Output". */
void results_of_guest(struct vm *vm);

/* Parts of it, also while the guest runs: the counters; and as sentences, the guest's events among
 * the last `most` records of each CPU's trace. */
void results_print_counters(const struct vm *vm);
void results_tell_story(const struct vm *vm, uint64_t most);
/* Reports a guest of the configuration that could not be started. */
struct boot_guest;
void results_not_started(const struct boot_guest *guest, const char *reason);

/* Prints the last line and switches the machine off. On the boot CPU, when all guests have ended.
 */
_Noreturn void results_and_power_off(void);
