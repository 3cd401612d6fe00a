/* Carrying out what arch/speculation.c has decided, on each CPU of the machine. What happens at VM
 * entries and exits is in arch/vmx/vmx_enter.asm, what happens on a change of guest in
 * vmm/vcpu/vcpu.c. Read next: arch/speculation.h. */
#pragma once
#include "arch/speculation.h"
#include "lib/boot_info.h"

/* What is done on this machine; set by mitigations_init(). */
extern struct speculation mitigations;

/* Decides from the boot CPU and the configuration, sets `mitigations`, and applies it to the
 * boot CPU. Before vCPUs are created, once. */
void mitigations_init(const struct boot_info *info);

/* Applies it to the calling CPU. Returns NULL, or why the CPU cannot be used, in words. */
const char *mitigations_apply(void);
