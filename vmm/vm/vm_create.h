/* Creating a virtual machine: its memory, EPT, PC, kernel and vCPUs. Read next: vmm/vcpu/vm.h. */
#pragma once
#include <stdint.h>

#include "lib/boot_info.h"

struct vm;

/* Creates the VM of guest `index` of the configuration, and loads the guest's kernel. NULL if that
 * fails; then *reason says why, for the user. On the boot CPU, before any guest runs. */
struct vm *vm_create(uint32_t index, const struct boot_guest *boot, const char **reason);
