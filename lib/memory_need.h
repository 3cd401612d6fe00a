/* How much memory the hypervisor needs for itself, besides the guests' RAM and files.
 *
 * It allocates everything while it starts, and without memory it can only panic. So the boot loader
 * computes the need from what it knows, and refuses a machine that has less; the hypervisor asserts
 * that what it allocates is within these sums. Pure. Read next: vmm/host/host_memory.h. */
#pragma once
#include <stdint.h>

#include "lib/boot_info.h"

#define NEED_KIB 1024ULL

/* The image, aligned; the pages that exist once; the screen's mapping; a reserve. */
#define NEED_FIXED (6144 * NEED_KIB)
/* Its structure, stacks, trace, VMXON region, and its part of the tables that map the stacks. */
#define NEED_PER_CPU (200 * NEED_KIB)
/* Its structure, VMCS, virtual-APIC page, XSAVE area; its part of the routing, and its counters. */
#define NEED_PER_VCPU (44 * NEED_KIB)
/* Its structure, and two EPTs of seven tables. */
#define NEED_PER_GUEST (80 * NEED_KIB)
/* For each 2 MiB of a guest's RAM: a table in each EPT, where iTLB multihit requires pages of 4
 * KiB. */
#define NEED_PER_2_MIB (8 * NEED_KIB)
/* Of a guest with `story` or `trace`: the trace of each CPU that may record its events. */
#define NEED_TRACE_RING (132 * NEED_KIB)

/* Bytes. The CPUs, regions and guests' configurations must be filled in. */
uint64_t memory_need(const struct boot_info *info);
