/* ELF64 files, as far as loaders read them. System V ABI, "ELF Header" and "Program Header". Pure.
 */
#pragma once
#include <stdint.h>

struct elf64_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_offset, section_offset;
    uint32_t flags;
    uint16_t header_size, program_entry_size, program_count;
    uint16_t section_entry_size, section_count, section_names;
};
_Static_assert(sizeof(struct elf64_header) == 64, "ELF64 header");

struct elf64_program {
    uint32_t type, flags;
    uint64_t offset, virtual_address, physical_address, file_size, memory_size, align;
};
_Static_assert(sizeof(struct elf64_program) == 56, "ELF64 program header");

#define ELF_TYPE_EXECUTABLE    2
#define ELF_MACHINE_386        3
#define ELF_MACHINE_X86_64     62
#define ELF_PROGRAM_LOAD       1 /* type */
#define ELF_PROGRAM_EXECUTABLE 1u
#define ELF_PROGRAM_WRITABLE   2u
