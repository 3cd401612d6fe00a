/* The guests of the configuration: created, started in their order, and ended.
 *
 * Any CPU may call, except where it says otherwise. Read next: vm_create.h, results.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/boot_info.h"

struct vm;

/* By their position in the configuration; NULL: could not be created. */
extern struct vm *guests[BOOT_MAX_GUESTS];
extern uint32_t guest_count;

/* Creates all guests of the configuration; then starts those that wait for no other. Each once, on
 * the boot CPU. */
void guests_create(const struct boot_info *info);
void guests_start(void);

/* To call when a vCPU of this VM has ended, on its own CPU. If it was the last one, the guest has
 * ended, and its results are queued. */
void guests_vcpu_ended(struct vm *vm);
/* Periodic, on the boot CPU: prints a piece of the results. When those of a guest are complete, the
 * guests that waited for it start. */
void guests_print_results(void);

/* Kills all guests that run, and reports those that wait as not started. */
void guests_end_all(const char *reason);
bool guests_all_ended(void);
