/* What is printed when guests end: the counters, the story, the outcome, and Pinwheel's last line.
 *
 * Results may have thousands of lines, which take the serial port minutes. So they are printed
 * piece by piece: the boot CPU prints a few lines when there is room for them, and guests go on
 * meanwhile. The results of one guest are not mixed with those of another one.
 * docs/configuration.md, "Output", describes each line. Read next: vmm/interrupts/trace.h,
 * vmm/interrupts/routing.h (the counters). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct boot_guest;
struct vm;

/* To call before a guest starts: from here on its trace is counted. */
void results_guest_starts(struct vm *vm);

/* Queues the results of a guest whose vCPUs have ended. On the CPU of the last of them. */
void results_of_guest(struct vm *vm);

/* Request parts of the results, also while the guest runs, on the boot CPU: its counters; and, as
 * sentences, its events among the last RESULTS_RECORDS records of each CPU's trace. A request that
 * has not begun yet is replaced by the next. */
#define RESULTS_RECORDS 16
void results_request_counters(struct vm *vm);
void results_request_story(struct vm *vm);
/* Prints its text screen at B8000H, which no port or device shows; false: the screen is blank. */
bool results_print_screen(const struct vm *vm);

/* Prints some of what is queued, on the boot CPU: at most RESULTS_LINES lines, none if there is no
 * room. Returns a guest whose results are complete by that, or NULL. */
#define RESULTS_LINES 16
struct vm *results_step(void);
/* Whether there is anything left to print. */
bool results_wait(void);

/* Reports a guest of the configuration that is not started; the reason is for the user. On the boot
 * CPU. */
void results_not_started(const struct boot_guest *guest, const char *reason);

/* Prints the last line and switches the machine off. On the boot CPU, when all guests have ended.
 */
_Noreturn void results_and_power_off(void);
