/* The guests of the configuration: created, started in their order, and ended.
 *
 * Any CPU may call, except where it says otherwise. Read next: vm_create.h, results.h. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "lib/boot_info.h"

struct vm;

/* By their place in the configuration; NULL: could not be created. */
extern struct vm *guests[BOOT_MAX_GUESTS];
extern uint32_t guest_count;

/* Creates all guests of the configuration, then starts those that wait for no other. On the boot
 * CPU, once. */
void guests_create(const struct boot_info *info);
void guests_start(void);

/* A vCPU has ended, on its own CPU. The last one of its VM ends the VM: its results are printed,
 * and the guests that waited for it start. */
void guests_vcpu_ended(struct vm *vm);

/* Kills all guests that run; those that wait will not start. */
void guests_end_all(const char *reason);
bool guests_all_ended(void);
