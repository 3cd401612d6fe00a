/* Creating a virtual machine: memory, EPT, PC, kernel, vCPUs. */
#pragma once
#include <stdint.h>

#include "lib/boot_info.h"

struct vm;

/* Allocates and loads the guest `index` of the configuration. NULL if that fails; then *reason says
 * why, in words. On the boot CPU, before any guest runs. */
struct vm *vm_create(uint32_t index, const struct boot_guest *boot, const char **reason);
