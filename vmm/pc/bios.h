/* What a guest has where a PC has the BIOS: the ACPI tables, and what to do at the reset vector. No
 * service of a BIOS. It is RAM; a guest that writes to it has itself to thank. */
#pragma once

struct vm;

/* Before the kernel is loaded: one that wants to be there goes before. Returns NULL, or why not, in
 * words. */
const char *bios_place(struct vm *vm);
