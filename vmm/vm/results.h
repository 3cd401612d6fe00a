/* What is printed when guests end: the counters, the story, the outcome, and Pinwheel's last line.
 *
 * docs/configuration.md, "Output", describes each line. Read next: vmm/interrupts/trace.h,
 * vmm/interrupts/routing.h (the counters). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct boot_guest;
struct vm;

/* Prints the results of a guest whose vCPUs have ended. Any CPU. */
void results_of_guest(struct vm *vm);

/* Print parts of the results, also while the guest runs: its counters; and, as sentences, its
 * events among the last `most` records of each CPU's trace. Any CPU. */
void results_print_counters(const struct vm *vm);
void results_tell_story(const struct vm *vm, uint64_t most);
/* Its text screen at B8000H, which no port or device shows; false: the screen is blank. */
bool results_print_screen(const struct vm *vm);

/* Reports a guest of the configuration that is not started; the reason is for the user. */
void results_not_started(const struct boot_guest *guest, const char *reason);

/* Prints the last line and switches the machine off. On the boot CPU, when all guests have ended.
 */
_Noreturn void results_and_power_off(void);
